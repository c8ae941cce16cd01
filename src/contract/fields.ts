// The words that the schemas of all nouns share. Every text has a length and no control characters: those could break
// a line of a log or a terminal, and PostgreSQL does not keep all of them.
import { z } from 'zod'

// Control characters and halves of surrogate pairs.
const plainText = /^[^\p{Cc}\p{Cs}]*$/u

export function text(longest: number) {
  return z
    .string()
    .max(longest)
    .regex(plainText, { error: 'It must be one line of text without control characters.' })
}

/** A number, which stands as text in a path or a query. */
export function queryNumber(least: number, most: number) {
  return z.preprocess(
    (value: number | string) =>
      typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value,
    z.int().min(least).max(most),
  )
}

/** true or false, which stand as text in a query. */
export function queryFlag() {
  return z.preprocess((value: boolean | 'true' | 'false') => {
    if (value === 'true') return true
    return value === 'false' ? false : value
  }, z.boolean())
}

export const id = z.int().min(1).describe('Number that is never given to another one')

/** The id as a part of the path. */
export function pathId(what: string) {
  return queryNumber(1, Number.MAX_SAFE_INTEGER).describe(`Id of the ${what}`)
}

/** Of a user, a robot or a trust rule: unique over all of them. */
export const principalName = text(255)
  .min(1)
  .regex(/^[^/]*$/)
  .describe('Name of a user, a robot or a trust rule; no two have the same')

/** Of a team, a namespace and whatever else is named like a part of a repository's name. */
export const componentName = text(128)
  .min(1)
  .regex(/^[^/]*$/)
  .describe('Lower-case letters and digits, with single . _ - between them')

export const repositoryName = text(200)
  .min(1)
  .describe('Name of a repository with all its parts, such as team/app')

export const tagName = text(128).min(1).describe('Tag, such as 1.4')

/** Read by auth/place.ts. */
export const place = text(255)
  .min(1)
  .describe(
    'Where: * everything, / names without a slash, web/ a namespace, web/app a repository, or a glob such as web/*-dev ' +
      '(* and ? stay within a part of a name, ** crosses slashes)',
  )

/** Read by access/subjects.ts. */
export const subject = text(300)
  .min(1)
  .describe(
    'Who: user:NAME, robot:NAME, federated:NAME, team:NAME, signed-in (everybody with an account) or anonymous',
  )

export const action = z
  .enum(['pull', 'push', 'overwrite', 'delete', 'decide', 'admin'])
  .describe(
    'push adds content and new tags; overwrite moves a tag that is there; decide is about findings',
  )

export const actions = z.array(action).max(6).describe('What may be done, in a fixed order')

/** Read by auth/action.ts. */
export const roleOrActions = text(100)
  .min(1)
  .describe(
    'A role (reader, writer, maintainer, owner), or actions with commas between, such as pull,push',
  )

/** Read by auth/token-scope.ts. */
export const scope = text(400)
  .min(1)
  .describe('Where and what, such as web/app:pull,push or web/:reader')

export const scopes = z.array(scope).min(1).max(100)

export const visibility = z
  .enum(['private', 'internal', 'public'])
  .describe('Who may pull: whoever has a grant, whoever has an account, or everybody')

export const description = text(1000).describe('One line for people')

export const displayName = text(200).describe('Name for people, such as Ann Example')

export const reason = text(500).describe('Why, for whoever reads it later')

export const password = z.string().min(1).max(1024)

/** Shown once, when it is made. */
export const secret = z
  .string()
  .max(200)
  .describe('The secret. It is shown this once, and kept nowhere')

export const time = z.iso.datetime().max(40).describe('Time in UTC, as in 2026-11-23T12:00:00Z')

export const expiry = time.nullable().describe('When it ends; null: it does not end by itself')

export const address = text(100).describe('Network address')

export const after = z
  .string()
  .min(1)
  .max(700)
  .regex(/^[A-Za-z0-9_-]+$/)
  .describe('Where to go on: `next` of the page before')

/** What every list takes. */
export const pageInput = {
  limit: queryNumber(1, 500).default(100).describe('The most items to give'),
  after: after.optional(),
}

/** What every list answers. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    next: after.optional().describe('There is more: give this as `after`. A page may be short'),
  })
}

/** What has nothing to say but that it was done. */
export const nothing = z.undefined()
