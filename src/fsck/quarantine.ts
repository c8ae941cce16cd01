// What becomes of a blob whose bytes seem to be wrong: it is looked at once more, its object is set aside, and one
// transaction makes it count as absent, so that the next push of the same bytes brings it back. Everything that is no
// proof changes nothing. See docs/decisions/0024-verification.md.
import { randomBytes } from 'node:crypto'
import type { Digest } from '../oci/digest.ts'
import { findBlob, listBlobs, type BlobRow } from '../metadata/blobs.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { listQuarantined, markDamaged, type FoundBy } from '../metadata/verification.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { ObjectNotFoundError, isKey, parseKey } from '../storage/driver.ts'
import { isAdoptedKey } from '../storage/layout.ts'
import { lookAtBlob, type Fault } from './look-at-blob.ts'

export interface QuarantineDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

export type QuarantineOutcome =
  /** It counts as absent from now on; `size` is that of the right bytes. */
  | { readonly kind: 'damaged'; readonly what: string; readonly size: number }
  /** It counts as absent already, or is gone. */
  | { readonly kind: 'absent' }
  /** The second look found the right bytes, or others were pushed meanwhile. */
  | { readonly kind: 'whole' }
  /** The storage did not give the bytes: nothing is known of them. */
  | { readonly kind: 'unreadable'; readonly what: string }
  /** It is not there, and nothing else seems to be: the storage itself may be missing. */
  | { readonly kind: 'doubtful'; readonly what: string }

/** For a blob that somebody found wrong. Reads all of it. */
export async function quarantineBlob(
  deps: QuarantineDeps,
  digest: Digest,
  foundBy: FoundBy,
): Promise<QuarantineOutcome> {
  const row = await findBlob(deps.metadata, digest)
  if (row === undefined || row.isDamaged === true) return { kind: 'absent' }
  const fault = await lookAtBlob(deps.blobs, row, { deep: true })
  if (fault === undefined) return { kind: 'whole' }
  const { kind, what } = fault
  if (kind === 'blob-unreadable') return { kind: 'unreadable', what }
  if (kind === 'blob-missing' && !(await isStorageThere(deps, row, foundBy))) {
    return { kind: 'doubtful', what }
  }
  const aside = await setAside(deps, row, fault)
  const marked = await deps.metadata.write(async (tx) =>
    markDamaged(tx, { digest, storageKey: row.storageKey, ...aside, foundBy }),
  )
  return marked ? { kind: 'damaged', what, size: row.size } : { kind: 'whole' }
}

interface Aside {
  readonly asideKey: string | undefined
  readonly size: number
}

async function setAside(
  deps: QuarantineDeps,
  { digest, content, storageKey }: BlobRow,
  { kind, size }: Fault,
): Promise<Aside> {
  const { blobs } = deps
  if (content !== undefined) return { asideKey: await blobs.setBytesAside(content, digest), size }
  if (kind === 'blob-missing') return findAside(deps, digest)
  try {
    return { asideKey: await blobs.setAside(parseKey(storageKey ?? ''), digest), size }
  } catch (error) {
    // Another process was quicker.
    if (error instanceof ObjectNotFoundError) return findAside(deps, digest)
    throw error
  }
}

/** What was set aside by somebody who then was killed before it was noted. */
async function findAside({ metadata, blobs }: QuarantineDeps, digest: Digest): Promise<Aside> {
  const noted = new Set((await listQuarantined(metadata, digest)).map((row) => row.storageKey))
  for await (const object of blobs.listAside()) {
    if (object.digest === digest && !noted.has(object.key)) {
      return { asideKey: object.key, size: object.size }
    }
  }
  return { asideKey: undefined, size: 0 }
}

const mostSamples = 16
const samplePage = 100

/**
 * A folder that was not mounted has no blob at all: before one is taken for lost, another one must be found in the same
 * place. Where there is no other, only a person who asks for it is believed.
 */
async function isStorageThere(
  { metadata, blobs }: QuarantineDeps,
  { digest, storageKey }: BlobRow,
  foundBy: FoundBy,
): Promise<boolean> {
  if (storageKey === undefined || !isKey(storageKey)) return true
  const start = `sha256:${randomBytes(8).toString('hex')}`
  const pages = [start, ''].map(async (after) => listBlobs(metadata, { after, limit: samplePage }))
  const rows = (await Promise.all(pages)).flat()
  const others: string[] = []
  for (const other of rows) {
    const isComparable =
      other.digest !== digest &&
      other.storageKey !== undefined &&
      isKey(other.storageKey) &&
      isAdoptedKey(other.storageKey) === isAdoptedKey(storageKey)
    if (isComparable && others.length < mostSamples) others.push(other.storageKey ?? '')
  }
  for (const key of others) {
    if ((await blobs.stat(parseKey(key))) !== undefined) return true
  }
  return others.length === 0 && foundBy === 'fsck'
}
