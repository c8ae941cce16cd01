// Reads the journal for a rebuild: first every segment is hashed, then it is decided where to begin, and what counts is
// given line by line, as often as asked.
import type { BlobStore, ListedSegment } from '../storage/blob-store.ts'
import type { Key } from '../storage/driver.ts'
import type { Line } from './lines.ts'
import type { Findings, OnProgress } from './report.ts'
import { decodeSegment, headerOfWhole, SegmentError, type SegmentHeader } from './segment.ts'

export interface ReadableJournal {
  /** Whose it is; undefined when there is nothing that can be read. */
  readonly installation: string | undefined
  /** Segments that are used. */
  readonly segments: number
  readonly bytes: number
  /** When the last of them was written. */
  readonly writtenAt: number | undefined
  readonly highest: { readonly repository: number; readonly principal: number }
  /** All lines of the used segments in their order; `onBytes` hears of each segment. */
  lines(onBytes?: (count: number) => void): AsyncIterable<readonly Line[]>
}

interface WholeSegment {
  readonly key: Key
  readonly size: number
  readonly sequence: number
  readonly header: SegmentHeader
}

export async function readJournal(
  blobs: BlobStore,
  findings: Findings,
  onProgress: OnProgress,
): Promise<ReadableJournal> {
  const listed: ListedSegment[] = []
  for await (const segment of blobs.listJournal()) listed.push(segment)
  const whole = await wholeSegments(blobs, listed, { findings, onProgress })
  const used = chooseSegments(whole, findings)
  const installation = used.at(-1)?.header.installation
  return {
    installation,
    segments: used.length,
    bytes: total(used),
    writtenAt: used.at(-1)?.header.writtenAt,
    highest: highestOf(used),
    async *lines(onBytes = () => undefined) {
      for (const { key, size } of used) {
        yield decodeSegment(await bytesOfObject(blobs, key)).lines
        onBytes(size)
      }
    },
  }
}

async function wholeSegments(
  blobs: BlobStore,
  listed: readonly ListedSegment[],
  { findings, onProgress }: { readonly findings: Findings; readonly onProgress: OnProgress },
): Promise<readonly WholeSegment[]> {
  const whole: WholeSegment[] = []
  const all = total(listed)
  let done = 0
  for (const { key, size, sequence } of listed) {
    try {
      whole.push({ key, size, sequence, header: headerOfWhole(await bytesOfObject(blobs, key)) })
    } catch (error) {
      if (!(error instanceof SegmentError)) throw error
      findings.add({
        kind: 'segment-damaged',
        name: key,
        message: `This part of the journal is left out. ${error.message}`,
      })
    }
    done += size
    onProgress({ phase: 'journal', done, total: all, unit: 'bytes' })
  }
  return whole
}

function chooseSegments(
  whole: readonly WholeSegment[],
  findings: Findings,
): readonly WholeSegment[] {
  const last = whole.at(-1)
  if (last === undefined) return []
  const { installation } = last.header
  const ours: WholeSegment[] = []
  for (const segment of whole) {
    if (segment.header.installation === installation) ours.push(segment)
    else findings.add(foreign(segment))
  }
  const from = startOfLastBase(ours)
  if (from === undefined) {
    findings.add({
      kind: 'base-missing',
      message:
        'The journal has no base that is whole, so all that is left of it is used. What was there before may be ' +
        'missing, and what was deleted before may be back.',
    })
    return ours
  }
  return ours.filter(({ sequence }) => sequence >= from)
}

function foreign({ key, header }: WholeSegment) {
  return {
    kind: 'segment-foreign',
    name: key,
    message: `This part of the journal belongs to another installation (${header.installation}).`,
  } as const
}

/** Number of the first part of the last base of which every part is there. */
function startOfLastBase(segments: readonly WholeSegment[]): number | undefined {
  const parts = new Map<string, { count: number; first: number }>()
  let start: number | undefined
  for (const { sequence, header } of segments) {
    if (header.base === undefined) continue
    const { id, part, last } = header.base
    const seen = parts.get(id) ?? { count: 0, first: sequence }
    parts.set(id, { ...seen, count: seen.count + 1 })
    if (last && seen.count + 1 === part) start = seen.first
  }
  return start
}

function highestOf(segments: readonly WholeSegment[]) {
  const highest = { repository: 0, principal: 0 }
  for (const { header } of segments) {
    highest.repository = Math.max(highest.repository, header.highest.repository)
    highest.principal = Math.max(highest.principal, header.highest.principal)
  }
  return highest
}

function total(objects: readonly { readonly size: number }[]): number {
  let bytes = 0
  for (const { size } of objects) bytes += size
  return bytes
}

async function bytesOfObject(blobs: BlobStore, key: Key): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await blobs.open(key)) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}
