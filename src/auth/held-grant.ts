// A grant in the hands of whoever asks: ready to be compared with a repository's name.
import type { HeldGrantRow } from '../metadata/grants.ts'
import { readActions, type GrantedAction } from './action.ts'
import { containsPlace, narrowness, nameTest, parsePlace } from './place.ts'
import type { NameTest, Place } from './place.ts'

export interface GrantRecord {
  readonly id: number
  readonly place: Place
  /** For a repository: the one that is meant; undefined while there was none of that name. */
  readonly repositoryId: number | undefined
  readonly actions: readonly GrantedAction[]
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined
}

export interface HeldGrant extends GrantRecord {
  readonly test: NameTest
}

/** The narrowest first, then the oldest: where several allow the same, the first counts as used. */
export function holdGrants(records: readonly GrantRecord[]): readonly HeldGrant[] {
  return records
    .map((record) => ({ ...record, test: nameTest(record.place) }))
    .toSorted((a, b) => narrowness(a.place) - narrowness(b.place) || a.id - b.id)
}

/** What the database keeps. A row that cannot be read grants nothing. */
export function readHeldGrants(rows: readonly HeldGrantRow[]): readonly HeldGrant[] {
  const records: GrantRecord[] = []
  for (const { id, placeKind, place: text, repositoryId, actions, expiresAt } of rows) {
    const place = readPlace(text)
    if (place?.kind !== placeKind) continue
    records.push({ id, place, repositoryId, actions: readActions(actions), expiresAt })
  }
  return holdGrants(records)
}

function readPlace(text: string): Place | undefined {
  try {
    return parsePlace(text)
  } catch {
    return undefined
  }
}

/** The repository as it is now; `id` is undefined when there is none of that name. */
export interface AskedRepository {
  readonly name: string
  readonly id: number | undefined
}

export function findGrant(
  grants: readonly HeldGrant[],
  action: GrantedAction,
  repository: AskedRepository,
  now: number,
): HeldGrant | undefined {
  for (const grant of grants) {
    if (!grant.actions.includes(action) || isExpired(grant, now)) continue
    if (!grant.test(repository.name)) continue
    // A repository made again under an old name is another one.
    if (grant.repositoryId !== undefined && grant.repositoryId !== repository.id) continue
    return grant
  }
  return undefined
}

/** A place that is asked about. */
export interface AskedPlace {
  readonly place: Place
  /** Of a place of kind repository: the one of that name as it is now; undefined while there is none. */
  readonly repositoryId: number | undefined
  /** The right must last until then; Infinity is without end. Left out: it must be there now. */
  readonly until?: number | undefined
}

export function findGrantOnPlace(
  grants: readonly HeldGrant[],
  action: GrantedAction,
  { place, repositoryId, until }: AskedPlace,
  now: number,
): HeldGrant | undefined {
  return grants.find((grant) => {
    if (!grant.actions.includes(action) || isExpired(grant, now)) return false
    if (until !== undefined && (grant.expiresAt ?? Infinity) < until) return false
    // A repository made again under an old name is another one.
    if (grant.repositoryId !== undefined && grant.repositoryId !== repositoryId) return false
    return containsPlace(grant.place, place)
  })
}

export function isExpired({ expiresAt }: Pick<GrantRecord, 'expiresAt'>, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now
}
