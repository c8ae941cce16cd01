// The regular pass over everything that is kept, so that bytes that a disk has changed are found before somebody needs
// them. Blobs in the storage come oldest `verified_at` first, which is all the state there is; what lies in rows is
// walked through in pages. A step is short and reads little, so that the pass is hardly noticed, and holds nothing open
// when it ends. See docs/decisions/0024-verification.md.
import { randomUUID } from 'node:crypto'
import { takeLease } from '../metadata/leases.ts'
import {
  countStoredBytes,
  listOldestVerified,
  markVerified,
  type StoredBlob,
} from '../metadata/scrubbing.ts'
import { listDamaged } from '../metadata/verification.ts'
import { healBlob, type HealDeps } from './heal.ts'
import { faultOf } from './look-at-blob.ts'
import { openObject, type OpenObject } from './read-in-steps.ts'
import { quarantineBlob, type QuarantineOutcome } from './quarantine.ts'
import { createRowScrub } from './scrub-rows.ts'
import { createScrubNotes } from './scrub-notes.ts'

export interface ScrubDeps extends HealDeps {
  /** In which time everything is to be seen once; Infinity: never. */
  readonly everyMs: number
  readonly warn: (message: string) => void
  /** Left out but in tests. */
  readonly maxBytesPerSecond?: number
}

export interface Scrub {
  /** To be called once a second. */
  step(): Promise<void>
}

const mebibyte = 1024 * 1024
const defaultMostPerSecond = 32 * mebibyte
const leastPerSecond = mebibyte
/** A blob is due when so much of the time has passed; the rest of the time is there to get through. */
const dueAfter = 0.75
/** Of each second; the rest belongs to others. */
const stepMs = 250
const leaseMs = 60_000
const hourMs = 3_600_000
const pageSize = 64
const flushAfterMs = 5000
const idleMs = 60_000
const secondLookMs = 60_000
const healsAtOnce = 20
const mostUnreadable = 1000

export function createScrub(deps: ScrubDeps): Scrub {
  return Number.isFinite(deps.everyMs) ? new RegularScrub(deps) : { step: async () => undefined }
}

interface Verified {
  readonly digest: StoredBlob['digest']
  readonly storageKey: string
  readonly at: number
}

class RegularScrub implements Scrub {
  readonly #deps: ScrubDeps
  readonly #notes: ReturnType<typeof createScrubNotes>
  readonly #rows: ReturnType<typeof createRowScrub>
  readonly #holder = randomUUID()
  #leaseUntil = 0
  #idleUntil = 0
  #bytesPerSecond = leastPerSecond
  #paceUntil = 0
  #healAt = 0
  #healAfter = ''
  #steppedAt = 0
  #page: StoredBlob[] = []
  #open: { readonly row: StoredBlob; readonly object: OpenObject } | undefined
  #verified: Verified[] = []
  #flushedAt = 0
  /** When to try again what the storage did not give. */
  readonly #unreadable = new Map<string, number>()
  #findings: string[] = []

  constructor(deps: ScrubDeps) {
    this.#deps = deps
    this.#notes = createScrubNotes(deps)
    this.#rows = createRowScrub(deps, {
      notes: this.#notes,
      dueAfterMs: dueAfter * deps.everyMs,
      wrong: async (digest) => this.#settle(digest),
      damagedManifest: (digest) =>
        this.#findings.push(`The bytes of the manifest ${digest} in the database are not its own.`),
    })
  }

  async step(): Promise<void> {
    const now = Date.now()
    if (now < this.#idleUntil || !(await this.#holdLease(now))) return
    const began = performance.now()
    await this.#setPace(now)
    const isBusyWithRows = await this.#rows.step(now)
    const isBusyWithObjects = await this.#readObjects(now, began)
    await this.#healSome(now)
    if (!isBusyWithObjects || now - this.#flushedAt > flushAfterMs) await this.#flush()
    await this.#notes.save({ now, unreadable: this.#unreadable.size })
    this.#tell()
    if (!isBusyWithRows && !isBusyWithObjects && this.#idleUntil <= now) {
      this.#idleUntil = now + Math.min(idleMs, this.#deps.everyMs / 8)
    }
  }

  async #holdLease(now: number): Promise<boolean> {
    if (this.#leaseUntil - now > leaseMs / 2) return true
    const lease = { holder: this.#holder, forMs: leaseMs }
    const taken = await this.#deps.metadata.write(async (tx) => takeLease(tx, 'scrub', lease), {
      durable: false,
    })
    this.#leaseUntil = taken ? now + leaseMs : 0
    if (!taken) this.#idleUntil = now + leaseMs / 4
    return taken
  }

  /** So fast that what becomes due is seen in time, at least and at most so much. */
  async #setPace(now: number): Promise<void> {
    if (now < this.#paceUntil) return
    const { metadata, everyMs, maxBytesPerSecond = defaultMostPerSecond } = this.#deps
    const seconds = Math.max(1, ((1 - dueAfter) * everyMs) / 1000)
    const needed = (await countStoredBytes(metadata)) / seconds
    this.#bytesPerSecond = Math.min(Math.max(needed, leastPerSecond), maxBytesPerSecond)
    this.#paceUntil = now + hourMs
  }

  /** Returns whether there is more to read. */
  async #readObjects(now: number, began: number): Promise<boolean> {
    const sinceMs = Math.min(now - this.#steppedAt, 1000)
    this.#steppedAt = now
    let budget = Math.max(1, Math.floor((this.#bytesPerSecond * sinceMs) / 1000))
    while (budget > 0) {
      this.#open ??= await this.#nextObject(now)
      if (this.#open === undefined) return false
      const { bytes, isSlow } = await this.#readSome(budget)
      // Opening a file costs about as much as reading so much.
      budget -= bytes + 4096
      // Others need the disk more.
      if (isSlow || performance.now() - began > stepMs) return true
    }
    return true
  }

  async #nextObject(now: number) {
    for (;;) {
      const row = this.#page.shift() ?? (await this.#fetchPage(now))
      if (row === undefined) return undefined
      if ((this.#unreadable.get(row.digest) ?? 0) > now) continue
      return { row, object: openObject(this.#deps.blobs, row) }
    }
  }

  async #fetchPage(now: number): Promise<StoredBlob | undefined> {
    // What was seen and not yet noted would come again.
    await this.#flush()
    if (this.#unreadable.size > mostUnreadable) {
      // It is the storage, and not this blob or that.
      this.#unreadable.clear()
      this.#idleUntil = now + hourMs / 6
      return undefined
    }
    this.#page = [
      ...(await listOldestVerified(this.#deps.metadata, {
        before: now - dueAfter * this.#deps.everyMs,
        limit: pageSize + this.#unreadable.size,
      })),
    ].filter(({ digest }) => (this.#unreadable.get(digest) ?? 0) <= now)
    return this.#page.shift()
  }

  async #readSome(budget: number): Promise<{ readonly bytes: number; readonly isSlow: boolean }> {
    const { row, object } = this.#open ?? { row: undefined, object: undefined }
    if (row === undefined) return { bytes: 0, isSlow: false }
    const result = await object.read(budget).catch((error: unknown) => {
      const { kind } = faultOf(error, row.storageKey)
      const answer = kind === 'blob-unreadable' ? ('unreadable' as const) : ('wrong' as const)
      return { bytes: 0, isSlow: false, state: answer }
    })
    const { state } = result
    if (state === 'more') return result
    this.#open = undefined
    if (state === 'right') this.#see(row)
    else await this.#settle(row.digest)
    return result
  }

  #see({ digest, storageKey }: StoredBlob): void {
    this.#verified.push({ digest, storageKey, at: Date.now() })
    this.#unreadable.delete(digest)
  }

  /** What seems to be wrong, or could not be read. */
  async #settle(digest: StoredBlob['digest']): Promise<void> {
    const outcome: QuarantineOutcome = await quarantineBlob(this.#deps, digest, 'scrub')
    if (outcome.kind === 'damaged') {
      const healed = await healBlob(this.#deps, { digest, size: outcome.size })
      const end = healed === 'backup' ? 'It was taken from the backup.' : 'Push it again.'
      this.#findings.push(`${digest}: ${outcome.what} ${end}`)
    }
    // At the second look it was right, or it is another object by now: not at once again.
    if (outcome.kind === 'whole') this.#unreadable.set(digest, Date.now() + secondLookMs)
    if (outcome.kind !== 'unreadable' && outcome.kind !== 'doubtful') return
    this.#unreadable.set(digest, Date.now() + hourMs)
    const doubt =
      outcome.kind === 'doubtful' ? ' Others are not there either: is the folder mounted?' : ''
    this.#findings.push(`${digest}: ${outcome.what}${doubt} It will be tried again.`)
  }

  /** Damaged blobs may have come back where they were, or into a backup. */
  async #healSome(now: number): Promise<void> {
    if (now < this.#healAt) return
    this.#healAt = now + hourMs
    const page = { after: this.#healAfter, limit: healsAtOnce }
    const damaged = await listDamaged(this.#deps.metadata, page)
    this.#healAfter = damaged.length < healsAtOnce ? '' : (damaged.at(-1)?.digest ?? '')
    for (const blob of damaged) {
      const from = await healBlob(this.#deps, blob)
      if (from !== undefined)
        this.#findings.push(`${blob.digest} is whole again, from the ${from}.`)
    }
  }

  async #flush(): Promise<void> {
    this.#flushedAt = Date.now()
    const seen = this.#verified
    if (seen.length === 0) return
    this.#verified = []
    await this.#deps.metadata.write(async (tx) => markVerified(tx, seen), { durable: false })
  }

  #tell(): void {
    const shown = 3
    const { length } = this.#findings
    if (length === 0) return
    const more = length > shown ? ` And ${length - shown} more; carrel fsck lists them.` : ''
    this.#deps.warn(`Checking what is stored: ${this.#findings.slice(0, shown).join(' ')}${more}`)
    this.#findings = []
  }
}
