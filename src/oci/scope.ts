// What a token is asked for and grants, `repository:team/app:pull,push`: the scopes of
// distribution's token authentication, docs/content/spec/auth/scope.md.

import { quoted } from './quoted.ts'

export type Action =
  | 'pull'
  | 'push'
  | 'overwrite'
  | 'delete'
  | 'decide'
  | 'admin'
  | '*'
  // Others are parsed too: what they grant is not this file's business.
  | (string & {})

export interface ResourceScope {
  /** `repository` or `registry`; a class in parentheses, as in `repository(plugin)`, is dropped. */
  readonly type: string
  readonly name: string
  readonly actions: readonly Action[]
}

export class ScopeSyntaxError extends Error {
  override readonly name = 'ScopeSyntaxError'
}

/**
 * The scopes of all `scope` parameters, each of which may hold several with spaces between. Those
 * for one resource are joined, in the order of their first mention.
 *
 * @throws {ScopeSyntaxError} when one is malformed, or they are too many or too long
 */
export function parseScopes(parameters: readonly string[]): readonly ResourceScope[] {
  let length = 0
  for (const parameter of parameters) length += parameter.length
  if (length > maxLength) {
    throw new ScopeSyntaxError(
      `The scopes have ${length} characters; the limit is ${maxLength}. Ask for fewer at a time.`,
    )
  }

  const found = new Map<string, FoundScope>()
  for (const parameter of parameters) {
    for (const text of parameter.split(' ')) {
      if (text !== '') addScope(found, text)
    }
  }
  return Array.from(found.values(), ({ type, name, actions }) => ({
    type,
    name,
    actions: [...actions],
  }))
}

/** The form that parseScopes reads, for a challenge or a token answer. */
export function formatScopes(scopes: readonly ResourceScope[]): string {
  return scopes.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' ')
}

interface FoundScope {
  readonly type: string
  readonly name: string
  readonly actions: Set<Action>
}

const maxScopes = 100
const maxLength = 8192

// type, (class), name with at most one colon (of host:port), actions. Neither a quote nor a
// backslash can pass, so a scope can stand between quotes in a header.
const scopePattern =
  /^([a-z0-9]+)(?:\([a-z0-9]+\))?:([A-Za-z0-9._*/-]+(?::[A-Za-z0-9._*/-]+)?):([a-z0-9_*,]*)$/

function addScope(found: Map<string, FoundScope>, text: string): void {
  const [, type, name, actions] = scopePattern.exec(text) ?? []
  if (type === undefined || name === undefined || actions === undefined) {
    throw new ScopeSyntaxError(
      `${quoted(text)} is not a scope. ` + 'A scope looks like repository:team/app:pull,push.',
    )
  }
  const wanted = scopeFor(found, type, name).actions
  for (const action of actions.split(',')) {
    if (action !== '') wanted.add(action)
  }
}

function scopeFor(found: Map<string, FoundScope>, type: string, name: string): FoundScope {
  const key = `${type}:${name}`
  const known = found.get(key)
  if (known !== undefined) return known
  if (found.size === maxScopes) {
    throw new ScopeSyntaxError(
      `There are more than ${maxScopes} scopes. Ask for fewer resources at a time.`,
    )
  }
  const scope = { type, name, actions: new Set<Action>() }
  found.set(key, scope)
  return scope
}
