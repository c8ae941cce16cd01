// What keeps the content by itself: collection, journal, scrubbing, backups. Each part brings its own tasks.
import type { Config } from '../config/config.ts'
import type { RegularTask } from '../installation/upkeep.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { BlobStore } from '../storage/blob-store.ts'

export interface KeepingDeps {
  readonly config: Config
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly warn: (message: string) => void
}

export function keepingUpkeep(_deps: KeepingDeps): readonly RegularTask[] {
  return []
}
