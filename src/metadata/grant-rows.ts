// Grants as people look at them: with names, use, and whether the holder can still sign in. Pages by id.
import type { Kysely } from 'kysely'
import { placesUnder, type GrantHolder } from './grants.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query, type Query } from './query.ts'
import type { Schema } from './schema.ts'

export type GrantSubject =
  | {
      readonly kind: 'principal'
      readonly id: number
      readonly name: string
      readonly principalKind: 'user' | 'robot' | 'federated'
    }
  | { readonly kind: 'team'; readonly id: number; readonly name: string }
  | { readonly kind: 'signed-in' }
  | { readonly kind: 'anonymous' }

export interface GrantRow {
  readonly id: number
  readonly subject: GrantSubject
  readonly placeKind: string
  readonly place: string
  readonly repositoryId: number | undefined
  /** With commas between. */
  readonly actions: string
  readonly reason: string
  readonly grantedAt: number
  /** Undefined for what came with a user or by a command beside the data; without a name when that one is gone. */
  readonly grantedBy: { readonly id: number; readonly name: string | undefined } | undefined
  readonly expiresAt: number | undefined
  readonly lastUsedAt: number | undefined
  /** With commas between, in no order. */
  readonly actionsUsed: string
  /** The holder is disabled or has expired. */
  readonly subjectDisabled: boolean
  readonly changedAt: number
}

interface RawGrant {
  readonly id: number
  readonly subjectKind: string
  readonly principalId: number | null
  readonly principalName: string | null
  readonly principalKind: string | null
  readonly disabledAt: number | null
  readonly endsAt: number | null
  readonly teamId: number | null
  readonly teamName: string | null
  readonly placeKind: string
  readonly place: string
  readonly repositoryId: number | null
  readonly actions: string
  readonly reason: string
  readonly grantedAt: number
  readonly granterId: number | null
  readonly granterName: string | null
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
  readonly actionsUsed: string
  readonly changedAt: number
}

function rows(db: Kysely<Schema>) {
  return db
    .selectFrom('grants as g')
    .leftJoin('principals as p', 'p.id', 'g.principal_id')
    .leftJoin('teams as t', 't.id', 'g.team_id')
    .leftJoin('principals as granter', 'granter.id', 'g.granted_by')
    .select([
      'g.id',
      'g.subject_kind as subjectKind',
      'g.principal_id as principalId',
      'p.name as principalName',
      'p.kind as principalKind',
      'p.disabled_at as disabledAt',
      'p.expires_at as endsAt',
      'g.team_id as teamId',
      't.name as teamName',
      'g.place_kind as placeKind',
      'g.place',
      'g.repository_id as repositoryId',
      'g.actions',
      'g.reason',
      'g.granted_at as grantedAt',
      'g.granted_by as granterId',
      'granter.name as granterName',
      'g.expires_at as expiresAt',
      'g.last_used_at as lastUsedAt',
      'g.actions_used as actionsUsed',
      'g.changed_at as changedAt',
    ])
}

const byId = query<{ id: number }>()((db, p) => rows(db).where('g.id', '=', p.id))

export async function findGrantById(reader: Reader, id: number): Promise<GrantRow | undefined> {
  const raw = await reader.one(byId, { id })
  return raw === undefined ? undefined : rowOf(raw)
}

/** All that is left out does not narrow. */
export interface GrantFilter {
  readonly holder?: GrantHolder | undefined
  /** A place's text, and nothing else. */
  readonly place?: string | undefined
  /** Places whose text begins with this; end it with a slash, or it is the beginning of a word. */
  readonly placePrefix?: string | undefined
  /** Neither used nor given since; milliseconds since 1970. */
  readonly unusedSince?: number | undefined
  readonly neverUsed?: boolean | undefined
  readonly noExpiry?: boolean | undefined
  readonly disabledHolder?: boolean | undefined
}

interface ListParameters {
  readonly holderId: number
  readonly holderKind: string
  readonly from: string
  readonly to: string
  readonly unusedSince: number
  readonly neverUsed: number
  readonly noExpiry: number
  readonly disabledHolder: number
  readonly now: number
  readonly after: number
  readonly limit: number
}

const placeKinds = ['installation', 'root', 'namespace', 'repository', 'glob'] as const

/** Statements of their own for what has an index. */
function listing(holder: 'any' | GrantHolder['kind'], place: 'any' | 'some') {
  return query<ListParameters>()((db, p) => {
    let found = rows(db)
      .where('g.id', '>', p.after)
      .where((of) => of(of.fn.coalesce('g.last_used_at', 'g.granted_at'), '<', p.unusedSince))
      .where((of) =>
        of.or([of(of.val(p.neverUsed), '=', of.lit(0)), of('g.last_used_at', 'is', null)]),
      )
      .where((of) =>
        of.or([of(of.val(p.noExpiry), '=', of.lit(0)), of('g.expires_at', 'is', null)]),
      )
      .where((of) =>
        of.or([
          of(of.val(p.disabledHolder), '=', of.lit(0)),
          of('p.disabled_at', 'is not', null),
          of('p.expires_at', '<=', p.now),
        ]),
      )
    if (holder === 'principal') found = found.where('g.principal_id', '=', p.holderId)
    else if (holder === 'team') found = found.where('g.team_id', '=', p.holderId)
    else if (holder !== 'any') found = found.where('g.subject_kind', '=', p.holderKind)
    if (place === 'some') {
      found = found
        .where('g.place_kind', 'in', placeKinds)
        .where('g.place', '>=', p.from)
        .where('g.place', '<=', p.to)
    }
    return found.orderBy('g.id').limit(p.limit)
  })
}

type Listing = Query<ListParameters, RawGrant>

function listingsOf(holder: Parameters<typeof listing>[0]): Record<'any' | 'some', Listing> {
  return { any: listing(holder, 'any'), some: listing(holder, 'some') }
}

const listings = {
  any: listingsOf('any'),
  principal: listingsOf('principal'),
  team: listingsOf('team'),
  'signed-in': listingsOf('signed-in'),
  anonymous: listingsOf('anonymous'),
}

/** At most `limit` grants after the id `after` (0 for the first page). */
export async function listGrants(
  reader: Reader,
  filter: GrantFilter,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly GrantRow[]> {
  const { holder, place, placePrefix } = filter
  const range =
    placePrefix === undefined ? { from: place ?? '', to: place ?? '' } : placesUnder(placePrefix)
  const hasPlace = place !== undefined || placePrefix !== undefined
  const raws = await reader.all(listings[holder?.kind ?? 'any'][hasPlace ? 'some' : 'any'], {
    ...range,
    holderId: holder !== undefined && 'id' in holder ? holder.id : 0,
    holderKind: holder?.kind ?? '',
    unusedSince: filter.unusedSince ?? Number.MAX_SAFE_INTEGER,
    neverUsed: filter.neverUsed === true ? 1 : 0,
    noExpiry: filter.noExpiry === true ? 1 : 0,
    disabledHolder: filter.disabledHolder === true ? 1 : 0,
    now: Date.now(),
    after,
    limit,
  })
  return raws.map(rowOf)
}

const expired = query<{ now: number; limit: number }>()((db, p) =>
  rows(db).where('g.expires_at', '<=', p.now).orderBy('g.id').limit(p.limit),
)

const anyExpired = query<{ now: number }>()((db, p) =>
  db.selectFrom('grants').select('id').where('expires_at', '<=', p.now).limit(1),
)

/** Whether there are grants that are over. */
export async function hasExpiredGrants(reader: Reader, now: number): Promise<boolean> {
  return (await reader.one(anyExpired, { now })) !== undefined
}

const removeExpired = query<{ id: number; now: number }>()((db, p) =>
  db.deleteFrom('grants').where('id', '=', p.id).where('expires_at', '<=', p.now),
)

/** Removes at most `limit` grants that are over, and returns them. */
export async function removeExpiredGrants(
  tx: Transaction,
  now: number,
  limit: number,
): Promise<readonly GrantRow[]> {
  const found = await tx.all(expired, { now, limit })
  for (const { id } of found) await tx.run(removeExpired, { id, now })
  return found.map(rowOf)
}

function rowOf(raw: RawGrant): GrantRow {
  const { disabledAt, endsAt, granterId, granterName } = raw
  return {
    id: raw.id,
    subject: subjectOf(raw),
    placeKind: raw.placeKind,
    place: raw.place,
    repositoryId: raw.repositoryId ?? undefined,
    actions: raw.actions,
    reason: raw.reason,
    grantedAt: raw.grantedAt,
    grantedBy: granterId === null ? undefined : { id: granterId, name: granterName ?? undefined },
    expiresAt: raw.expiresAt ?? undefined,
    lastUsedAt: raw.lastUsedAt ?? undefined,
    actionsUsed: raw.actionsUsed,
    subjectDisabled: disabledAt !== null || (endsAt !== null && endsAt <= Date.now()),
    changedAt: raw.changedAt,
  }
}

function subjectOf(raw: RawGrant): GrantSubject {
  switch (raw.subjectKind) {
    case 'principal':
      return {
        kind: 'principal',
        id: raw.principalId ?? 0,
        name: raw.principalName ?? '',
        principalKind: (raw.principalKind ?? 'user') as 'user',
      }
    case 'team':
      return { kind: 'team', id: raw.teamId ?? 0, name: raw.teamName ?? '' }
    case 'signed-in':
      return { kind: 'signed-in' }
    case 'anonymous':
      return { kind: 'anonymous' }
    default:
      throw new Error(`the grant ${raw.id} is for ${raw.subjectKind}, which nobody knows`)
  }
}
