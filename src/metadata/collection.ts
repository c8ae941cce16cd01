// What collection asks of the database: what is due, and what a manifest or a blob is needed by. Every query finds its
// rows by an index, so that a run costs as much as there is to look at, and not as much as is kept.
import type { Digest } from '../oci/digest.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

const dueManifests = query<{ limitAt: number; limit: number }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select(['repository_id as repositoryId', 'digest', 'review_after as reviewAfter'])
    .where('review_after', '<=', p.limitAt)
    .orderBy('review_after')
    .limit(p.limit),
)

export interface DueManifest {
  readonly repositoryId: number
  readonly digest: Digest
  readonly reviewAfter: number
}

/** Those whose review is due, longest first. */
export async function listDueManifests(
  reader: Reader,
  place: { readonly limitAt: number; readonly limit: number },
): Promise<readonly DueManifest[]> {
  const rows = await reader.all(dueManifests, place)
  return rows.map(({ repositoryId, digest, reviewAfter }) => ({
    repositoryId,
    digest: digest as Digest,
    reviewAfter: reviewAfter ?? 0,
  }))
}

/** What the collector itself put into the bin in this run, at `runAt`, holds nothing back in the same run. */
interface Asked {
  readonly repositoryId: number
  readonly digest: string
  readonly runAt: number
}

const standing = query<Asked>()((db, p) =>
  db
    .selectFrom('manifests')
    .select((of) => [
      'manifests.review_after as reviewAfter',
      'manifests.subject',
      of
        .selectFrom('tags')
        .select('tags.name')
        .where('tags.repository_id', '=', p.repositoryId)
        .where('tags.digest', '=', p.digest)
        .limit(1)
        .as('tag'),
      of
        .selectFrom('deleted_manifest_contents as c')
        .innerJoin('deleted_manifests as d', 'd.id', 'c.deleted_id')
        .select('d.digest')
        .where('c.digest', '=', p.digest)
        .where('c.repository_id', '=', p.repositoryId)
        .where((row) =>
          row.or([row('d.reason', '=', 'deleted'), row('d.deleted_at', '!=', p.runAt)]),
        )
        .limit(1)
        .as('binHolder'),
      of
        .selectFrom('deleted_manifests as s')
        .select('s.digest')
        .where('s.repository_id', '=', p.repositoryId)
        .whereRef('s.digest', '=', 'manifests.subject')
        .where((row) =>
          row.or([row('s.reason', '=', 'deleted'), row('s.deleted_at', '!=', p.runAt)]),
        )
        .limit(1)
        .as('subjectInBin'),
    ])
    .where('manifests.repository_id', '=', p.repositoryId)
    .where('manifests.digest', '=', p.digest),
)

export interface Standing {
  readonly reviewAfter: number | undefined
  readonly subject: Digest | undefined
  /** A tag that points to it. */
  readonly tag: string | undefined
  /** A deleted manifest that would not be whole without it. */
  readonly binHolder: Digest | undefined
  /** Its subject, when that lies in the recycle bin. */
  readonly subjectInBin: Digest | undefined
}

/** Undefined when the repository does not have it. */
export async function findStandingOfManifest(
  reader: Reader,
  asked: { readonly repositoryId: number; readonly digest: Digest; readonly runAt: number },
): Promise<Standing | undefined> {
  const row = await reader.one(standing, asked)
  if (row === undefined) return undefined
  return {
    reviewAfter: row.reviewAfter ?? undefined,
    subject: (row.subject ?? undefined) as Digest | undefined,
    tag: row.tag ?? undefined,
    binHolder: (row.binHolder ?? undefined) as Digest | undefined,
    subjectInBin: (row.subjectInBin ?? undefined) as Digest | undefined,
  }
}

const holders = query<{ repositoryId: number; digest: string; after: string; limit: number }>()(
  (db, p) =>
    db
      .selectFrom('manifest_children')
      .select('manifest')
      .where('repository_id', '=', p.repositoryId)
      .where('child', '=', p.digest)
      .where('manifest', '>', p.after)
      .orderBy('manifest')
      .limit(p.limit),
)

/** Indexes of the repository that hold the manifest, in order, a page at a time. */
export async function listIndexesHolding(
  reader: Reader,
  asked: {
    readonly repositoryId: number
    readonly digest: Digest
    readonly after: string
    readonly limit: number
  },
): Promise<readonly Digest[]> {
  return (await reader.all(holders, asked)).map(({ manifest }) => manifest as Digest)
}

const dueBlobs = query<{ limitAt: number; limit: number }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select(['digest', 'size', 'review_after as reviewAfter'])
    .where('review_after', '<=', p.limitAt)
    .orderBy('review_after')
    .limit(p.limit),
)

export interface DueBlob {
  readonly digest: Digest
  readonly size: number
  readonly reviewAfter: number
}

/** Those whose review is due, longest first. */
export async function listDueBlobs(
  reader: Reader,
  place: { readonly limitAt: number; readonly limit: number },
): Promise<readonly DueBlob[]> {
  return (await reader.all(dueBlobs, place)).map((row) => ({
    digest: row.digest as Digest,
    size: row.size,
    reviewAfter: row.reviewAfter ?? 0,
  }))
}

const unused = query<{ digest: string; limit: number }>()((db, p) =>
  db
    .selectFrom('repository_blobs as l')
    .select(['l.repository_id as repositoryId', 'l.linked_at as linkedAt'])
    .where('l.digest', '=', p.digest)
    .where((of) =>
      of.not(
        of.exists(
          of
            .selectFrom('manifest_blobs as u')
            .select('u.manifest')
            .where('u.blob', '=', p.digest)
            .whereRef('u.repository_id', '=', 'l.repository_id'),
        ),
      ),
    )
    .where((of) =>
      of.not(
        of.exists(
          of
            .selectFrom('deleted_manifest_contents as c')
            .select('c.deleted_id')
            .where('c.digest', '=', p.digest)
            .whereRef('c.repository_id', '=', 'l.repository_id'),
        ),
      ),
    )
    .limit(p.limit),
)

export interface UnusedLink {
  readonly repositoryId: number
  readonly linkedAt: number
}

/** Links of the blob whose repository does not need it: neither a manifest there nor one in its recycle bin. */
export async function listUnusedLinks(
  reader: Reader,
  digest: Digest,
  limit: number,
): Promise<readonly UnusedLink[]> {
  return reader.all(unused, { digest, limit })
}

const need = query<{ digest: string }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select((of) => [
      'review_after as reviewAfter',
      of
        .selectFrom('repository_blobs')
        .select('repository_blobs.repository_id')
        .where('repository_blobs.digest', '=', p.digest)
        .limit(1)
        .as('linkedIn'),
      of
        .selectFrom('deleted_manifest_contents')
        .select('deleted_manifest_contents.repository_id')
        .where('deleted_manifest_contents.digest', '=', p.digest)
        .limit(1)
        .as('binOf'),
    ])
    .where('digest', '=', p.digest),
)

export interface BlobNeed {
  readonly reviewAfter: number | undefined
  /** Id of a repository that has it. */
  readonly linkedIn: number | undefined
  /** Id of a repository in whose recycle bin something holds it. */
  readonly binOf: number | undefined
}

/** Undefined when there is no such blob. */
export async function findBlobNeed(reader: Reader, digest: Digest): Promise<BlobNeed | undefined> {
  const row = await reader.one(need, { digest })
  if (row === undefined) return undefined
  return {
    reviewAfter: row.reviewAfter ?? undefined,
    linkedIn: row.linkedIn ?? undefined,
    binOf: row.binOf ?? undefined,
  }
}

const leaseBlob = query<{ digest: string; before: number; reviewAfter: number }>()((db, p) =>
  db
    .updateTable('blobs')
    .set({ review_after: p.reviewAfter })
    .where('digest', '=', p.digest)
    .where('review_after', '<', p.before),
)

const leaseManifest = query<{
  repositoryId: number
  digest: string
  before: number
  reviewAfter: number
}>()((db, p) =>
  db
    .updateTable('manifests')
    .set({ review_after: p.reviewAfter })
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest)
    .where('review_after', '<', p.before),
)

/** Puts the review off when it is due before `before`; returns whether it did. */
export async function putOffBlob(
  tx: Transaction,
  lease: { readonly digest: Digest; readonly before: number; readonly reviewAfter: number },
): Promise<boolean> {
  return (await tx.run(leaseBlob, lease)) === 1
}

/** As putOffBlob. */
export async function putOffManifest(
  tx: Transaction,
  lease: {
    readonly repositoryId: number
    readonly digest: Digest
    readonly before: number
    readonly reviewAfter: number
  },
): Promise<boolean> {
  return (await tx.run(leaseManifest, lease)) === 1
}

/** For the test that none of them reads a whole table. */
export const collectionQueries = {
  dueManifests,
  standing,
  holders,
  dueBlobs,
  unused,
  need,
  leaseBlob,
  leaseManifest,
} as const
