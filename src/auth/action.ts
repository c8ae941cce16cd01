// What can be done to a repository, one bit of power each, and the roles: named sets of actions.

/** In the order in which they are listed and stored. `push` adds content and new tags; moving a tag is `overwrite`. */
export const actions = ['pull', 'push', 'overwrite', 'delete', 'decide', 'admin'] as const

export type GrantedAction = (typeof actions)[number]

export const roles = {
  reader: ['pull'],
  writer: ['pull', 'push', 'overwrite'],
  maintainer: ['pull', 'push', 'overwrite', 'delete', 'decide'],
  owner: actions,
} as const satisfies Readonly<Record<string, readonly GrantedAction[]>>

export type Role = keyof typeof roles

export const roleNames = Object.keys(roles) as readonly Role[]

export function isAction(text: string): text is GrantedAction {
  return (actions as readonly string[]).includes(text)
}

/** In order, each once. */
export function sortActions(given: Iterable<GrantedAction>): readonly GrantedAction[] {
  const wanted = new Set(given)
  return actions.filter((action) => wanted.has(action))
}

/**
 * A role, `*` for all, or actions with commas between: `writer`, `pull,push`.
 *
 * @throws {RangeError} with a sentence that says what there is
 */
export function parseActions(text: string): readonly GrantedAction[] {
  if (Object.hasOwn(roles, text)) return roles[text as Role]
  if (text === '*') return actions
  const wanted: GrantedAction[] = []
  for (const word of text.split(',').map((part) => part.trim())) {
    if (!isAction(word)) {
      throw new RangeError(
        `${JSON.stringify(word.slice(0, 40))} is neither a role (${roleNames.join(', ')}) nor an action (${actions.join(', ')}).`,
      )
    }
    wanted.push(word)
  }
  return sortActions(wanted)
}

/** As the database keeps them: `pull,push`. Unknown words are dropped, so that they can never grant anything. */
export function readActions(stored: string): readonly GrantedAction[] {
  return sortActions(stored.split(',').filter(isAction))
}

/** The role's name where the actions are exactly those of one; the actions otherwise. */
export function nameOfActions(given: readonly GrantedAction[]): string {
  const text = sortActions(given).join(',')
  return roleNames.find((role) => roles[role].join(',') === text) ?? text
}
