// Who a grant is for, as people write it: `user:ann`, `team:web`, `robot:ci`, `federated:gh-main`, `signed-in`,
// `anonymous`. The kind is always said: it is compared with what the database has, and never guessed from a name.
import type { GrantSubject } from '../metadata/grant-rows.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { findPrincipalByName, listPrincipals, type PrincipalRow } from '../metadata/principals.ts'
import { findTeam, listTeams } from '../metadata/teams.ts'
import { Refusal } from './refusal.ts'

export type PrincipalSubject = Extract<GrantSubject, { kind: 'principal' }>

type NamedKind = PrincipalRow['kind'] | 'team'

export type WrittenSubject =
  | { readonly kind: NamedKind; readonly name: string }
  | { readonly kind: 'signed-in' }
  | { readonly kind: 'anonymous' }

const kinds: readonly NamedKind[] = ['user', 'robot', 'federated', 'team']

const whatKind: Readonly<Record<NamedKind, string>> = {
  user: 'user',
  robot: 'robot',
  federated: 'trust rule',
  team: 'team',
}

/** What people call everybody elsewhere. */
const otherWords: ReadonlyMap<string, 'signed-in' | 'anonymous'> = new Map([
  ['everyone', 'signed-in'],
  ['everybody', 'signed-in'],
  ['authenticated', 'signed-in'],
  ['internal', 'signed-in'],
  ['public', 'anonymous'],
  ['anybody', 'anonymous'],
  ['anyone', 'anonymous'],
])

/** Undefined when it is written in no such way. */
export function parseSubject(who: string): WrittenSubject | undefined {
  if (who === 'signed-in' || who === 'anonymous') return { kind: who }
  const colon = who.indexOf(':')
  const kind = kinds.find((one) => one === who.slice(0, Math.max(colon, 0)))
  const name = who.slice(colon + 1)
  return kind === undefined || name === '' ? undefined : { kind, name }
}

export function formatSubject(subject: GrantSubject): string {
  switch (subject.kind) {
    case 'principal':
      return `${subject.principalKind}:${subject.name}`
    case 'team':
      return `team:${subject.name}`
    default:
      return subject.kind
  }
}

/** @throws {Refusal} invalid when it is not written as it must be, not-found when there is nobody of that kind and name */
export async function findSubject(reader: Reader, who: string): Promise<GrantSubject> {
  const written = parseSubject(who)
  if (written === undefined) throw await misspelt(reader, who)
  if (!('name' in written)) return written
  const { kind, name } = written
  if (kind === 'team') {
    const team = await findTeam(reader, name)
    if (team !== undefined) return { kind: 'team', id: team.id, name: team.name }
  } else {
    const principal = await findPrincipalByName(reader, name)
    if (principal?.kind === kind) return subjectOf(principal)
  }
  throw await unknown(reader, written)
}

export function subjectOf({
  id,
  name,
  kind,
}: Pick<PrincipalRow, 'id' | 'name' | 'kind'>): PrincipalSubject {
  return { kind: 'principal', id, name, principalKind: kind }
}

async function misspelt(reader: Reader, who: string): Promise<Refusal> {
  const shown = JSON.stringify(who.slice(0, 100))
  const bare = who.slice(who.indexOf(':') + 1)
  const meant = otherWords.get(who.toLowerCase()) ?? (await withKind(reader, bare))
  return new Refusal('invalid', `${shown} does not say who`, {
    why: 'write user:NAME, team:NAME, robot:NAME, federated:NAME, signed-in or anonymous',
    ...(meant !== undefined && { fix: meant }),
  })
}

async function unknown(
  reader: Reader,
  { kind, name }: { readonly kind: NamedKind; readonly name: string },
): Promise<Refusal> {
  const meant = (await withKind(reader, name)) ?? (await nearName(reader, kind, name))
  const shown = name.slice(0, 100)
  return new Refusal('not-found', `there is no ${whatKind[kind]} ${shown}`, {
    ...(meant !== undefined && { why: `did you mean ${meant}?`, fix: meant }),
  })
}

/** Whoever bears the name, of whatever kind; in lower case if there is nobody else. */
async function withKind(reader: Reader, name: string): Promise<string | undefined> {
  for (const one of new Set([name, name.toLowerCase()])) {
    const principal = await findPrincipalByName(reader, one)
    if (principal !== undefined) return `${principal.kind}:${principal.name}`
    if ((await findTeam(reader, one)) !== undefined) return `team:${one}`
  }
  return undefined
}

const mostCandidates = 200

/** A name of that kind that is one mistake away, among those that begin alike. */
async function nearName(
  reader: Reader,
  kind: NamedKind,
  name: string,
): Promise<string | undefined> {
  const beginning = name.slice(0, name.length > 3 ? 2 : 1)
  if (beginning.includes('\0') || !beginning.isWellFormed()) return undefined
  const page = { after: beginning, limit: mostCandidates }
  const names =
    kind === 'team'
      ? await listTeams(reader, page)
      : await listPrincipals(reader, { ...page, kind })
  const near = names.find((one) => isNear(name, one.name))
  return near === undefined ? undefined : `${kind}:${near.name}`
}

/** Whether one character more, less, changed or swapped with its neighbour makes one of the other. */
export function isNear(a: string, b: string): boolean {
  let same = 0
  while (same < a.length && a[same] === b[same]) same += 1
  const [restOfA, restOfB] = [a.slice(same), b.slice(same)]
  const isSwapped = restOfA[0] === restOfB[1] && restOfA[1] === restOfB[0]
  return (
    restOfA.slice(1) === restOfB ||
    restOfA === restOfB.slice(1) ||
    restOfA.slice(1) === restOfB.slice(1) ||
    (isSwapped && restOfA.slice(2) === restOfB.slice(2))
  )
}
