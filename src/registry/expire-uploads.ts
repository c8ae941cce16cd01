// Ends abandoned uploads: rows first, then the bytes, then bytes that no row knows (a crash in between leaves those).
import type { MetadataStore } from '../metadata/metadata-store.ts'
import {
  deleteUpload,
  listPartKeys,
  listStaleUploads,
  listUploadParts,
} from '../metadata/uploads.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { Key } from '../storage/driver.ts'
import { storageKeys } from './upload.ts'

const batch = 100
/** How long a finished upload is remembered, so that a repeated closing request is answered alike. */
const finishedForMs = 60 * 60 * 1000

/** Returns how many sessions ended. */
export async function expireUploads(
  deps: { readonly metadata: MetadataStore; readonly blobs: BlobStore },
  { expiryMs, now = Date.now() }: { readonly expiryMs: number; readonly now?: number },
): Promise<number> {
  let ended = 0
  for (const state of ['open', 'committed', 'cancelled'] as const) {
    const before = now - (state === 'open' ? expiryMs : finishedForMs)
    for (let count = batch; count === batch; ended += count) {
      const stale = await listStaleUploads(deps.metadata, { state, before, limit: batch })
      const keys = await deps.metadata.write(async (tx) => {
        const found: Key[] = []
        for (const { id } of stale) {
          found.push(...storageKeys(await listUploadParts(tx, id)))
          await deleteUpload(tx, id)
        }
        return found
      })
      await deps.blobs.delete(keys)
      count = stale.length
    }
  }
  return ended
}

/** Deletes parts in storage that are older than any upload may be and that no row knows. */
export async function sweepUploads(
  deps: { readonly metadata: MetadataStore; readonly blobs: BlobStore },
  { olderThanMs, now = Date.now() }: { readonly olderThanMs: number; readonly now?: number },
): Promise<number> {
  const old: Key[] = []
  for await (const part of deps.blobs.listUploads()) {
    if (now - part.modifiedAt.getTime() > olderThanMs) old.push(part.key)
  }
  if (old.length === 0) return 0
  const known = new Set<string>()
  for (let after = ''; ;) {
    const keys = await listPartKeys(deps.metadata, { after, limit: 1000 })
    for (const key of keys) known.add(key)
    const last = keys.at(-1)
    if (last === undefined) break
    after = last
  }
  const orphans = old.filter((key) => !known.has(key))
  await deps.blobs.delete(orphans)
  return orphans.length
}
