// Blobs whose bytes were found to be others than their digest says: they count as absent until the same bytes come
// again. What was found is noted in `quarantine` and never deleted. See docs/decisions/0024-verification.md.
import type { Digest } from '../oci/digest.ts'
import { appendAudit } from './audit.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { reviewTime } from './reviews.ts'

/** Who noticed: the regular pass, a download, the command, or a push of the same bytes. */
export type FoundBy = 'scrub' | 'read' | 'fsck' | 'push'

export interface Damage {
  readonly digest: Digest
  /** Where the row says that the bytes lie; undefined when they lie in the row itself. */
  readonly storageKey: string | undefined
  /** Where they lie now, to be looked at; undefined when there are none. */
  readonly asideKey: string | undefined
  /** Of what was found. */
  readonly size: number
  readonly foundBy: FoundBy
  /** Undefined: now. For bytes that were set aside by somebody who could not tell of it any more. */
  readonly at?: number
}

const markStored = query<{ digest: string; storageKey: string; at: number }>()((db, p) =>
  db
    .updateTable('blobs')
    .set({ damaged_at: p.at, storage_key: null, content: null })
    .where('digest', '=', p.digest)
    .where('storage_key', '=', p.storageKey),
)

const markInRow = query<{ digest: string; at: number }>()((db, p) =>
  db
    .updateTable('blobs')
    .set({ damaged_at: p.at, content: null })
    .where('digest', '=', p.digest)
    .where('storage_key', 'is', null)
    .where('damaged_at', 'is', null),
)

/**
 * The blob counts as absent from now on. Returns false, and changes nothing of it, when its bytes lie elsewhere by now;
 * what was set aside is noted all the same.
 */
export async function markDamaged(tx: Transaction, damage: Damage): Promise<boolean> {
  const { digest, storageKey, asideKey, size, foundBy, at = Date.now() } = damage
  const changed =
    storageKey === undefined
      ? await tx.run(markInRow, { digest, at })
      : await tx.run(markStored, { digest, storageKey, at })
  // Bytes that are gone have a note too: where they were is where they may come back.
  const noted = asideKey ?? (changed > 0 ? storageKey : undefined)
  if (noted !== undefined) {
    await noteQuarantined(tx, { digest, storageKey: noted, size, foundBy, foundAt: at })
  }
  if (changed === 0) return false
  await appendAudit(tx, {
    event: 'blob.damaged',
    actor: { name: 'carrel' },
    subject: digest,
    detail: { foundBy, ...(noted !== undefined && { key: noted }) },
  })
  return true
}

export interface QuarantineRow {
  readonly id: number
  readonly digest: Digest
  readonly storageKey: string
  readonly size: number
  readonly foundAt: number
  readonly foundBy: string
  readonly healedAt: number | undefined
}

const insert = query<{
  digest: string
  storageKey: string
  size: number
  foundAt: number
  foundBy: string
}>()((db, p) =>
  db.insertInto('quarantine').values({
    digest: p.digest,
    storage_key: p.storageKey,
    size: p.size,
    found_at: p.foundAt,
    found_by: p.foundBy,
  }),
)

/** What lies at the key is noted once. */
async function noteQuarantined(
  tx: Transaction,
  row: Omit<QuarantineRow, 'id' | 'healedAt' | 'foundBy'> & { readonly foundBy: FoundBy },
): Promise<void> {
  const noted = await listQuarantined(tx, row.digest)
  const isThere = noted.some(
    ({ storageKey, healedAt }) => storageKey === row.storageKey && healedAt === undefined,
  )
  if (!isThere) await tx.run(insert, row)
}

const ofDigest = query<{ digest: string }>()((db, p) =>
  db
    .selectFrom('quarantine')
    .select([
      'id',
      'digest',
      'storage_key as storageKey',
      'size',
      'found_at as foundAt',
      'found_by as foundBy',
      'healed_at as healedAt',
    ])
    .where('digest', '=', p.digest)
    .orderBy('id'),
)

/** Everything that was ever found in the place of this blob, oldest first. */
export async function listQuarantined(
  reader: Reader,
  digest: Digest,
): Promise<readonly QuarantineRow[]> {
  const rows = await reader.all(ofDigest, { digest })
  return rows.map((row) => ({
    ...row,
    digest: row.digest as Digest,
    healedAt: row.healedAt ?? undefined,
  }))
}

const heal = query<{
  digest: string
  size: number
  storageKey: string
  content: Uint8Array
  at: number
  reviewAfter: number
}>()((db, p) =>
  db
    .updateTable('blobs')
    .set({
      size: p.size,
      storage_key: p.storageKey,
      content: p.content,
      verified_at: p.at,
      damaged_at: null,
      review_after: p.reviewAfter,
    })
    .where('digest', '=', p.digest)
    .where('damaged_at', 'is not', null),
)

const noteHealed = query<{ digest: string; at: number }>()((db, p) =>
  db
    .updateTable('quarantine')
    .set({ healed_at: p.at })
    .where('digest', '=', p.digest)
    .where('healed_at', 'is', null),
)

/** Gives a damaged blob its bytes back, and puts its review off. Returns false, and changes nothing, when it is not damaged. */
export async function healDamaged(
  tx: Transaction,
  blob: {
    readonly digest: Digest
    readonly size: number
    readonly storageKey: string | undefined
    readonly content: Uint8Array | undefined
  },
): Promise<boolean> {
  const { digest, size } = blob
  const at = Date.now()
  const storageKey = blob.storageKey as string
  const content = blob.content as Uint8Array
  const bytes = { digest, size, storageKey, content, at, reviewAfter: reviewTime() }
  if ((await tx.run(heal, bytes)) === 0) return false
  await tx.run(noteHealed, { digest, at })
  await appendAudit(tx, { event: 'blob.healed', actor: { name: 'carrel' }, subject: digest })
  return true
}

const damagedPage = query<{ after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select(['digest', 'size', 'damaged_at as damagedAt'])
    .where('damaged_at', 'is not', null)
    .where('digest', '>', p.after)
    .orderBy('digest')
    .limit(p.limit),
)

export interface DamagedBlob {
  readonly digest: Digest
  readonly size: number
  readonly damagedAt: number
}

/** Blobs that wait for their bytes, in order of digest. */
export async function listDamaged(
  reader: Reader,
  page: { readonly after: string; readonly limit: number },
): Promise<readonly DamagedBlob[]> {
  const rows = await reader.all(damagedPage, page)
  return rows.map((row) => ({
    digest: row.digest as Digest,
    size: row.size,
    damagedAt: row.damagedAt ?? 0,
  }))
}

const damagedOne = query<{ digest: string }>()((db, p) =>
  db.selectFrom('blobs').select('damaged_at as damagedAt').where('digest', '=', p.digest),
)

/** When the blob was found damaged; undefined when it is not, or not known. */
export async function damagedAt(reader: Reader, digest: Digest): Promise<number | undefined> {
  return (await reader.one(damagedOne, { digest }))?.damagedAt ?? undefined
}
