// The other direction: what lies in the storage and no row knows. That is garbage (a crash between a rename and its
// commit leaves it), never damage, so it is noted and no problem.
import type { Digest } from '../oci/digest.ts'
import { listStoredParts, storageKeysBetween, storedPartSize } from '../metadata/inspection.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { BlobStore, ListedBlob } from '../storage/blob-store.ts'
import { parseKey } from '../storage/driver.ts'

export interface Garbage {
  readonly count: number
  readonly bytes: number
}

interface Deps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

const objectsAtOnce = 500
const partsAtOnce = 1000

/** Objects among the blobs to which no blob row points; `onObject` is called for each one seen. */
export async function findUnreferenced(deps: Deps, onObject: () => void): Promise<Garbage> {
  const garbage = { count: 0, bytes: 0 }
  const settle = async (group: readonly ListedBlob[]): Promise<void> => {
    for (const { size } of await unknownOf(deps.metadata, group)) {
      garbage.count += 1
      garbage.bytes += size
    }
  }
  let group: ListedBlob[] = []
  for await (const object of deps.blobs.listBlobs()) {
    onObject()
    group.push(object)
    if (group.length < objectsAtOnce) continue
    await settle(group)
    group = []
  }
  await settle(group)
  return garbage
}

/** Objects come in order of their keys, which is the order of their digests: a group is one range of rows. */
async function unknownOf(
  metadata: MetadataStore,
  group: readonly ListedBlob[],
): Promise<readonly ListedBlob[]> {
  const [from, to] = [group[0]?.digest, group.at(-1)?.digest]
  if (from === undefined || to === undefined) return []
  const known = await storageKeysBetween(metadata, from, to)
  const unknown: ListedBlob[] = []
  for (const object of group) {
    // Looked up again: a push may have been between its rename and its commit.
    if (!known.has(object.key) && !(await isKnown(metadata, object.digest, object.key))) {
      unknown.push(object)
    }
  }
  return unknown
}

async function isKnown(metadata: MetadataStore, digest: Digest, key: string): Promise<boolean> {
  return (await storageKeysBetween(metadata, digest, digest)).has(key)
}

export interface UploadFindings {
  /** Parts of which the bytes are gone or fewer: a crash while the upload was being finished. Nothing was promised. */
  readonly torn: number
  /** Parts in the storage that no upload has. */
  readonly abandoned: Garbage
}

export async function checkUploads(deps: Deps): Promise<UploadFindings> {
  const stored = new Map<string, number>()
  const rows = new Map<string, number>()
  for await (const { key, size } of deps.blobs.listUploads()) stored.set(key, size)
  for (let after = ''; ;) {
    const page = await listStoredParts(deps.metadata, { after, limit: partsAtOnce })
    for (const { key, size } of page) rows.set(key, size)
    const last = page.at(-1)
    if (last === undefined) break
    after = last.key
  }
  let torn = 0
  for (const [key, size] of rows) {
    if (stored.get(key) !== size && (await isTorn(deps, key))) torn += 1
  }
  const abandoned = { count: 0, bytes: 0 }
  for (const [key, size] of stored) {
    if (rows.has(key)) continue
    abandoned.count += 1
    abandoned.bytes += size
  }
  return { torn, abandoned }
}

/** Looked up again, as uploads go on. The row last: it goes after the object when an upload is finished. */
async function isTorn({ metadata, blobs }: Deps, key: string): Promise<boolean> {
  const found = await blobs.stat(parseKey(key))
  const size = await storedPartSize(metadata, key)
  return size !== undefined && size !== found?.size
}
