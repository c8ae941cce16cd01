// Whether the journal in the storage is the one that the database knows. It is not after a database was brought back
// from a backup, or made anew, or when somebody has removed something: then it begins again with all that there is.
import { isQueuedForJournal } from '../metadata/journal-queue.ts'
import type { JournalState } from '../metadata/journal-state.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { BlobStore, ListedSegment } from '../storage/blob-store.ts'
import { headerOf, SegmentError, type SegmentHeader } from './segment.ts'

export interface Inspection {
  /** The largest number that any segment has; 0 without one. */
  readonly highest: number
  /** The state as it is, with what a crash kept from being noted; undefined: the journal must begin again. */
  readonly state: JournalState | undefined
}

interface Deps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

/** @throws {ForeignJournalError} when it is another installation's */
export async function inspectJournal(
  { metadata, blobs }: Deps,
  known: JournalState | undefined,
  installation: string,
): Promise<Inspection> {
  const segments: ListedSegment[] = []
  for await (const segment of blobs.listJournal()) segments.push(segment)
  const newest = await newestHeader(blobs, segments)
  if (newest !== undefined && newest.installation !== installation) {
    throw new ForeignJournalError(newest.installation)
  }
  const highest = segments.at(-1)?.sequence ?? 0
  const from = known?.base?.from
  if (known === undefined || from === undefined) return { highest, state: undefined }
  const later = segments.filter(({ sequence }) => sequence > known.to)
  const noted = segments.filter(({ sequence }) => sequence >= from && sequence <= known.to)
  if (noted.length !== known.segments || bytesOf(noted) !== known.bytes) {
    return { highest, state: undefined }
  }
  if (later.length === 0) return { highest, state: known }
  // A crash between the segment and the database leaves one, of which all is still in the queue.
  const [left] = later
  if (later.length > 1 || left === undefined) return { highest, state: undefined }
  const header = await readHeader(blobs, left)
  const isOurs = header?.lineage === known.lineage && header.queued !== undefined
  if (!isOurs || !(await isQueuedForJournal(metadata, header.queued ?? 0))) {
    return { highest, state: undefined }
  }
  const { segments: count, bytes } = known
  const to = left.sequence
  return { highest, state: { ...known, to, segments: count + 1, bytes: bytes + left.size } }
}

/** A database that was made anew beside a storage that is in use: nothing may be written over that one's journal. */
export class ForeignJournalError extends Error {
  override readonly name = 'ForeignJournalError'

  constructor(other: string) {
    super(
      `The storage has the journal of another installation (${other}), which may be the only copy of its manifests ` +
        'and tags, so nothing is written to it. Stop the server and run `carrel rebuild`, or, if that content is not ' +
        'wanted, move the folder storage/journal elsewhere.',
    )
  }
}

function bytesOf(segments: readonly ListedSegment[]): number {
  let bytes = 0
  for (const { size } of segments) bytes += size
  return bytes
}

const headersToTry = 10

async function newestHeader(
  blobs: BlobStore,
  segments: readonly ListedSegment[],
): Promise<SegmentHeader | undefined> {
  for (const segment of segments.slice(-headersToTry).toReversed()) {
    const header = await readHeader(blobs, segment)
    if (header !== undefined) return header
  }
  return undefined
}

const longestHeader = 4096

/** Undefined when it cannot be read: damage is for rebuild and checks to tell. */
async function readHeader(
  blobs: BlobStore,
  { key }: ListedSegment,
): Promise<SegmentHeader | undefined> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await blobs.open(key, { start: 0, end: longestHeader - 1 })) {
    chunks.push(chunk as Uint8Array)
  }
  try {
    return headerOf(Buffer.concat(chunks))
  } catch (error) {
    if (error instanceof SegmentError) return undefined
    throw error
  }
}
