// What keeps the content by itself: collection, journal, scrubbing, backups. Each part brings its own tasks.
import { backupBlobs } from '../compose-backup.ts'
import type { Config } from '../config/config.ts'
import { createScrub } from '../fsck/scrub.ts'
import type { RegularTask } from '../installation/upkeep.ts'
import { journalUpkeep } from '../journal/upkeep.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { backupUpkeep } from './backup-upkeep.ts'
import { collectionUpkeep } from './collection-upkeep.ts'

export interface KeepingDeps {
  readonly config: Config
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly warn: (message: string) => void
}

export function keepingUpkeep(deps: KeepingDeps): readonly RegularTask[] {
  return [...journalUpkeep(deps), ...collectionUpkeep(deps), scrubTask(deps), ...backupUpkeep(deps)]
}

/** Each step is short: it reads a little, and looks at the clock. */
function scrubTask({ config, metadata, blobs, warn }: KeepingDeps): RegularTask {
  const healFrom = backupBlobs(config)
  const scrub = createScrub({ metadata, blobs, everyMs: config.scrubEveryMs, warn, healFrom })
  return { name: 'check of what is stored', everyMs: 1000, run: async () => scrub.step() }
}
