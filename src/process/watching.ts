// What of a serving process can be watched from outside: its metrics, and the address for whoever scrapes them.
import type { Config } from '../config/config.ts'
import { createHealth } from '../http/site/health-report.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { FreeSpace } from '../registry/free-space.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { version } from '../version.ts'
import { createMetricsHub } from './metrics-hub.ts'
import { listenForMetrics } from './metrics-listener.ts'
import { createStateMetrics } from './state-metrics.ts'
import type { Workers } from './workers.ts'

export interface WatchedParts {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly space: FreeSpace
  readonly workers: Workers
}

export interface Watching extends AsyncDisposable {
  /** From now on the node says that it is stopping. */
  draining(): void
}

/** @throws {Error} when the address for metrics cannot be listened on */
export async function startWatching(config: Config, parts: WatchedParts): Promise<Watching> {
  const { metadata, blobs, space, workers } = parts
  const readOnly = config.readOnly
  const state = createStateMetrics({
    config: { backup: config.backup, readOnly },
    metadata,
    space,
    version,
  })
  const hub = createMetricsHub(workers.measuring, state)
  workers.measuring.answerWith(async () => hub.text())
  let isDraining = false
  const health = createHealth({ metadata, blobs, space, readOnly, draining: () => isDraining })
  const { metricsListen } = config
  const listener =
    metricsListen &&
    (await listenForMetrics(metricsListen, { metrics: async () => hub.text(), health }))
  return {
    draining() {
      isDraining = true
    },
    async [Symbol.asyncDispose]() {
      await listener?.[Symbol.asyncDispose]()
      hub[Symbol.dispose]()
    },
  }
}
