// What a token narrows its bearer's rights to: `web/app:pull,push`, `web/:reader`, `*:pull`. A list of these is kept
// as JSON; a token without a list may do all that its bearer may.
import { nameOfActions, parseActions, type GrantedAction } from './action.ts'
import { nameTest, parsePlace, type NameTest, type Place } from './place.ts'

export interface TokenScope {
  readonly place: Place
  readonly actions: readonly GrantedAction[]
  readonly test: NameTest
}

/** @throws {RangeError} with a sentence */
export function parseTokenScope(text: string): TokenScope {
  const colon = text.lastIndexOf(':')
  if (colon === -1) {
    throw new RangeError(
      `${JSON.stringify(text.slice(0, 100))} is no scope. Write where and what, such as web/app:pull,push.`,
    )
  }
  const place = parsePlace(text.slice(0, colon))
  return { place, actions: parseActions(text.slice(colon + 1)), test: nameTest(place) }
}

export function formatTokenScope({ place, actions }: Pick<TokenScope, 'place' | 'actions'>) {
  return `${place.text}:${nameOfActions(actions)}`
}

/** What the database keeps; a list that cannot be read allows nothing, never everything. */
export function readTokenScopes(stored: string | undefined): readonly TokenScope[] | undefined {
  if (stored === undefined) return undefined
  try {
    const list: unknown = JSON.parse(stored)
    return Array.isArray(list) ? list.map((text) => parseTokenScope(String(text))) : []
  } catch {
    return []
  }
}
