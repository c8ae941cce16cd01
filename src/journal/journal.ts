// Writes the journal: a second copy of manifests, tags, history and small content in the storage, from which `carrel
// rebuild` makes the database anew (docs/decisions/0023-journal.md). What is queued goes into one durable segment, and
// only then leaves the queue; a crash in between writes it twice, which says the same. While the storage fails, the
// queue waits, and nobody who pushes hears of it.
import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { listJournalQueue, removeFromJournalQueue } from '../metadata/journal-queue.ts'
import { readHighestIds } from '../metadata/journal-reading-tags.ts'
import {
  findJournalState,
  isRebuildUnfinished,
  saveJournalState,
  type HighestIds,
  type JournalState,
} from '../metadata/journal-state.ts'
import { endLease, findLease, takeLease } from '../metadata/leases.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { countRepositories } from '../metadata/repositories.ts'
import { findSetting } from '../metadata/settings.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { Key } from '../storage/driver.ts'
import { baseLines } from './base.ts'
import { inspectJournal } from './inspect-journal.ts'
import type { Line } from './lines.ts'
import { LookUp, nothingTold } from './look-up.ts'
import { encodeSegment, journalFormat, journalVersion, type BasePart } from './segment.ts'

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
const leaseMs = 30_000
/** Segments that this database has not written are kept for so long when a base makes them superfluous. */
const keepForeignMs = 30 * 24 * 60 * 60 * 1000

export interface Journal {
  /** Writes what is queued, and a base where one is due. Does next to nothing when the queue is empty. */
  run(): Promise<void>
  /** A base that is being written is given up. */
  stop(): void
  /** Writes what is left, and lets another node write. */
  end(): Promise<void>
}

export function createJournal(deps: JournalDeps): Journal {
  return new JournalWriter(deps)
}

interface Written {
  readonly state: JournalState
  readonly key: Key
}

interface BaseParts {
  readonly keys: Key[]
  bytes: number
}

interface SegmentPlan {
  readonly lines: readonly string[]
  /** Rows of the queue that it tells of. */
  readonly queued?: readonly number[]
  readonly base?: BasePart
}

class JournalWriter implements Journal {
  readonly #metadata: MetadataStore
  readonly #blobs: BlobStore
  readonly #limits: JournalLimits
  readonly #holder: string
  readonly #told = nothingTold()
  #leaseEndsAt = 0
  /** Undefined until the journal in the storage was looked at. */
  #installation: string | undefined
  /** As it was last written by us. */
  #state: JournalState | undefined
  /** Never used twice, whatever became of the segment. */
  #sequence = 0
  #noBaseBefore = 0
  #isStopping = false

  constructor({ metadata, blobs, limits }: JournalDeps) {
    this.#metadata = metadata
    this.#blobs = blobs
    this.#limits = { ...usualLimits, ...limits }
    // One server has an embedded database to itself, and must not wait for the lease of one that was killed.
    this.#holder = metadata.dialect === 'sqlite' ? 'server' : randomUUID()
  }

  async run(): Promise<void> {
    const isKnown = this.#installation !== undefined
    if (isKnown && (await listJournalQueue(this.#metadata, 1)).length === 0) return
    if (!(await this.#haveLease())) return
    try {
      if (!(await this.#know())) return
      if (this.#isBaseDue()) await this.#tryBase()
      while (await this.#drain());
      if (this.#isBaseDue()) await this.#tryBase()
    } catch (error) {
      this.#forget()
      this.#leaseEndsAt = 0
      throw error
    }
  }

  /** What happened last is not known any more. */
  #forget(): void {
    this.#installation = undefined
    this.#state = undefined
    this.#forgetTold()
  }

  #forgetTold(): void {
    this.#told.blobs.clear()
    this.#told.principals.clear()
    this.#told.changes.clear()
  }

  async #haveLease(): Promise<boolean> {
    const now = Date.now()
    if (this.#leaseEndsAt - now > leaseMs / 2) return true
    const holder = this.#holder
    const state = await this.#metadata.write(async (tx) => {
      const taken = await takeLease(tx, 'journal', { holder, forMs: leaseMs })
      return taken ? { now: await findJournalState(tx) } : undefined
    })
    // Another one may have written since ours ended.
    if (!isSame(state?.now, this.#state)) this.#forget()
    this.#leaseEndsAt = state === undefined ? 0 : now + leaseMs
    return state !== undefined
  }

  /** Looks at the journal that is there; returns false when there is nothing to write. */
  async #know(): Promise<boolean> {
    if (this.#installation !== undefined) return true
    if (await isRebuildUnfinished(this.#metadata)) return false
    const installation = await findSetting(this.#metadata, 'installation-id')
    if (installation === undefined) return false
    const known = await findJournalState(this.#metadata)
    const deps = { metadata: this.#metadata, blobs: this.#blobs }
    const { highest, state } = await inspectJournal(deps, known, installation)
    this.#sequence = Math.max(this.#sequence, highest, known?.to ?? 0)
    this.#state = state ?? freshState(this.#sequence, known?.highest)
    this.#installation = installation
    if (known !== undefined || highest > 0) return true
    const { repositories } = await countRepositories(this.#metadata)
    const isEmpty = repositories === 0 && (await listJournalQueue(this.#metadata, 1)).length === 0
    return !isEmpty
  }

  #isBaseDue(): boolean {
    const state = this.#require()
    if (this.#isStopping || Date.now() < this.#noBaseBefore) return false
    if (state.base === undefined) return true
    const { looseBytes, looseSegments } = this.#limits
    return (
      state.bytes > 2 * state.base.bytes + looseBytes ||
      state.segments > 2 * state.base.parts + looseSegments
    )
  }

  #require(): JournalState {
    if (this.#state === undefined) throw new Error('the journal was not looked at')
    return this.#state
  }

  /** Writes one segment of what is queued; returns whether there may be more. */
  async #drain(): Promise<boolean> {
    const rows = await listJournalQueue(this.#metadata, rowsAtOnce)
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
    await this.#write({ lines, queued })
    return queued.length < rows.length || rows.length === rowsAtOnce
  }

  /** Makes the segment durable, and then notes it. @throws {Error} when another node took the lease meanwhile */
  async #write(plan: SegmentPlan): Promise<Written> {
    if (!(await this.#haveLease()) || this.#state === undefined) throw lostLease()
    const before = this.#state
    const highest = await this.#highest(before.highest)
    this.#sequence += 1
    const sequence = this.#sequence
    const last = plan.queued?.at(-1)
    const header = {
      format: journalFormat,
      version: journalVersion,
      installation: this.#installation ?? '',
      lineage: before.lineage,
      sequence,
      writtenAt: Date.now(),
      highest,
      ...(last !== undefined && { queued: last }),
      ...(plan.base !== undefined && { base: plan.base }),
    } as const
    const { key, size } = await this.#blobs.writeSegment(
      sequence,
      encodeSegment(header, plan.lines),
    )
    const { segments, bytes } = before
    const state = { ...before, to: sequence, segments: segments + 1, bytes: bytes + size, highest }
    const isNoted = await this.#metadata.write(async (tx) => {
      if ((await findLease(tx, 'journal'))?.holder !== this.#holder) return false
      await this.#note(tx, state, plan.queued)
      return true
    })
    if (!isNoted) {
      // Whoever writes now knows nothing of it, and what it says may be old by then.
      await this.#blobs.delete([key])
      throw lostLease()
    }
    this.#state = state
    return { state, key }
  }

  async #note(tx: Transaction, state: JournalState, queued: readonly number[] = []): Promise<void> {
    await removeFromJournalQueue(tx, queued)
    await saveJournalState(tx, state)
  }

  async #highest(before: HighestIds): Promise<HighestIds> {
    const { repository, principal } = await readHighestIds(this.#metadata)
    return {
      repository: Math.max(before.repository, repository),
      principal: Math.max(before.principal, principal),
    }
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
    const state = this.#require()
    const without = {
      ...state,
      segments: state.segments - keys.length,
      bytes: state.bytes - bytes,
    }
    await this.#metadata.write(async (tx) => this.#note(tx, without))
    this.#state = without
  }

  /** Returns false when it was given up. */
  async #writeBase(parts: BaseParts): Promise<boolean> {
    // Segments before it will go, and with them what was told there.
    this.#forgetTold()
    const before = this.#require()
    const id = randomUUID()
    const from = this.#sequence + 1
    const close = async (lines: readonly string[], last: boolean): Promise<void> => {
      const size = this.#require().bytes
      const part = parts.keys.length + 1
      const { state, key } = await this.#write({ lines, base: { id, part, last } })
      parts.keys.push(key)
      parts.bytes += state.bytes - size
    }
    let lines: string[] = []
    let bytes = 0
    for await (const page of baseLines(this.#metadata)) {
      if (this.#isStopping) return false
      for (const text of page.map(textOf)) {
        lines.push(text)
        bytes += text.length
        if (bytes <= this.#limits.segmentBytes) continue
        await close(lines, false)
        lines = []
        bytes = 0
        // What is pushed meanwhile must not wait for the end of it.
        await this.#drain()
      }
      await turn()
    }
    await close(lines, true)
    const base = { id, from, parts: parts.keys.length, bytes: parts.bytes }
    // It is complete: nothing that fails from here on takes it away.
    parts.keys.length = 0
    await this.#endBase(base, before)
    return true
  }

  /** From here on replaying begins with this base. */
  async #endBase(base: NonNullable<JournalState['base']>, before: JournalState): Promise<void> {
    const state = this.#require()
    const ended = {
      ...state,
      base,
      segments: state.segments - before.segments,
      bytes: state.bytes - before.bytes,
    }
    await this.#metadata.write(async (tx) => this.#note(tx, ended))
    this.#state = ended
    const old: Key[] = []
    for await (const { key, sequence, modifiedAt } of this.#blobs.listJournal()) {
      if (sequence >= base.from) break
      const isOurs = sequence >= before.from && sequence <= before.to
      const isOld = Date.now() - modifiedAt.getTime() > keepForeignMs
      if (isOurs || isOld) old.push(key)
    }
    await this.#blobs.delete(old)
    this.#state = { ...ended, from: base.from }
    await this.#metadata.write(async (tx) => this.#note(tx, { ...ended, from: base.from }))
  }

  stop(): void {
    this.#isStopping = true
  }

  async end(): Promise<void> {
    await this.run()
    if (this.#leaseEndsAt === 0) return
    this.#leaseEndsAt = 0
    const holder = this.#holder
    await this.#metadata.write(async (tx) => endLease(tx, 'journal', holder))
  }
}

function textOf(line: Line): string {
  return JSON.stringify(line)
}

function isSame(one: JournalState | undefined, other: JournalState | undefined): boolean {
  return one?.lineage === other?.lineage && one?.to === other?.to
}

function lostLease(): Error {
  return new Error('another node writes the journal now')
}

/** Nothing of what is there was written by it. */
function freshState(highestSequence: number, highest?: HighestIds): JournalState {
  return {
    lineage: randomUUID(),
    from: highestSequence + 1,
    to: highestSequence,
    base: undefined,
    segments: 0,
    bytes: 0,
    highest: highest ?? { repository: 0, principal: 0 },
  }
}
