// One sync for many: a caller waits for a sync that began after it asked, and all who ask while one is running share
// the next. A failed sync is final: nobody can know what the disk holds, so nothing is acknowledged any more.
import { StorageUnavailableError } from '../../oci/errors.ts'

export interface GroupSync {
  /** @throws {StorageUnavailableError} when this or an earlier sync failed */
  readonly sync: () => Promise<void>
  /** @throws {StorageUnavailableError} when an earlier sync failed */
  readonly requireHealthy: () => void
  /** Resolves when no sync is running. */
  readonly settled: () => Promise<void>
}

export function createGroupSync(syncOnce: () => Promise<void>): GroupSync {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  let failure: StorageUnavailableError | undefined

  function requireHealthy(): void {
    if (failure !== undefined) throw failure
  }

  async function start(): Promise<void> {
    requireHealthy()
    try {
      await syncOnce()
    } catch (cause) {
      failure = new StorageUnavailableError(
        'The disk refused to keep what was written (a failed sync is final). Check the disk, then restart Carrel.',
        { cause },
      )
      throw failure
    }
  }

  function begin(): Promise<void> {
    running = start().finally(() => {
      // One that follows takes over at once: a caller in between must join it, not begin a second one beside it.
      if (next === undefined) running = undefined
    })
    return running
  }

  function follow(): Promise<void> {
    next = undefined
    return begin()
  }

  return {
    requireHealthy,
    sync() {
      if (running === undefined) return begin()
      next ??= running.then(follow, follow)
      return next
    },
    async settled() {
      while (running !== undefined || next !== undefined) {
        await (next ?? running)?.catch(() => undefined)
      }
    },
  }
}
