// Segments of the journal, one after another: by one node at a time, each durable before the database knows of it, and
// never two with the same number.
import { randomUUID } from 'node:crypto'
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
import { inspectJournal } from './inspect-journal.ts'
import { encodeSegment, journalFormat, journalVersion, type BasePart } from './segment.ts'

export interface SegmentPlan {
  readonly lines: readonly string[]
  /** Rows of the queue that it tells of. */
  readonly queued?: readonly number[]
  readonly base?: BasePart
}

export interface WrittenSegment {
  readonly key: Key
  readonly size: number
}

const leaseMs = 30_000

export class SegmentWriter {
  readonly #metadata: MetadataStore
  readonly #blobs: BlobStore
  readonly #holder: string
  #leaseEndsAt = 0
  /** Undefined until the journal in the storage was looked at. */
  #installation: string | undefined
  #state: JournalState | undefined
  /** What the database has; undefined: nothing. */
  #noted: JournalState | undefined
  /** Never used twice, whatever became of the segment. */
  #sequence = 0
  #looks = 0

  constructor(metadata: MetadataStore, blobs: BlobStore) {
    this.#metadata = metadata
    this.#blobs = blobs
    // One server has an embedded database to itself, and must not wait for the lease of one that was killed.
    this.#holder = metadata.dialect === 'sqlite' ? 'server' : randomUUID()
  }

  /** Whether the journal was looked at, and nothing has come between since. */
  get isKnown(): boolean {
    return this.#installation !== undefined
  }

  /** How often it was looked at. */
  get looks(): number {
    return this.#looks
  }

  get state(): JournalState {
    if (this.#state === undefined) throw new Error('the journal was not looked at')
    return this.#state
  }

  /** The number of the next segment. */
  get next(): number {
    return this.#sequence + 1
  }

  /** What happened last is not known any more. */
  forget(): void {
    this.#installation = undefined
    this.#state = undefined
    this.#noted = undefined
    this.#leaseEndsAt = 0
  }

  /** Returns false when another node writes, or there is nothing to write. @throws {ForeignJournalError} */
  async begin(): Promise<boolean> {
    if (!(await this.#haveLease())) return false
    return this.isKnown || (await this.#look())
  }

  async #haveLease(): Promise<boolean> {
    const now = Date.now()
    if (this.#leaseEndsAt - now > leaseMs / 2) return true
    const holder = this.#holder
    const found = await this.#metadata.write(async (tx) => {
      const taken = await takeLease(tx, 'journal', { holder, forMs: leaseMs })
      return taken ? { state: await findJournalState(tx) } : undefined
    })
    // Another one may have written since ours ended.
    if (!isSame(found?.state, this.#noted)) this.forget()
    this.#leaseEndsAt = found === undefined ? 0 : now + leaseMs
    return found !== undefined
  }

  async #look(): Promise<boolean> {
    const metadata = this.#metadata
    if (await isRebuildUnfinished(metadata)) return false
    const installation = await findSetting(metadata, 'installation-id')
    if (installation === undefined) return false
    const known = await findJournalState(metadata)
    const deps = { metadata, blobs: this.#blobs }
    const { highest, state } = await inspectJournal(deps, known, installation)
    this.#sequence = Math.max(this.#sequence, highest, known?.to ?? 0)
    this.#noted = known
    this.#state = state ?? freshState(this.#sequence, known?.highest)
    this.#installation = installation
    this.#looks += 1
    if (known !== undefined || highest > 0) return true
    const { repositories } = await countRepositories(metadata)
    return repositories > 0 || (await listJournalQueue(metadata, 1)).length > 0
  }

  /** Makes the segment durable, and then notes it. @throws {Error} when another node took the lease meanwhile */
  async write(plan: SegmentPlan): Promise<WrittenSegment> {
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
    const encoded = encodeSegment(header, plan.lines)
    const { key, size } = await this.#blobs.writeSegment(sequence, encoded)
    const { segments, bytes } = before
    const state = { ...before, to: sequence, segments: segments + 1, bytes: bytes + size, highest }
    if (!(await this.save(state, plan.queued))) {
      // Whoever writes now knows nothing of it, and what it says may be old by then.
      await this.#blobs.delete([key])
      throw lostLease()
    }
    return { key, size }
  }

  /** Returns false when another one has written the journal meanwhile, or wants it begun anew. */
  async save(state: JournalState, queued: readonly number[] = []): Promise<boolean> {
    const isSaved = await this.#metadata.write(async (tx) => {
      if (!(await this.#isOurs(tx))) return false
      await removeFromJournalQueue(tx, queued)
      await saveJournalState(tx, state)
      return true
    })
    if (isSaved) {
      this.#state = state
      this.#noted = state
    }
    return isSaved
  }

  async #isOurs(tx: Transaction): Promise<boolean> {
    if ((await findLease(tx, 'journal'))?.holder !== this.#holder) return false
    return isSame(await findJournalState(tx), this.#noted)
  }

  async #highest(before: HighestIds): Promise<HighestIds> {
    const { repository, principal } = await readHighestIds(this.#metadata)
    return {
      repository: Math.max(before.repository, repository),
      principal: Math.max(before.principal, principal),
    }
  }

  /** Lets another node write. */
  async end(): Promise<void> {
    if (this.#leaseEndsAt === 0) return
    this.#leaseEndsAt = 0
    const holder = this.#holder
    await this.#metadata.write(async (tx) => endLease(tx, 'journal', holder))
  }
}

function isSame(one: JournalState | undefined, other: JournalState | undefined): boolean {
  return one?.lineage === other?.lineage && one?.to === other?.to
}

export function lostLease(): Error {
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
