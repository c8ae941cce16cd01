// What the whole installation amounts to, for metrics: counted in pieces, so that nobody waits long for a large one.
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'
import { compareSchema } from './migrations/migrate.ts'

export interface Holdings {
  readonly repositories: number
  readonly deletedRepositories: number
  readonly tags: number
  readonly manifests: number
  readonly deletedManifests: number
  readonly blobs: number
  /** Of all blobs, each once. */
  readonly bytes: number
  /** Blobs that were collected and whose bytes are still there. */
  readonly trashedBlobs: number
  readonly trashedBytes: number
  /** Unfinished uploads. */
  readonly uploads: number
  /** Accounts and addresses that have to wait before they may sign in again. */
  readonly blockedLogins: number
}

const blobPiece = query<{ from: string; below: string }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select((of) => [
      of.fn.countAll<number>().as('count'),
      of.fn.sum<number | string>('size').as('bytes'),
    ])
    .where('digest', '>=', p.from)
    .where('digest', '<', p.below),
)

const repositoryPiece = query<{ after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('repositories')
    .select((of) => [
      'repositories.id',
      'repositories.deleted_at as deletedAt',
      of
        .selectFrom('tags')
        .select((tag) => tag.fn.countAll<number>().as('value'))
        .whereRef('tags.repository_id', '=', 'repositories.id')
        .as('tags'),
      of
        .selectFrom('manifests')
        .select((manifest) => manifest.fn.countAll<number>().as('value'))
        .whereRef('manifests.repository_id', '=', 'repositories.id')
        .as('manifests'),
    ])
    .where('repositories.id', '>', p.after)
    .orderBy('repositories.id')
    .limit(p.limit),
)

const rest = query<{ now: number }>()((db, p) =>
  db.selectNoFrom((of) => [
    of
      .selectFrom('deleted_manifests')
      .select((row) => row.fn.countAll<number>().as('value'))
      .as('deletedManifests'),
    of
      .selectFrom('blob_trash')
      .select((row) => row.fn.countAll<number>().as('value'))
      .as('trashedBlobs'),
    of
      .selectFrom('blob_trash')
      .select((row) => row.fn.sum<number | string>('size').as('value'))
      .as('trashedBytes'),
    of
      .selectFrom('uploads')
      .select((row) => row.fn.countAll<number>().as('value'))
      .where('state', '=', 'open')
      .as('uploads'),
    of
      .selectFrom('login_attempts')
      .select((row) => row.fn.countAll<number>().as('value'))
      .where('blocked_until', '>', p.now)
      .as('blockedLogins'),
  ]),
)

/** Digests begin with their algorithm and are spread evenly behind it. */
const borders = [
  '',
  ...Array.from(
    { length: 63 },
    (_, index) => `sha256:${((index + 1) * 4).toString(16).padStart(2, '0')}`,
  ),
  'sha512:',
  '~',
]
const repositoriesAtOnce = 200

export async function countHoldings(reader: Reader, now: number = Date.now()): Promise<Holdings> {
  let [blobs, bytes] = [0, 0]
  for (const [index, from] of borders.slice(0, -1).entries()) {
    const piece = await reader.one(blobPiece, { from, below: borders[index + 1] ?? '~' })
    blobs += Number(piece?.count)
    bytes += Number(piece?.bytes ?? 0)
    await pause()
  }
  let [repositories, deletedRepositories, tags, manifests, after] = [0, 0, 0, 0, 0]
  for (;;) {
    const rows = await reader.all(repositoryPiece, { after, limit: repositoriesAtOnce })
    for (const row of rows) {
      after = row.id
      if (row.deletedAt !== null) {
        deletedRepositories += 1
        continue
      }
      repositories += 1
      tags += Number(row.tags)
      manifests += Number(row.manifests)
    }
    if (rows.length < repositoriesAtOnce) break
    await pause()
  }
  const others = await reader.one(rest, { now })
  return {
    repositories,
    deletedRepositories,
    tags,
    manifests,
    blobs,
    bytes,
    deletedManifests: Number(others?.deletedManifests),
    trashedBlobs: Number(others?.trashedBlobs),
    trashedBytes: Number(others?.trashedBytes ?? 0),
    uploads: Number(others?.uploads),
    blockedLogins: Number(others?.blockedLogins),
  }
}

/** The embedded database answers at once, and others want to be heard as well. */
async function pause(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

const due = query<{ now: number }>()((db, p) =>
  db.selectNoFrom((of) => [
    of
      .selectFrom('blobs')
      .select((row) => row.fn.countAll<number>().as('value'))
      .where('review_after', 'is not', null)
      .as('blobs'),
    of
      .selectFrom('manifests')
      .select((row) => row.fn.countAll<number>().as('value'))
      .where('review_after', 'is not', null)
      .as('manifests'),
    of
      .selectFrom('blobs')
      .select((row) => row.fn.countAll<number>().as('value'))
      .where('review_after', '<=', p.now)
      .as('blobsDue'),
    of
      .selectFrom('manifests')
      .select((row) => row.fn.countAll<number>().as('value'))
      .where('review_after', '<=', p.now)
      .as('manifestsDue'),
  ]),
)

export interface ReviewQueue {
  readonly blobs: number
  readonly manifests: number
  /** Of both, those whose time has come. */
  readonly due: number
}

/** What waits to be looked at by collection. */
export async function countReviews(reader: Reader, now: number = Date.now()): Promise<ReviewQueue> {
  const row = await reader.one(due, { now })
  return {
    blobs: Number(row?.blobs),
    manifests: Number(row?.manifests),
    due: Number(row?.blobsDue) + Number(row?.manifestsDue),
  }
}

const applied = query<object>()((db) => db.selectFrom('migrations').select('name'))

/** How the schema differs from the one that this Carrel brings: a newer one may have changed it meanwhile. */
export async function schemaDifference(
  reader: Reader,
): Promise<{ readonly pending: readonly string[]; readonly unknown: readonly string[] }> {
  const rows = await reader.all(applied, {})
  return compareSchema(rows.map(({ name }) => name))
}
