// A segment of the journal: lines of JSON between a header that says whose it is and a last line with the hash of all
// before it, so that a torn or damaged one is seen as such. Format: docs/storage-layout.md.
import { createHash } from 'node:crypto'
import type { Line } from './lines.ts'

export const journalFormat = 'carrel-journal'
/** Readers take this version and no later one. */
export const journalVersion = 1

export interface SegmentHeader {
  readonly format: typeof journalFormat
  readonly version: number
  /** Id of the installation. */
  readonly installation: string
  readonly lineage: string
  readonly sequence: number
  readonly writtenAt: number
  /** The last row of the queue that it tells of. */
  readonly queued?: number
  /** It is a part of a base: all that there is. */
  readonly base?: BasePart
  /** The largest ids that were ever given out. */
  readonly highest: { readonly repository: number; readonly principal: number }
}

export interface BasePart {
  readonly id: string
  /** From 1. */
  readonly part: number
  readonly last: boolean
}

export function encodeSegment(header: SegmentHeader, lines: readonly string[]): Buffer {
  const body = Buffer.from(`${[JSON.stringify(header), ...lines].join('\n')}\n`)
  const end = { kind: 'end', lines: lines.length, sha256: sha256Of(body) }
  return Buffer.concat([body, Buffer.from(`${JSON.stringify(end)}\n`)])
}

/** What is wrong with a segment, in one sentence. */
export class SegmentError extends Error {
  override readonly name = 'SegmentError'
}

export interface Segment {
  readonly header: SegmentHeader
  readonly lines: readonly Line[]
}

/** @throws {SegmentError} when it is not whole, or of a newer version */
export function decodeSegment(bytes: Buffer): Segment {
  const { header, body } = checkSegment(bytes)
  const texts = body.toString().split('\n').slice(1, -1)
  return { header, lines: texts.map((text) => JSON.parse(text) as Line) }
}

/** Its header, when all of it is as it was written. @throws {SegmentError} */
export function headerOfWhole(bytes: Buffer): SegmentHeader {
  return checkSegment(bytes).header
}

function checkSegment(bytes: Buffer): { readonly header: SegmentHeader; readonly body: Buffer } {
  // A newer version may end otherwise, and is no damage.
  const header = headerOf(bytes)
  const start = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1
  const end = parse(bytes.subarray(start).toString()) as { sha256?: unknown } | undefined
  const isEnded = bytes.at(-1) === 0x0a && typeof end?.sha256 === 'string' && start > 0
  if (!isEnded) throw new SegmentError('Its end is missing.')
  const body = bytes.subarray(0, start)
  if (sha256Of(body) !== end.sha256) throw new SegmentError('Its bytes are not those written.')
  return { header, body }
}

/** The header at the start of these bytes. @throws {SegmentError} */
export function headerOf(bytes: Buffer): SegmentHeader {
  const end = bytes.indexOf(0x0a)
  const header = end < 0 ? undefined : parse(bytes.toString('utf8', 0, end))
  if (!isHeader(header)) throw new SegmentError('Its header cannot be read.')
  if (header.version > journalVersion) {
    throw new SegmentError(
      `It was written by a newer Carrel (format ${header.version}; this one reads ${journalVersion}).`,
    )
  }
  return header
}

function isHeader(value: unknown): value is SegmentHeader {
  if (typeof value !== 'object' || value === null) return false
  const { format, version, installation } = value as Partial<SegmentHeader>
  return format === journalFormat && Number.isInteger(version) && typeof installation === 'string'
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
