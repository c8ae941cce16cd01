// A driver that tells how long its actions take; with nobody listening nothing is wrapped.
import type { StorageDriver } from './driver.ts'

export type ActionObserver = (action: string, seconds: number, failed: boolean) => void

export function withTimes(driver: StorageDriver, observe: ActionObserver): StorageDriver {
  async function timed<T>(action: string, run: () => Promise<T>): Promise<T> {
    const began = performance.now()
    let failed = true
    try {
      const result = await run()
      failed = false
      return result
    } finally {
      observe(action, (performance.now() - began) / 1000, failed)
    }
  }

  return {
    kind: driver.kind,
    stat: async (key) => timed('stat', async () => driver.stat(key)),
    read: async (key, range) => timed('read', async () => driver.read(key, range)),
    copy: async (key, range, write) => timed('copy', async () => driver.copy(key, range, write)),
    write: async (to, source, options) =>
      timed('write', async () => driver.write(to, source, options)),
    concatenate: async (parts, to, onChunk) =>
      timed('concatenate', async () => driver.concatenate(parts, to, onChunk)),
    move: async (from, to) => timed('move', async () => driver.move(from, to)),
    delete: async (keys) => timed('delete', async () => driver.delete(keys)),
    list: (folder) => driver.list(folder),
    sweep: async (before) => timed('sweep', async () => driver.sweep(before)),
    probe: async () => timed('probe', async () => driver.probe()),
    ...(driver.freeBytes && { freeBytes: driver.freeBytes.bind(driver) }),
    [Symbol.asyncDispose]: async () => driver[Symbol.asyncDispose](),
  }
}
