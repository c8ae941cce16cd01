// A few blobs taken at random and read to the last byte: what fsck does for all, for a quick look.
import { randomBytes } from 'node:crypto'
import { listBlobs, type BlobRow } from '../metadata/blobs.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { checkBlob, type BlobDeps } from './check-blobs.ts'
import type { Problem } from './report.ts'

export interface SpotCheck {
  readonly blobs: number
  readonly bytes: number
  readonly problems: readonly Problem[]
}

/** At most so many blobs, and no more bytes than `maxBytes` in sum. */
export async function spotCheck(
  deps: BlobDeps,
  { blobs: wanted, maxBytes }: { readonly blobs: number; readonly maxBytes: number },
): Promise<SpotCheck> {
  const chosen = new Map<string, BlobRow>()
  let bytes = 0
  for (let draw = 0; draw < 2 * wanted && chosen.size < wanted; draw++) {
    const row = await drawBlob(deps.metadata)
    if (row === undefined) break
    if (chosen.has(row.digest) || bytes + row.size > maxBytes) continue
    chosen.set(row.digest, row)
    bytes += row.size
  }
  const problems: Problem[] = []
  for (const row of chosen.values()) {
    const problem = await checkBlob(deps, row)
    if (problem !== undefined) problems.push(problem)
  }
  return { blobs: chosen.size, bytes, problems }
}

/** Digests are spread evenly, so the first one behind a random place is a random one. */
async function drawBlob(metadata: MetadataStore): Promise<BlobRow | undefined> {
  const place = `sha256:${randomBytes(8).toString('hex')}`
  const [row] = await listBlobs(metadata, { after: place, limit: 1 })
  if (row !== undefined) return row
  const [first] = await listBlobs(metadata, { after: '', limit: 1 })
  return first
}
