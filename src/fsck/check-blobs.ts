// Every blob once, byte by byte. The storage is not part of the database's snapshot: whatever looks wrong is looked up
// again before it is told, as the blob may have been collected or pushed anew meanwhile.
import { createHash } from 'node:crypto'
import { algorithmOf, digestFromHash, digestOf, isDigest, type Digest } from '../oci/digest.ts'
import { StorageUnavailableError } from '../oci/errors.ts'
import { findBlob, listBlobs, type BlobRow } from '../metadata/blobs.ts'
import { repositoriesHolding } from '../metadata/inspection.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { ObjectNotFoundError, parseKey } from '../storage/driver.ts'
import type { Findings, Problem, ProblemKind } from './report.ts'

export interface BlobDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

export interface CheckedBlobs {
  readonly blobs: number
  readonly bytes: number
}

const blobsAtOnce = 200
/** While one file is waited for, another is hashed. */
const lanes = 4
const looks = 3
const shownRepositories = 3

/** `onBytes` hears of every piece that was read. */
export async function checkBlobs(
  deps: BlobDeps,
  findings: Findings,
  onBytes: (count: number) => void,
): Promise<CheckedBlobs> {
  let blobs = 0
  let bytes = 0
  let failed = false
  const rows = allBlobs(deps.metadata)
  const work = async (): Promise<void> => {
    for await (const row of rows) {
      if (failed) return
      const problem = await checkBlob(deps, row, onBytes)
      if (problem !== undefined) findings.add(problem)
      blobs += 1
      bytes += row.size
    }
  }
  const runLane = async (): Promise<void> =>
    work().catch((error: unknown) => {
      // The others must not go on reading for nobody.
      failed = true
      throw error
    })
  await Promise.all(Array.from({ length: lanes }, runLane))
  return { blobs, bytes }
}

/** Shared by the lanes: each takes the next row. */
function allBlobs(metadata: MetadataStore): AsyncIterable<BlobRow> {
  const rows = pages(metadata)
  // A lane that ends must not end the others, which `for await` would do by `return`.
  return { [Symbol.asyncIterator]: () => ({ next: async () => rows.next() }) }
}

async function* pages(metadata: MetadataStore): AsyncGenerator<BlobRow, void, undefined> {
  for (let after = ''; ;) {
    const page = await listBlobs(metadata, { after, limit: blobsAtOnce })
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last.digest
  }
}

/** What is wrong with the blob now; undefined when nothing is, or when it is gone by now. */
export async function checkBlob(
  deps: BlobDeps,
  row: BlobRow,
  onBytes: (count: number) => void = () => undefined,
): Promise<Problem | undefined> {
  let seen: BlobRow | undefined = row
  let fault: Fault | undefined
  for (let look = 0; look < looks; look++) {
    fault = await findFault(deps.blobs, seen, look === 0 ? onBytes : () => undefined)
    if (fault === undefined) return undefined
    const before: BlobRow = seen
    seen = await findBlob(deps.metadata, row.digest)
    if (seen === undefined) return undefined
    // The same row twice: it stands.
    if (look > 0 && seen.storageKey === before.storageKey) break
  }
  return fault && describe(deps.metadata, row.digest, fault)
}

interface Fault {
  readonly kind: ProblemKind
  readonly what: string
}

async function findFault(
  blobs: BlobStore,
  row: BlobRow,
  onBytes: (count: number) => void,
): Promise<Fault | undefined> {
  const { digest, size, storageKey, content } = row
  if (!isDigest(digest)) return { kind: 'blob-damaged', what: 'Its digest is malformed.' }
  if (content === undefined && storageKey === undefined) {
    return { kind: 'blob-missing', what: 'The database has neither its bytes nor where they lie.' }
  }
  if (content !== undefined) {
    onBytes(content.length)
    if (digestOf(content, algorithmOf(digest)) === digest && content.length === size)
      return undefined
    return {
      kind: 'blob-damaged',
      what: 'Its bytes in the database are not those that were pushed.',
    }
  }
  try {
    return await findStoredFault(blobs, { digest, size, key: storageKey ?? '' }, onBytes)
  } catch (error) {
    return faultOf(error, storageKey ?? '')
  }
}

async function findStoredFault(
  blobs: BlobStore,
  { digest, size, key: text }: { digest: Digest; size: number; key: string },
  onBytes: (count: number) => void,
): Promise<Fault | undefined> {
  const key = parseKey(text)
  const found = await blobs.stat(key)
  if (found === undefined) throw new ObjectNotFoundError(key)
  if (found.size !== size) {
    return { kind: 'blob-size', what: `${key} has ${found.size} bytes instead of ${size}.` }
  }
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  for await (const chunk of await blobs.open(key)) {
    hash.update(chunk as Uint8Array)
    onBytes((chunk as Uint8Array).length)
  }
  if (digestFromHash(algorithm, hash.digest('hex')) === digest) return undefined
  return { kind: 'blob-damaged', what: `The bytes of ${key} are not those that were pushed.` }
}

function faultOf(error: unknown, key: string): Fault {
  if (error instanceof ObjectNotFoundError) {
    return { kind: 'blob-missing', what: `There is no ${key} in the storage.` }
  }
  if (error instanceof StorageUnavailableError) {
    const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException
    return { kind: 'blob-unreadable', what: `${key} cannot be read (${code ?? message}).` }
  }
  if (error instanceof TypeError) {
    return { kind: 'blob-missing', what: `The database says that it lies at ${quoted(key)}.` }
  }
  throw error
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}

async function describe(
  metadata: MetadataStore,
  digest: Digest,
  { kind, what }: Fault,
): Promise<Problem> {
  const holders = await repositoriesHolding(metadata, digest, shownRepositories + 1)
  const shown = holders.slice(0, shownRepositories).join(', ')
  const more = holders.length > shownRepositories ? ' and others' : ''
  const users = shown === '' ? 'No repository has it.' : `It is in ${shown}${more}.`
  const [name] = holders
  return {
    kind,
    digest,
    ...(name !== undefined && { name }),
    message: `${what} ${users} ${adviceFor(kind)}`,
  }
}

function adviceFor(kind: ProblemKind): string {
  return kind === 'blob-unreadable'
    ? 'Check the disk and the permissions of the storage folder, then run fsck again.'
    : 'Restore it from a backup of the storage folder.'
}
