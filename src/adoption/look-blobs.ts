// Part of a scanning thread: the folders of `blobs/`.
import { join } from 'node:path'
import { isDigest, type Digest } from '../oci/digest.ts'
import type { Finding } from './findings.ts'
import { leftoverAt, oddAt } from './places.ts'
import { listFolder, millisOf, statOf } from './tree-files.ts'

export interface Shards {
  readonly shards: readonly string[]
  readonly findings: readonly Finding[]
}

export function lookAtShards(tree: string): Shards {
  const findings: Finding[] = []
  const root = join(tree, 'blobs')
  for (const name of listFolder(root).folders) {
    const why = 'registry:2 keeps everything under sha256'
    if (name !== 'sha256') findings.push(oddAt(`blobs/${name}`, why))
  }
  const { folders, files, odd } = listFolder(join(root, 'sha256'))
  for (const name of [...files, ...odd]) findings.push(oddAt(`blobs/sha256/${name}`))
  return { shards: folders, findings }
}

export interface Shard {
  readonly digests: readonly Digest[]
  readonly sizes: Float64Array
  readonly times: Float64Array
  readonly findings: readonly Finding[]
}

export function lookAtShard(tree: string, shard: string): Shard {
  const findings: Finding[] = []
  const path = join(tree, 'blobs', 'sha256', shard)
  const { folders, files, odd } = listFolder(path)
  for (const name of [...files, ...odd]) findings.push(oddAt(`blobs/sha256/${shard}/${name}`))
  const digests: Digest[] = []
  const sizes = new Float64Array(folders.length)
  const times = new Float64Array(folders.length)
  for (const name of folders) {
    const digest = `sha256:${name}`
    const place = `blobs/sha256/${shard}/${name}`
    if (!isDigest(digest) || !name.startsWith(shard)) {
      findings.push(oddAt(place))
      continue
    }
    const stats = statOf(`${path}/${name}/data`)
    if (stats?.isFile() === true) {
      sizes[digests.length] = stats.size
      times[digests.length] = millisOf(stats)
      digests.push(digest)
    } else if (stats === undefined) {
      findings.push(leftoverAt(join(path, name), place, 'data'))
    } else findings.push(oddAt(`${place}/data`))
  }
  return { digests, sizes, times, findings }
}
