// Every blob once. The storage is not part of the database's snapshot: whatever looks wrong is looked up again before it
// is told, as the blob may have been collected or pushed anew meanwhile.
import type { Digest } from '../oci/digest.ts'
import { findBlob, listBlobs, type BlobRow } from '../metadata/blobs.ts'
import { repositoriesHolding } from '../metadata/inspection.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { damagedAt, listQuarantined } from '../metadata/verification.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { healBlob } from './heal.ts'
import { lookAtBlob, type Fault, type Look } from './look-at-blob.ts'
import { quarantineBlob } from './quarantine.ts'
import type { Findings, Problem, ProblemKind } from './report.ts'

export interface BlobDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

export interface BlobCheck {
  /** Whether every byte is read, or only counted. */
  readonly deep: boolean
  /** Whether what is wrong is set aside, so that the next push brings it back. */
  readonly repair: boolean
  /** Hears of every blob, and of every piece that was read. */
  readonly onRead: (read: { readonly blobs: number; readonly bytes: number }) => void
}

export interface CheckedBlobs {
  readonly blobs: number
  readonly bytes: number
  /** So many were set aside now, or brought back. */
  readonly repaired: number
}

const blobsAtOnce = 200
/** While one file is waited for, another is hashed. */
const lanes = 4
const looks = 3
const shownRepositories = 3
const everyByte: Look = { deep: true }

export async function checkBlobs(
  deps: BlobDeps,
  findings: Findings,
  { deep, repair, onRead }: BlobCheck,
): Promise<CheckedBlobs> {
  const counts = { blobs: 0, bytes: 0, repaired: 0 }
  let failed = false
  const rows = allBlobs(deps.metadata)
  const look = { deep, onBytes: (bytes: number) => onRead({ blobs: 0, bytes: deep ? bytes : 0 }) }
  const work = async (): Promise<void> => {
    for await (const row of rows) {
      if (failed) return
      const problem = await checkBlob(deps, row, look)
      const left = problem && repair ? await repaired(deps, problem) : { problem, done: false }
      if (left.problem !== undefined) findings.add(left.problem)
      if (left.done) counts.repaired += 1
      counts.blobs += 1
      if (deep) counts.bytes += row.size
      onRead({ blobs: 1, bytes: 0 })
    }
  }
  const runLane = async (): Promise<void> =>
    work().catch((error: unknown) => {
      // The others must not go on reading for nobody.
      failed = true
      throw error
    })
  await Promise.all(Array.from({ length: lanes }, runLane))
  return counts
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
  look: Look = everyByte,
): Promise<Problem | undefined> {
  let seen: BlobRow | undefined = row
  let fault: Fault | undefined
  for (let count = 0; count < looks; count++) {
    if (seen.isDamaged === true) return describeDamaged(deps.metadata, seen.digest)
    fault = await lookAtBlob(deps.blobs, seen, count === 0 ? look : { deep: look.deep })
    if (fault === undefined) return undefined
    const before: BlobRow = seen
    seen = await findBlob(deps.metadata, row.digest)
    if (seen === undefined) return undefined
    // The same row twice: it stands.
    if (count > 0 && seen.storageKey === before.storageKey) break
  }
  return fault && describe(deps.metadata, row.digest, fault)
}

async function describe(
  metadata: MetadataStore,
  digest: Digest,
  { kind, what }: Pick<Fault, 'kind' | 'what'>,
  advice: string = adviceFor(kind),
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
    message: `${what} ${users} ${advice}`,
  }
}

const pushAgain = 'Push an image with it again, and it is whole.'

/** It was set aside before. */
async function describeDamaged(
  metadata: MetadataStore,
  digest: Digest,
): Promise<Problem | undefined> {
  const at = await damagedAt(metadata, digest)
  if (at === undefined) return undefined
  const row = (await listQuarantined(metadata, digest)).findLast(
    ({ healedAt }) => healedAt === undefined,
  )
  const where = row === undefined ? '' : ` What was found is ${row.storageKey}.`
  const what = `Its bytes were found lost or wrong on ${new Date(at).toISOString().slice(0, 10)}.${where}`
  return describe(metadata, digest, { kind: 'blob-damaged', what }, pushAgain)
}

function adviceFor(kind: ProblemKind): string {
  return kind === 'blob-unreadable'
    ? 'Check the disk and the permissions of the storage folder, then run fsck again.'
    : 'Run carrel fsck --deep --repair and push an image with it again, or restore it from a backup.'
}

/** What is left of the problem, and whether anything was done about it. */
async function repaired(
  deps: BlobDeps,
  problem: Problem,
): Promise<{ readonly problem: Problem | undefined; readonly done: boolean }> {
  const digest = problem.digest as Digest
  const row = await findBlob(deps.metadata, digest)
  if (problem.kind === 'blob-unreadable' || row === undefined) return { problem, done: false }
  const outcome = await quarantineBlob(deps, digest, 'fsck')
  const { kind } = outcome
  if (kind === 'whole') return { problem: undefined, done: false }
  if (kind === 'unreadable' || kind === 'doubtful') {
    const advice =
      kind === 'doubtful'
        ? 'Nothing was changed, as no other blob is there either: is the storage folder mounted?'
        : adviceFor('blob-unreadable')
    const found = { kind: kind === 'doubtful' ? 'blob-missing' : 'blob-unreadable' } as const
    const told = { ...found, what: outcome.what }
    return { problem: await describe(deps.metadata, digest, told, advice), done: false }
  }
  if ((await healBlob(deps, row)) !== undefined) return { problem: undefined, done: true }
  if (kind === 'absent') return { problem, done: false }
  const { what } = outcome
  const left = await describe(
    deps.metadata,
    digest,
    { kind: faultKindOf(problem), what },
    pushAgain,
  )
  return { problem: left, done: true }
}

function faultKindOf({ kind }: Problem): Fault['kind'] {
  return kind === 'blob-missing' || kind === 'blob-size' ? kind : 'blob-damaged'
}
