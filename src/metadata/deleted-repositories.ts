// Deleted repositories. One gives up its name, which becomes "~ID", and keeps its id and everything in it until it is
// purged; its own grants are kept as JSON. `deleted_at` 0: it is being purged, and no longer all there.
import type { RepositoryName } from '../oci/reference.ts'
import { bindGrants } from './grants.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import type { Visibility } from './repositories.ts'

export interface DeletedRepository {
  readonly id: number
  /** What it was called. */
  readonly name: RepositoryName
  readonly visibility: Visibility
  readonly description: string
  readonly deletedAt: number
  /** Name of the principal, while there is one. */
  readonly deletedBy: string | undefined
  readonly manifests: number
  readonly tags: number
  readonly bytes: number
}

const columns = [
  'subject_kind as subjectKind',
  'principal_id as principalId',
  'team_id as teamId',
  'place',
  'actions',
  'reason',
  'granted_at as grantedAt',
  'granted_by as grantedBy',
  'expires_at as expiresAt',
  'last_used_at as lastUsedAt',
  'actions_used as actionsUsed',
] as const

/** A grant on a deleted repository, as it is kept. */
export interface KeptGrant {
  readonly subjectKind: string
  readonly principalId: number | null
  readonly teamId: number | null
  readonly place: string
  readonly actions: string
  readonly reason: string
  readonly grantedAt: number
  readonly grantedBy: number | null
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
  readonly actionsUsed: string
}

const grantsOf = query<{ id: number }>()((db, p) =>
  db.selectFrom('grants').select(columns).where('repository_id', '=', p.id).orderBy('id'),
)
const dropGrants = query<{ id: number }>()((db, p) =>
  db.deleteFrom('grants').where('repository_id', '=', p.id),
)
const hide = query<{
  id: number
  hiddenName: string
  now: number
  deletedBy: number
  grants: string
}>()((db, p) =>
  db
    .updateTable('repositories')
    .set((row) => ({
      deleted_name: row.ref('name'),
      name: p.hiddenName,
      deleted_at: p.now,
      deleted_by: p.deletedBy,
      deleted_grants: p.grants,
    }))
    .where('id', '=', p.id)
    .where('deleted_at', 'is', null),
)

/** Returns false when there is no such repository, or it is deleted already. The same work whatever it holds. */
export async function hideRepository(
  tx: Transaction,
  {
    id,
    deletedBy,
    now,
  }: { readonly id: number; readonly deletedBy: number | undefined; readonly now: number },
): Promise<boolean> {
  const grants = JSON.stringify(await tx.all(grantsOf, { id }))
  const values = { id, hiddenName: `~${id}`, now, deletedBy: deletedBy as number, grants }
  if ((await tx.run(hide, values)) === 0) return false
  await tx.run(dropGrants, { id })
  return true
}

const latest = query<{ name: string }>()((db, p) =>
  db
    .selectFrom('repositories')
    .select(['id', 'deleted_at as deletedAt', 'deleted_grants as grants'])
    .where('deleted_at', '>', 0)
    .where('deleted_name', '=', p.name)
    .orderBy('deleted_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1),
)

export interface HiddenRepository {
  readonly id: number
  readonly deletedAt: number
  readonly grants: readonly KeptGrant[]
}

/** Of those that had this name, the one that was deleted last. */
export async function findDeletedRepository(
  reader: Reader,
  name: RepositoryName,
): Promise<HiddenRepository | undefined> {
  const row = await reader.one(latest, { name })
  if (row === undefined) return undefined
  return {
    id: row.id,
    deletedAt: row.deletedAt ?? 0,
    grants: JSON.parse(row.grants ?? '[]') as readonly KeptGrant[],
  }
}

const show = query<{ id: number; name: string }>()((db, p) =>
  db
    .updateTable('repositories')
    .set({
      name: p.name,
      deleted_at: null,
      deleted_by: null,
      deleted_name: null,
      deleted_grants: null,
    })
    .where('id', '=', p.id)
    .where('deleted_at', '>', 0),
)

const giveBack = query<KeptGrant & { repositoryId: number; now: number }>()((db, p) =>
  db
    .insertInto('grants')
    .values({
      subject_kind: p.subjectKind,
      principal_id: p.principalId,
      team_id: p.teamId,
      place_kind: 'repository',
      place: p.place,
      repository_id: p.repositoryId,
      actions: p.actions,
      reason: p.reason,
      granted_at: p.grantedAt,
      granted_by: p.grantedBy,
      expires_at: p.expiresAt,
      last_used_at: p.lastUsedAt,
      actions_used: p.actionsUsed,
      changed_at: p.now,
    })
    .onConflict((conflict) => conflict.doNothing()),
)
const principal = query<{ id: number }>()((db, p) =>
  db.selectFrom('principals').select('id').where('id', '=', p.id),
)
const team = query<{ id: number }>()((db, p) =>
  db.selectFrom('teams').select('id').where('id', '=', p.id),
)

/**
 * Gives it its name again, which the caller has found free, and the grants whose holders are still there and that have
 * not come to their end; returns those. A grant that waits for the name counts before an old one.
 */
export async function showRepositoryAgain(
  tx: Transaction,
  { id, grants }: HiddenRepository,
  { name, now }: { readonly name: RepositoryName; readonly now: number },
): Promise<readonly KeptGrant[]> {
  if ((await tx.run(show, { id, name })) === 0) throw new Error(`~${id} is no deleted repository`)
  await bindGrants(tx, { repositoryId: id, name })
  const back: KeptGrant[] = []
  for (const grant of grants) {
    if (grant.expiresAt !== null && grant.expiresAt <= now) continue
    if (!(await isHolderThere(tx, grant))) continue
    if ((await tx.run(giveBack, { ...grant, repositoryId: id, now })) === 1) back.push(grant)
  }
  return back
}

async function isHolderThere(tx: Reader, { principalId, teamId }: KeptGrant): Promise<boolean> {
  if (principalId !== null) return (await tx.one(principal, { id: principalId })) !== undefined
  return teamId === null || (await tx.one(team, { id: teamId })) !== undefined
}

const page = query<{ after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('repositories as r')
    .leftJoin('principals', 'principals.id', 'r.deleted_by')
    .select((of) => [
      'r.id',
      'r.deleted_name as name',
      'r.visibility',
      'r.description',
      'r.deleted_at as deletedAt',
      'principals.name as deletedBy',
      of
        .selectFrom('tags')
        .select((t) => t.fn.countAll<number>().as('value'))
        .whereRef('tags.repository_id', '=', 'r.id')
        .as('tags'),
      of
        .selectFrom('manifests')
        .select((m) => m.fn.countAll<number>().as('value'))
        .whereRef('manifests.repository_id', '=', 'r.id')
        .as('manifests'),
      of
        .selectFrom('repository_blobs')
        .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
        .select((b) => b.fn.sum<number | string>('blobs.size').as('value'))
        .whereRef('repository_blobs.repository_id', '=', 'r.id')
        .as('bytes'),
    ])
    .where('r.deleted_at', '>', 0)
    .where('r.id', '>', p.after)
    .orderBy('r.id')
    .limit(p.limit),
)

/** Those that can be restored, in order of their ids, a page at a time. */
export async function listDeletedRepositories(
  reader: Reader,
  place: { readonly after: number; readonly limit: number },
): Promise<readonly DeletedRepository[]> {
  const rows = await reader.all(page, place)
  return rows.map((row) => ({
    id: row.id,
    name: (row.name ?? '') as RepositoryName,
    visibility: row.visibility as Visibility,
    description: row.description,
    deletedAt: row.deletedAt ?? 0,
    deletedBy: row.deletedBy ?? undefined,
    tags: Number(row.tags),
    manifests: Number(row.manifests),
    bytes: Number(row.bytes),
  }))
}

/** For people: `web/app`, or `web/app (deleted)`. */
export function labelOf(name: string, deletedName: string | null): string {
  return deletedName === null ? name : `${deletedName} (deleted)`
}

const isLive = query<{ id: number }>()((db, p) =>
  db.selectFrom('repositories').select('id').where('id', '=', p.id).where('deleted_at', 'is', null),
)

/** Whether there is such a repository, and nobody has deleted it. */
export async function isRepositoryLive(reader: Reader, id: number): Promise<boolean> {
  return (await reader.one(isLive, { id })) !== undefined
}

const isThere = query<{ id: number }>()((db, p) =>
  db.selectFrom('repositories').select('id').where('id', '=', p.id),
)

/** Whether there is such a repository, deleted or not. */
export async function hasRepository(reader: Reader, id: number): Promise<boolean> {
  return (await reader.one(isThere, { id })) !== undefined
}
