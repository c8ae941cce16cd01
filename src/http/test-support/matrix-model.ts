// Who may do what, written down a second time for the authorisation matrices: in as few words as there are, without a
// line of the code that decides. What is not said here is refused.

export type Right = 'pull' | 'push' | 'overwrite' | 'delete' | 'decide' | 'admin'

export const rights: readonly Right[] = ['pull', 'push', 'overwrite', 'delete', 'decide', 'admin']

export const roleRights = {
  reader: ['pull'],
  writer: ['pull', 'push', 'overwrite'],
  maintainer: ['pull', 'push', 'overwrite', 'delete', 'decide'],
  owner: rights,
} as const satisfies Readonly<Record<string, readonly Right[]>>

/** Rights on a place: of a grant that holds, or of a token's scope. */
export interface Given {
  readonly place: string
  readonly rights: readonly Right[]
}

export interface Holder {
  readonly name: string
  readonly kind: 'user' | 'robot' | 'federated'
  /** Administers the installation. */
  readonly admin: boolean
  /** Its own and those of its teams, as far as they hold. */
  readonly given: readonly Given[]
}

/** What a registry token carries. */
export interface Limits {
  readonly catalog: boolean
  /** Words by the name of the repository; only what is bound to the repository of now. */
  readonly repositories: Readonly<Record<string, readonly string[]>>
}

export interface Caller {
  readonly title: string
  readonly authorization: string | undefined
  /** Undefined: nobody in particular. */
  readonly holder: Holder | undefined
  /** What is presented is no good. */
  readonly refused?: 'credentials' | 'token'
  /** Of a personal token. */
  readonly scopes?: readonly Given[]
  /** Of a registry token. */
  readonly limits?: Limits
  /** The personal or robot token that it came with. */
  readonly tokenId?: number
  /** A password has to be hashed for each of its requests. */
  readonly isSlow?: boolean
}

export interface Repository {
  readonly name: string
  readonly visibility: 'private' | 'internal' | 'public' | 'missing'
}

/** What everybody was given. */
export interface Everybody {
  readonly anonymous: readonly Given[]
  readonly signedIn: readonly Given[]
}

export function covers(place: string, name: string): boolean {
  return patternOf(place).test(name)
}

const patterns = new Map<string, RegExp>()

function patternOf(place: string): RegExp {
  const known = patterns.get(place)
  if (known !== undefined) return known
  const glob = place === '*' ? '**' : place === '/' ? '*' : place.replace(/\/$/, '/**')
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll(/\*\*|\*|\?/g, (word) => (word === '**' ? '.*' : word === '*' ? '[^/]*' : '[^/]'))
  const pattern = new RegExp(`^${source}$`)
  patterns.set(place, pattern)
  return pattern
}

function isGiven(given: readonly Given[], right: Right, name: string): boolean {
  return given.some((one) => one.rights.includes(right) && covers(one.place, name))
}

/** Of whoever it is, before any token narrows it. */
export function holds(
  { holder }: Pick<Caller, 'holder'>,
  right: Right,
  { name, visibility }: Repository,
  everybody: Everybody,
): boolean {
  if (holder?.admin === true) return true
  if (isGiven(everybody.anonymous, right, name)) return true
  if (holder === undefined) return right === 'pull' && visibility === 'public'
  if (isGiven([...everybody.signedIn, ...holder.given], right, name)) return true
  return right === 'pull' && (visibility === 'public' || visibility === 'internal')
}

export function isWithinScopes({ scopes }: Caller, right: Right, name: string): boolean {
  return scopes === undefined || isGiven(scopes, right, name)
}

/** Moving a tag is a push to clients. Settings are never changed with a token that lies about in clients. */
export function isWithinLimits({ limits }: Caller, right: Right, name: string): boolean {
  if (limits === undefined) return true
  const word = right === 'overwrite' ? 'push' : right
  return limits.repositories[name]?.includes(word) === true
}

/** Whether every name within `inner` is within `outer`, where that can be seen at once. */
export function contains(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true
  if (inner === '*') return false
  if (outer === '/') return !inner.includes('/') && !inner.includes('**')
  if (outer.endsWith('/')) return inner.startsWith(outer)
  return /[*?]/.test(outer) && !/[*?]|\/$/.test(inner) && covers(outer, inner)
}

function isGivenOn(given: readonly Given[], right: Right, place: string): boolean {
  return given.some((one) => one.rights.includes(right) && contains(one.place, place))
}

/** Whether the caller decides on the grants of a place, and has there all that would be handed on. */
export function administers(
  { holder, scopes }: Caller,
  place: string,
  giving: readonly Right[],
  everybody: Everybody,
): boolean {
  if (holder === undefined) return false
  const needed: readonly Right[] = ['admin', ...giving]
  const own = [...holder.given, ...everybody.signedIn, ...everybody.anonymous]
  const may = holder.admin || needed.every((right) => isGivenOn(own, right, place))
  // A token with scopes makes no administrators.
  if (scopes !== undefined && place === '*' && giving.includes('admin')) return false
  return may && (scopes === undefined || needed.every((right) => isGivenOn(scopes, right, place)))
}

/** Of whoever it is: by the account itself, or by one grant of every action on everything. */
export function administersAll({ holder }: Pick<Caller, 'holder'>): boolean {
  if (holder === undefined) return false
  return (
    holder.admin ||
    holder.given.some(
      (one) => one.place === '*' && rights.every((each) => one.rights.includes(each)),
    )
  )
}
