// The content of a file of replayed-disk.ts: what is durable, and what it may be after a power loss.
import type { Chance } from './chance.ts'

/** A change of the content that need not be durable yet. */
export type PendingBytes = PendingWrite | PendingSize

export interface PendingWrite {
  readonly sequence: number
  readonly kind: 'write'
  readonly offset: number
  readonly bytes: Uint8Array
}

interface PendingSize {
  readonly sequence: number
  /** `lengthen` does not make it shorter. */
  readonly kind: 'resize' | 'lengthen'
  readonly size: number
}

/** A file: bytes up to `used`, and zeros from there to `size`. */
export interface Content {
  readonly bytes: Uint8Array
  readonly used: number
  readonly size: number
}

export interface SyncedBytes {
  apply(pending: PendingBytes): void
  /** Good until the next `apply`. */
  content(): Content
}

const zeros = Buffer.alloc(1024 * 1024)

export function createSyncedBytes(start?: Content): SyncedBytes {
  let bytes = Buffer.alloc(start?.used ?? 0)
  if (start !== undefined) bytes.set(start.bytes.subarray(0, start.used))
  let used = start?.used ?? 0
  let size = start?.size ?? 0

  function reserve(end: number): void {
    if (end <= bytes.length) return
    const longer = Buffer.alloc(Math.max(end, 2 * bytes.length))
    longer.set(bytes.subarray(0, used))
    bytes = longer
  }

  function write({ offset, bytes: written }: PendingWrite): void {
    const end = offset + written.length
    size = Math.max(size, end)
    // The database's log is made long with zeros: they need no room here.
    if (offset >= used && isZero(written)) return
    reserve(end)
    bytes.set(written, offset)
    used = Math.max(used, end)
  }

  return {
    apply(pending) {
      if (pending.kind === 'write') {
        write(pending)
        return
      }
      size = pending.kind === 'resize' ? pending.size : Math.max(size, pending.size)
      if (used <= size) return
      bytes.fill(0, size, used)
      used = size
    },
    content: () => ({ bytes, used, size }),
  }
}

function isZero(bytes: Uint8Array): boolean {
  if (bytes.length > zeros.length) return false
  return zeros.subarray(0, bytes.length).equals(bytes)
}

/** What survives of a file's changes: each wholly, not at all, or some sectors of it. */
export type Survival = 'none' | 'all' | { readonly probability: number }

const sectors = [512, 4096]

/** The content after a power loss; undefined when it is what was synced. */
export function survivingContent(
  synced: SyncedBytes,
  pending: readonly PendingBytes[],
  survival: Survival,
  chance: Chance,
): Content {
  if (survival === 'none' || pending.length === 0) return synced.content()
  const after = createSyncedBytes(synced.content())
  const longest = lengthAfter(synced.content().size, pending)
  const sector = sectors[chance.whole(0, sectors.length - 1)] ?? 512
  for (const one of pending) {
    if (survival === 'all' || chance.next() < survival.probability) after.apply(one)
    else if (one.kind === 'write' && chance.next() < tornShare) tear(after, one, sector, chance)
  }
  // The length can be there before the bytes.
  if (survival !== 'all' && chance.next() < lengthShare) {
    after.apply({ sequence: 0, kind: 'lengthen', size: longest })
  }
  return after.content()
}

const tornShare = 0.5
const lengthShare = 0.3

function lengthAfter(size: number, pending: readonly PendingBytes[]): number {
  let length = size
  for (const one of pending) {
    if (one.kind === 'write') length = Math.max(length, one.offset + one.bytes.length)
    else length = one.kind === 'resize' ? one.size : Math.max(length, one.size)
  }
  return length
}

/** Some of the sectors that the write touches. */
function tear(
  after: SyncedBytes,
  { sequence, offset, bytes }: PendingWrite,
  sector: number,
  chance: Chance,
): void {
  const end = offset + bytes.length
  for (let from = offset; from < end;) {
    const to = Math.min(end, (Math.floor(from / sector) + 1) * sector)
    if (chance.next() < 0.5) {
      const piece = bytes.subarray(from - offset, to - offset)
      after.apply({ sequence, kind: 'write', offset: from, bytes: piece })
    }
    from = to
  }
}
