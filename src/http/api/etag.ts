// Entity tags: a hash of the representation, without what changes by itself, such as the last use: nobody decides by
// those, and a change that was prepared with care would fail because of a pull in between.
import { createHash } from 'node:crypto'
import { Refusal } from '../../access/refusal.ts'
import { ProblemError } from './problem-error.ts'

const changingByItself: ReadonlySet<string> = new Set([
  'actionsUsed',
  'bytes',
  'flags',
  'grants',
  'lastSeenAt',
  'lastUsedAt',
  'lastUsedFrom',
  'manifests',
  'members',
  'pushedAt',
  'repositories',
  'secret',
  'secrets',
  'tags',
  'teams',
  'token',
  'waiting',
])

export function etagOf(representation: object): string {
  const fields = Object.entries(representation)
    .filter(([key, value]) => value !== undefined && !changingByItself.has(key))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  // What lies deeper too, such as the secrets of a token.
  const decided = JSON.stringify(fields, (key, value: unknown) =>
    changingByItself.has(key) ? undefined : value,
  )
  const hash = createHash('sha256').update(decided).digest('base64url')
  return `"${hash.slice(0, 22)}"`
}

const entityTags =
  /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:\s*,\s*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")*$/

/**
 * What If-Match asks for, as a check of a representation; undefined when the header is not there.
 *
 * @throws {ProblemError} bad-request when the header is no list of tags
 */
export function expectationOf(
  ifMatch: string | undefined,
): ((representation: object) => void) | undefined {
  if (ifMatch === undefined) return undefined
  const text = ifMatch.trim()
  if (text === '*') return () => undefined
  if (text.length > 2000 || !entityTags.test(text)) {
    throw new ProblemError(
      'bad-request',
      'If-Match must be * or a list of entity tags, such as "abc".',
    )
  }
  // A weak tag says that two are alike, which is not enough to change one of them (RFC 9110, 8.8.3.2).
  const wanted = new Set(text.match(/(?:W\/)?"[^"]*"/g))
  return (representation) => {
    if (wanted.has(etagOf(representation))) return
    throw new Refusal('changed', 'it was changed since you have seen it', {
      why: 'its entity tag is no longer the one in If-Match',
      fix: 'read it again, and decide again',
    })
  }
}

/** For a domain function: `changeGrant(deps, actor, { …, ...expecting(call.expect, grantOutput) })`. */
export function expecting<T>(
  expect: ((representation: object) => void) | undefined,
  represent: (current: T) => object,
): { readonly expect?: (current: T) => void } {
  return expect === undefined ? {} : { expect: (current) => expect(represent(current)) }
}
