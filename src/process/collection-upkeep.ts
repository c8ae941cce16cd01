// Collection as regular work of a serving process. Where things are to stay for moments only, it comes as often.
import { collect } from '../collection/collect.ts'
import type { RegularTask } from '../installation/upkeep.ts'
import { isReadOnly } from '../metadata/read-only.ts'
import type { KeepingDeps } from './keeping-upkeep.ts'

const mostMs = 60_000
const leastMs = 500

export function collectionUpkeep({ config, metadata, blobs }: KeepingDeps): readonly RegularTask[] {
  const ending = new AbortController()
  const { keep } = config
  const shortest = Math.min(...Object.values(keep))
  return [
    {
      name: 'collection',
      everyMs: Math.min(mostMs, Math.max(leastMs, shortest / 2)),
      async run() {
        if (config.readOnly || (await isReadOnly(metadata))) return
        const { signal } = ending
        const report = await collect({ metadata, blobs }, { ...keep, signal })
        if (report.errors === 0) return
        const [first = ''] = report.errorMessages
        throw new Error(`${report.errors} things could not be collected, such as ${first}`)
      },
      stop: () => ending.abort(),
    },
  ]
}
