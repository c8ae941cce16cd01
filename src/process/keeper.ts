// The regular work of a serving process: the database's log is moved to its file, abandoned uploads end, and whatever
// else is due from time to time.
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { expireUploads, sweepUploads } from '../registry/expire-uploads.ts'
import type { RegularTask } from '../installation/upkeep.ts'
import type { BlobStore } from '../storage/blob-store.ts'

export interface KeeperDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly uploadExpiryMs: number
  readonly more: readonly RegularTask[]
  readonly failed: (task: string, error: unknown) => void
}

const maintainEveryMs = 500
const firstRunMs = 10_000
const expireEveryMs = 10 * 60 * 1000

export function startKeeper(deps: KeeperDeps): AsyncDisposable {
  const tasks = [
    every(maintainEveryMs, 'database maintenance', async () => deps.metadata.maintain()),
    every(expireEveryMs, 'expiry of uploads', async () => {
      const { uploadExpiryMs } = deps
      await expireUploads(deps, { expiryMs: uploadExpiryMs })
      await sweepUploads(deps, { olderThanMs: 2 * uploadExpiryMs })
      await deps.blobs.sweep(new Date(Date.now() - 2 * uploadExpiryMs))
    }),
    ...deps.more.map(({ name, everyMs, run }) => every(everyMs, name, run)),
  ]
  return {
    async [Symbol.asyncDispose]() {
      for (const { stop } of deps.more) stop?.()
      for (const task of tasks) await task.stop()
      for (const { name, last } of deps.more) {
        await last?.().catch((error: unknown) => deps.failed(name, error))
      }
    },
  }

  function every(ms: number, name: string, work: () => Promise<void>) {
    let running: Promise<void> = Promise.resolve()
    let busy = false
    let told = ''
    const run = () => {
      if (busy) return
      busy = true
      running = work()
        .then(() => {
          told = ''
        })
        .catch((error: unknown) => {
          // Every second the same would fill the log of a full disk.
          if (String(error) !== told) deps.failed(name, error)
          told = String(error)
        })
        .finally(() => {
          busy = false
        })
    }
    // Soon after the start too: what is due once an hour would never be done by a server that is restarted hourly.
    const first = setTimeout(run, Math.min(ms, firstRunMs))
    const timer = setInterval(run, ms)
    return {
      async stop() {
        clearTimeout(first)
        clearInterval(timer)
        await running
      },
    }
  }
}
