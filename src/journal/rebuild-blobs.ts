// Blobs as the storage has them: each object's key names its digest.
import { createHash } from 'node:crypto'
import { algorithmOf, digestFromHash, type Digest } from '../oci/digest.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import {
  rebuildBlob,
  replaceRebuiltBlob,
  type RebuiltBlob,
} from '../metadata/rebuilding-contents.ts'
import { reviewTime } from '../metadata/reviews.ts'
import type { BlobStore, ListedBlob } from '../storage/blob-store.ts'
import type { Key } from '../storage/driver.ts'
import { fill, type Filling } from './pace.ts'
import type { Findings, OnProgress } from './report.ts'

export interface RebuiltBlobs {
  readonly objects: number
  readonly bytes: number
  /** Further objects of digests that have more than one. */
  readonly others: ReadonlyMap<Digest, readonly ListedBlob[]>
}

export interface BlobRebuildDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  /** Reads every byte. */
  readonly deep: boolean
  readonly findings: Findings
  readonly onProgress: OnProgress
}

const objectsAtOnce = 500

export async function rebuildBlobs(deps: BlobRebuildDeps): Promise<RebuiltBlobs> {
  const filling = fill(deps.metadata)
  const others = new Map<Digest, ListedBlob[]>()
  let objects = 0
  let bytes = 0
  const flush = async (group: readonly ListedBlob[]): Promise<void> => {
    for (const other of await writeGroup(filling, group, deps.deep)) {
      const known = others.get(other.digest)
      if (known === undefined) others.set(other.digest, [other])
      else known.push(other)
    }
    deps.onProgress({ phase: 'storage', done: objects, total: objects, unit: 'items' })
  }
  let group: ListedBlob[] = []
  for await (const object of deps.blobs.listBlobs()) {
    if (deps.deep && !(await isSound(deps, object))) continue
    objects += 1
    bytes += object.size
    group.push(object)
    if (group.length < objectsAtOnce) continue
    await flush(group)
    group = []
  }
  await flush(group)
  return { objects, bytes, others }
}

/** Returns those whose digest has a row already. */
async function writeGroup(
  filling: Filling,
  group: readonly ListedBlob[],
  isVerified: boolean,
): Promise<readonly ListedBlob[]> {
  return filling.write(async (tx) => {
    const left: ListedBlob[] = []
    for (const object of group) {
      if (!(await rebuildBlob(tx, rowOf(object, isVerified)))) left.push(object)
    }
    return left
  })
}

function rowOf({ key, size, digest, modifiedAt }: ListedBlob, isVerified: boolean): RebuiltBlob {
  return {
    digest,
    size,
    storageKey: key,
    content: null,
    createdAt: modifiedAt.getTime(),
    reviewAfter: reviewTime(),
    verifiedAt: isVerified ? Date.now() : 0,
    damagedAt: null,
  }
}

async function isSound(deps: BlobRebuildDeps, { key, digest }: ListedBlob): Promise<boolean> {
  if (await hasDigest(deps.blobs, key, digest)) return true
  deps.findings.add({
    kind: 'blob-damaged',
    name: key,
    digest,
    message: 'The bytes of this object are not those of its name, so it is left out.',
  })
  return false
}

/** Reads all of it. */
export async function hasDigest(blobs: BlobStore, key: Key, digest: Digest): Promise<boolean> {
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  for await (const chunk of await blobs.open(key)) hash.update(chunk as Uint8Array)
  return digestFromHash(algorithm, hash.digest('hex')) === digest
}

/** Without bytes: it counts as absent, and comes back by the next push of the same content. */
export async function markMissing(
  tx: Transaction,
  { digest, size }: { readonly digest: Digest; readonly size: number },
): Promise<void> {
  const now = Date.now()
  const row = { digest, size, storageKey: null, content: null, createdAt: now, damagedAt: now }
  const missing = { ...row, reviewAfter: reviewTime(), verifiedAt: 0 }
  if (!(await rebuildBlob(tx, missing))) await replaceRebuiltBlob(tx, missing)
}

/** The blob's bytes are those of another object of the same digest. */
export async function takeOther(tx: Transaction, object: ListedBlob): Promise<void> {
  await replaceRebuiltBlob(tx, rowOf(object, false))
}
