// What fills a database moves its log to its file now and then, and lets others have their turn.
import { setImmediate as turn } from 'node:timers/promises'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'

const maintainEveryMs = 500

export interface Filling {
  /** What a power loss may take: a rebuild that was cut short begins anew. */
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}

export function fill(metadata: MetadataStore): Filling {
  let next = performance.now() + maintainEveryMs
  return {
    async write(work) {
      const result = await metadata.write(work, { durable: false })
      await turn()
      if (performance.now() < next) return result
      await metadata.maintain()
      next = performance.now() + maintainEveryMs
      return result
    },
  }
}
