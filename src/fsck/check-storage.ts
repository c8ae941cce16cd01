// The other direction: what lies in the storage and no row knows. That is garbage (a crash between a rename and its
// commit leaves it), never damage, so it is noted and no problem.
import type { Digest } from '../oci/digest.ts'
import { manifestDigestsBetween } from '../metadata/adoption.ts'
import { listTrash } from '../metadata/blob-trash.ts'
import { listStoredParts, storedPartSize } from '../metadata/inspection.ts'
import { keysInUseBetween } from '../metadata/inspection-kept.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { BlobStore, ListedBlob } from '../storage/blob-store.ts'
import { isKey, parseKey } from '../storage/driver.ts'
import { isAdoptedKey } from '../storage/layout.ts'

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

/** Objects among the blobs to which no row of any kind points; `onObject` is called for each one seen. */
export async function findUnreferenced(deps: Deps, onObject: () => void): Promise<Garbage> {
  const garbage = { count: 0, bytes: 0 }
  const settle = async (group: readonly ListedBlob[]): Promise<void> => {
    const unknown = await unknownOf(deps.metadata, group)
    const copies = await copiesOfManifests(deps.metadata, unknown)
    for (const { size, digest } of unknown) {
      if (copies.has(digest)) continue
      garbage.count += 1
      garbage.bytes += size
    }
  }
  let group: ListedBlob[] = []
  for await (const object of deps.blobs.listBlobs()) {
    onObject()
    // Those of an adopted volume come last and begin anew; a group is one range of digests.
    const isNewRange = object.digest < (group.at(-1)?.digest ?? '')
    if (isNewRange || group.length === objectsAtOnce) {
      await settle(group)
      group = []
    }
    group.push(object)
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
  const known = await keysInUseBetween(metadata, from, to)
  const unknown: ListedBlob[] = []
  for (const object of group) {
    // Looked up again: a push may have been between its rename and its commit.
    if (!known.has(object.key) && !(await isKnown(metadata, object.digest, object.key))) {
      unknown.push(object)
    }
  }
  return unknown
}

/** The files of manifests in an adopted volume: second copies of what the database has, and no garbage. */
async function copiesOfManifests(
  metadata: MetadataStore,
  unknown: readonly ListedBlob[],
): Promise<ReadonlySet<Digest>> {
  const adopted = unknown.filter(({ key }) => isAdoptedKey(key))
  const [from, to] = [adopted[0]?.digest, adopted.at(-1)?.digest]
  if (from === undefined || to === undefined) return new Set()
  return manifestDigestsBetween(metadata, from, to)
}

async function isKnown(metadata: MetadataStore, digest: Digest, key: string): Promise<boolean> {
  return (await keysInUseBetween(metadata, digest, digest)).has(key)
}

/** How many blobs of the trash could not be put back, because their objects are gone. */
export async function countLostTrash({ metadata, blobs }: Deps): Promise<number> {
  let lost = 0
  for (let after = 0; ;) {
    const page = await listTrash(metadata, { after, limit: partsAtOnce })
    for (const { storageKey } of page) {
      if (storageKey !== undefined && !(await isThere(blobs, storageKey))) lost += 1
    }
    const last = page.at(-1)
    if (last === undefined) return lost
    after = last.id
  }
}

async function isThere(blobs: BlobStore, key: string): Promise<boolean> {
  return isKey(key) && (await blobs.stat(key)) !== undefined
}

/** What lies in the quarantine, and how much of it no row tells of: a crash between moving and noting. */
export async function checkQuarantine(
  deps: Deps,
): Promise<{ readonly all: Garbage; readonly unnoted: number }> {
  const all = { count: 0, bytes: 0 }
  let unnoted = 0
  for await (const { key, digest, size } of deps.blobs.listAside()) {
    all.count += 1
    all.bytes += size
    if (!(await isKnown(deps.metadata, digest, key))) unnoted += 1
  }
  return { all, unnoted }
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
