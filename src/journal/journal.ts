// Writes the journal: a second copy of manifests, tags, history and small content in the storage, from which `carrel
// rebuild` makes the database anew (docs/decisions/0023-journal.md). What is queued goes into one durable segment, and
// only then leaves the queue; a crash in between writes it twice, which says the same. While the storage fails, the
// queue waits, and nobody who pushes hears of it.
import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import {
  listJournalQueue,
  listQueuedIds,
  removeFromJournalQueue,
} from '../metadata/journal-queue.ts'
import type { JournalBase, JournalState } from '../metadata/journal-state.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { Key } from '../storage/driver.ts'
import { baseLines } from './base.ts'
import type { Line } from './lines.ts'
import { LookUp, nothingTold } from './look-up.ts'
import { lostLease, SegmentWriter } from './segment-writer.ts'

export interface JournalDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  /** How much is written before a base is worth its while; for tests. */
  readonly limits?: Partial<JournalLimits>
}

export interface JournalLimits {
  /** A segment is closed when it has so many bytes. */
  readonly segmentBytes: number
  /** A new base is written when the journal has more than twice the last one and this. */
  readonly looseBytes: number
  readonly looseSegments: number
  /** A base that failed is not tried again at once: it may have filled the disk. */
  readonly baseAgainMs: number
}

const usualLimits: JournalLimits = {
  segmentBytes: 2 * 1024 * 1024,
  looseBytes: 64 * 1024 * 1024,
  looseSegments: 20_000,
  baseAgainMs: 30_000,
}

const rowsAtOnce = 1000
/** So long a process that ends goes on with a base. */
const stopMs = 5000
/** Segments that this database has not written are kept for so long when a base makes them superfluous. */
const keepForeignMs = 30 * 24 * 60 * 60 * 1000

export interface Journal {
  /** Writes what is queued, and a base where one is due. Does next to nothing when the queue is empty. */
  run(): Promise<void>
  /** A base that is being written must be done soon, or is given up. */
  stop(): void
  /** Writes what is left, and lets another node write. */
  end(): Promise<void>
}

export function createJournal(deps: JournalDeps): Journal {
  return new JournalWriter(deps)
}

interface BaseParts {
  readonly keys: Key[]
  bytes: number
}

class JournalWriter implements Journal {
  readonly #metadata: MetadataStore
  readonly #blobs: BlobStore
  readonly #limits: JournalLimits
  readonly #segments: SegmentWriter
  #told = nothingTold()
  #noBaseBefore = 0
  /** When a base that is being written is given up. */
  #stopAt = Infinity

  constructor({ metadata, blobs, limits }: JournalDeps) {
    this.#metadata = metadata
    this.#blobs = blobs
    this.#limits = { ...usualLimits, ...limits }
    this.#segments = new SegmentWriter(metadata, blobs)
  }

  async run(): Promise<void> {
    const { isKnown, looks } = this.#segments
    if (isKnown && (await listJournalQueue(this.#metadata, 1)).length === 0) return
    try {
      if (!(await this.#segments.begin())) return
      // Others may have written: what we remember of it may be gone.
      if (this.#segments.looks > looks) this.#told = nothingTold()
      if (this.#isBaseDue()) await this.#tryBase()
      while (await this.#drain());
      if (this.#isBaseDue()) await this.#tryBase()
    } catch (error) {
      this.#segments.forget()
      throw error
    }
  }

  #isBaseDue(): boolean {
    const { base, bytes, segments } = this.#segments.state
    if (Date.now() < this.#noBaseBefore) return false
    // Without a first one the journal is of little use.
    if (base === undefined) return Date.now() < this.#stopAt
    if (this.#stopAt !== Infinity) return false
    const { looseBytes, looseSegments } = this.#limits
    return bytes > 2 * base.bytes + looseBytes || segments > 2 * base.parts + looseSegments
  }

  /** Writes one segment of what is queued; returns whether there may be more. */
  async #drain(after = 0): Promise<boolean> {
    const rows = await listJournalQueue(this.#metadata, rowsAtOnce, after)
    if (rows.length === 0) return false
    const lines: string[] = []
    const queued: number[] = []
    let bytes = 0
    const lookUp = new LookUp(this.#metadata, this.#told, (line) => {
      const text = JSON.stringify(line)
      lines.push(text)
      bytes += text.length
    })
    for (const { id, entries } of rows) {
      await lookUp.add(entries)
      queued.push(id)
      if (bytes > this.#limits.segmentBytes) break
    }
    await this.#segments.write({ lines, queued })
    return queued.length < rows.length || rows.length === rowsAtOnce
  }

  async #tryBase(): Promise<void> {
    const parts: BaseParts = { keys: [], bytes: 0 }
    try {
      if (!(await this.#writeBase(parts))) await this.#giveUpBase(parts)
    } catch (error) {
      this.#noBaseBefore = Date.now() + this.#limits.baseAgainMs
      // The error is what counts; what stays goes with the next base.
      await this.#giveUpBase(parts).catch(() => undefined)
      throw error
    }
  }

  /** Half a base is of no use, and the disk may be full. */
  async #giveUpBase({ keys, bytes }: BaseParts): Promise<void> {
    if (keys.length === 0) return
    await this.#blobs.delete(keys)
    const { state } = this.#segments
    const segments = state.segments - keys.length
    await this.#segments.save({ ...state, segments, bytes: state.bytes - bytes })
  }

  /** Returns false when it was given up. */
  async #writeBase(parts: BaseParts): Promise<boolean> {
    // Segments before it will go, and with them what was told there.
    this.#told = nothingTold()
    const before = this.#segments.state
    // What waits now is told by the base, which looks at everything after this.
    const waiting = await listQueuedIds(this.#metadata)
    const id = randomUUID()
    const from = this.#segments.next
    const close = async (lines: readonly string[], last: boolean): Promise<void> => {
      const part = parts.keys.length + 1
      const { key, size } = await this.#segments.write({ lines, base: { id, part, last } })
      parts.keys.push(key)
      parts.bytes += size
    }
    let lines: string[] = []
    let bytes = 0
    for await (const page of baseLines(this.#metadata)) {
      if (Date.now() > this.#stopAt) return false
      for (const text of page.map(textOf)) {
        lines.push(text)
        bytes += text.length
        if (bytes <= this.#limits.segmentBytes) continue
        await close(lines, false)
        lines = []
        bytes = 0
        // What is pushed meanwhile must not wait for the end of it.
        await this.#drain(waiting.at(-1))
      }
      await turn()
    }
    await close(lines, true)
    const base = { id, from, parts: parts.keys.length, bytes: parts.bytes }
    // It is complete: nothing that fails from here on takes it away.
    parts.keys.length = 0
    await this.#endBase(base, before)
    await this.#dropFromQueue(waiting)
    return true
  }

  /** From here on replaying begins with this base. */
  async #endBase(base: JournalBase, before: JournalState): Promise<void> {
    const { state } = this.#segments
    const segments = state.segments - before.segments
    const ended = { ...state, base, segments, bytes: state.bytes - before.bytes }
    if (!(await this.#segments.save(ended))) throw lostLease()
    const old: Key[] = []
    for await (const { key, sequence, modifiedAt } of this.#blobs.listJournal()) {
      if (sequence >= base.from) break
      const isOurs = sequence >= before.from && sequence <= before.to
      const isOld = Date.now() - modifiedAt.getTime() > keepForeignMs
      if (isOurs || isOld) old.push(key)
    }
    await this.#blobs.delete(old)
    await this.#segments.save({ ...ended, from: base.from })
  }

  async #dropFromQueue(ids: readonly number[]): Promise<void> {
    for (let at = 0; at < ids.length; at += rowsAtOnce) {
      const some = ids.slice(at, at + rowsAtOnce)
      await this.#metadata.write(async (tx) => removeFromJournalQueue(tx, some))
    }
  }

  stop(): void {
    this.#stopAt = Date.now() + stopMs
  }

  async end(): Promise<void> {
    await this.run()
    await this.#segments.end()
  }
}

function textOf(line: Line): string {
  return JSON.stringify(line)
}
