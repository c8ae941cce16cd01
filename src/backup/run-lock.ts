// One run at a time: for this installation by the lease `backup` in its database, which also keeps collection from
// purging anything, and for the target by an object in it. Both are renewed while the run goes on, and end by
// themselves when it was killed; the next one on the same machine need not wait for that.
import { z } from 'zod'
import { endLease, findLease, takeLease } from '../metadata/leases.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { ObjectNotFoundError, parseKey, type Key } from '../storage/driver.ts'
import { parseJson, type BackupTarget } from './archive.ts'
import { BackupError, BusyError } from './backup-error.ts'
import { isDead, thisHolder } from './holder.ts'
import { locksFolder } from './layout.ts'

const heldForMs = 120_000
const renewEveryMs = 20_000

export interface RunLock extends AsyncDisposable {
  /** Aborts when the lock was lost: whatever is done then must not count. */
  readonly signal: AbortSignal
}

/** For the installation and for the target. @throws {BackupError} exists, while another run is on */
export async function lockRun(metadata: MetadataStore, target: BackupTarget): Promise<RunLock> {
  const lease = await holdLease(metadata, 'backup')
  const holder = thisHolder()
  const key = parseKey(`${locksFolder}/${holder}`)
  const release = async (): Promise<void> => {
    // What cannot be taken away runs out by itself.
    await target.delete([key]).catch(() => undefined)
    await lease[Symbol.asyncDispose]()
  }
  try {
    await lockTarget(target, key, holder)
  } catch (error) {
    await release()
    throw error
  }
  const renewal = keepRenewed(async () => writeLock(target, key, holder))
  return {
    signal: AbortSignal.any([lease.signal, renewal.signal]),
    async [Symbol.asyncDispose]() {
      await renewal.stop()
      await release()
    },
  }
}

/** @throws {BackupError} exists, while another process of the installation holds it */
export async function holdLease(
  metadata: MetadataStore,
  name: 'backup' | 'drill',
): Promise<RunLock> {
  const lease = { holder: thisHolder(), forMs: heldForMs }
  const taken = await metadata.write(async (tx) => {
    const held = await findLease(tx, name)
    if (held !== undefined && isDead(held.holder)) await endLease(tx, name, held.holder)
    return takeLease(tx, name, lease)
  })
  if (!taken) throw anotherRun()
  const renewal = keepRenewed(async () => {
    const isOurs = await metadata.write(async (tx) => {
      // Once it has run out, something may have been purged.
      const held = await findLease(tx, name)
      return held?.holder === lease.holder && takeLease(tx, name, lease)
    })
    if (!isOurs) throw anotherRun()
  })
  return {
    signal: renewal.signal,
    async [Symbol.asyncDispose]() {
      await renewal.stop()
      await metadata.write(async (tx) => endLease(tx, name, lease.holder)).catch(() => undefined)
    },
  }
}

/** Each writes its own object first and looks then: of two at once both give way, never neither. */
async function lockTarget(target: BackupTarget, key: Key, holder: string): Promise<void> {
  await writeLock(target, key, holder)
  for await (const found of target.list(locksFolder)) {
    if (found.key === key) continue
    const name = found.key.slice(locksFolder.length + 1)
    if (!isDead(name) && (await endOf(target, found.key)) > Date.now()) throw anotherRun()
    await target.delete([found.key])
  }
}

async function writeLock(target: BackupTarget, key: Key, holder: string): Promise<void> {
  const lock = { holder, until: Date.now() + heldForMs }
  await target.write(key, [Buffer.from(JSON.stringify(lock))])
}

const lockSchema = z.object({ until: z.number() })

/** A lock that cannot be understood counts from when it was written. */
async function endOf(target: BackupTarget, key: Key): Promise<number> {
  try {
    const chunks: Uint8Array[] = []
    for await (const chunk of await target.read(key)) chunks.push(chunk as Uint8Array)
    const lock = lockSchema.safeParse(parseJson(Buffer.concat(chunks).toString()))
    if (lock.success) return lock.data.until
    return ((await target.stat(key))?.modifiedAt.getTime() ?? 0) + heldForMs
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return 0
    throw error
  }
}

function anotherRun(): BusyError {
  return new BusyError('exists', 'another backup run is on', {
    why: `a run that was killed on another machine counts as one for ${heldForMs / 60_000} minutes`,
    fix: 'wait for its end, then run this again',
  })
}

interface Renewal {
  /** Aborts when renewing has failed for too long. */
  readonly signal: AbortSignal
  readonly stop: () => Promise<void>
}

function keepRenewed(renew: () => Promise<void>): Renewal {
  const lost = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let renewedAt = Date.now()
  const timer = setInterval(() => {
    running = renew().then(
      () => {
        renewedAt = Date.now()
      },
      (error: unknown) => {
        // A disk or a network that hesitates is no loss yet.
        const isOver = error instanceof BackupError || Date.now() - renewedAt > heldForMs / 2
        if (isOver) lost.abort(error)
      },
    )
  }, renewEveryMs)
  return {
    signal: lost.signal,
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}
