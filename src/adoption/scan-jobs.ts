// What scanning threads can be asked, and what they answer: plain data, because it crosses threads.
import { lookAtShard, lookAtShards, type Shard, type Shards } from './look-blobs.ts'
import { lookAtFolders, type FoundFolders } from './look-folders.ts'
import {
  lookAtLinks,
  lookAtNames,
  type FoundLinks,
  type FoundNames,
  type Link,
  type LinkNames,
} from './look-links.ts'
import {
  lookAtManifests,
  sniffManifests,
  type FoundManifest,
  type WantedManifest,
} from './look-manifests.ts'

/** By kind: what a job needs besides the tree, and its answer. */
export interface ScanJobs {
  readonly shards: { readonly needs: object; readonly gives: Shards }
  readonly shard: { readonly needs: { readonly shard: string }; readonly gives: Shard }
  readonly folders: {
    readonly needs: { readonly names: readonly string[] }
    readonly gives: FoundFolders
  }
  readonly names: { readonly needs: { readonly repository: string }; readonly gives: FoundNames }
  readonly links: {
    readonly needs: { readonly repository: string; readonly names: LinkNames }
    readonly gives: FoundLinks
  }
  readonly manifests: {
    readonly needs: { readonly wanted: readonly WantedManifest[] }
    readonly gives: readonly FoundManifest[]
  }
  readonly sniff: {
    readonly needs: { readonly links: readonly Link[] }
    readonly gives: readonly Link[]
  }
}

export type ScanKind = keyof ScanJobs

export type ScanJob<Kind extends ScanKind = ScanKind> = {
  readonly [Each in Kind]: {
    readonly kind: Each
    readonly tree: string
  } & ScanJobs[Each]['needs']
}[Kind]

export function perform(job: ScanJob): unknown {
  const { tree } = job
  switch (job.kind) {
    case 'shards':
      return lookAtShards(tree)
    case 'shard':
      return lookAtShard(tree, job.shard)
    case 'folders':
      return lookAtFolders(tree, job.names)
    case 'names':
      return lookAtNames(tree, job.repository)
    case 'links':
      return lookAtLinks(tree, job.repository, job.names)
    case 'manifests':
      return lookAtManifests(tree, job.wanted)
    case 'sniff':
      return sniffManifests(tree, job.links)
  }
}
