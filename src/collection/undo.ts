// Puts back what collection has taken and not yet purged: blobs out of the trash, with their links, and then the
// manifests that it put into the recycle bin. What somebody deleted is no matter of this.
import { appendAudit, type AuditEntry } from '../metadata/audit.ts'
import { listTrash, putBackBlob, type TrashedBlob } from '../metadata/blob-trash.ts'
import { linkBlob } from '../metadata/blobs.ts'
import { listBin, type BinRow } from '../metadata/bin-lists.ts'
import { findDeletedManifest } from '../metadata/deleted-manifests.ts'
import { hasRepository } from '../metadata/deleted-repositories.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { reviewTime } from '../metadata/reviews.ts'
import { putBackFromBin } from '../registry/restore-manifest.ts'
import { createFailures } from './run.ts'

export interface UndoReport {
  readonly blobs: number
  readonly bytes: number
  readonly manifests: number
  readonly errors: number
  readonly errorMessages: readonly string[]
}

const atOnce = 100

/** What cannot be put back stays where it is, and is told. */
export async function undoCollection(
  metadata: MetadataStore,
  audit: AuditEntry,
): Promise<UndoReport> {
  const failures = createFailures()
  let blobs = 0
  let bytes = 0
  let manifests = 0
  for await (const item of allTrash(metadata)) {
    try {
      if (!(await metadata.write(async (tx) => untrash(tx, item)))) continue
      blobs += 1
      bytes += item.size
    } catch (error) {
      failures.add(item.digest, error)
    }
  }
  for await (const row of allCollected(metadata)) {
    try {
      manifests += await metadata.write(async (tx) => uncollect(tx, row))
    } catch (error) {
      failures.add(`${row.repository}@${row.digest}`, error)
    }
  }
  await metadata.write(async (tx) =>
    appendAudit(tx, { ...audit, detail: { ...audit.detail, blobs, manifests } }),
  )
  const { count: errors, messages: errorMessages } = failures
  return { blobs, bytes, manifests, errors, errorMessages }
}

async function* allTrash(reader: Reader): AsyncGenerator<TrashedBlob, void, undefined> {
  for (let after = 0; ;) {
    const items = await listTrash(reader, { after, limit: atOnce })
    yield* items
    const last = items.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

async function* allCollected(reader: Reader): AsyncGenerator<BinRow, void, undefined> {
  for (let before = Number.MAX_SAFE_INTEGER; ;) {
    const rows = await listBin(reader, { before, limit: atOnce })
    yield* rows.filter(({ reason }) => reason === 'collected')
    const last = rows.at(-1)
    if (last === undefined) return
    before = last.id
  }
}

async function untrash(tx: Transaction, { id, digest, links }: TrashedBlob): Promise<boolean> {
  if (!(await putBackBlob(tx, id, { now: Date.now(), reviewAfter: reviewTime() }))) return false
  for (const repositoryId of links) {
    if (await hasRepository(tx, repositoryId)) await linkBlob(tx, repositoryId, digest)
  }
  return true
}

async function uncollect(tx: Transaction, row: BinRow): Promise<number> {
  // It may have come back with an index that holds it.
  const deleted = await findDeletedManifest(tx, row.repositoryId, row.digest)
  return deleted?.reason === 'collected' ? putBackFromBin(tx, deleted, { isTagged: false }) : 0
}
