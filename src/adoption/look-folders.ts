// Part of a scanning thread: which directories below `repositories/` are repositories.
import { join } from 'node:path'
import type { Finding } from './findings.ts'
import { oddAt } from './places.ts'
import { listFolder } from './tree-files.ts'

export interface RepositoryFolder {
  readonly name: string
  /** Whether it has `_manifests`. */
  readonly hasManifests: boolean
  /** How many tags and revisions there seem to be. */
  readonly size: number
}

export interface FoundFolders {
  readonly repositories: readonly RepositoryFolder[]
  /** Folders in these ones that may be or hold repositories. */
  readonly below: readonly string[]
  readonly findings: readonly Finding[]
}

const parts: ReadonlySet<string> = new Set(['_manifests', '_layers', '_uploads'])

/** `names`: '' is the root. */
export function lookAtFolders(tree: string, names: readonly string[]): FoundFolders {
  const repositories: RepositoryFolder[] = []
  const below: string[] = []
  const findings: Finding[] = []
  for (const name of names) {
    const path = join(tree, 'repositories', name)
    const place = name === '' ? 'repositories' : `repositories/${name}`
    const { folders, files, odd } = listFolder(path)
    for (const other of [...files, ...odd]) findings.push(oddAt(`${place}/${other}`))
    for (const folder of folders) {
      const isPart = name !== '' && parts.has(folder)
      if (!folder.startsWith('_')) below.push(name === '' ? folder : `${name}/${folder}`)
      else if (!isPart) findings.push(oddAt(`${place}/${folder}`))
    }
    if (name === '' || !folders.some((folder) => parts.has(folder))) continue
    const hasManifests = folders.includes('_manifests')
    repositories.push({ name, hasManifests, size: hasManifests ? sizeOf(path) : 0 })
  }
  return { repositories, below, findings }
}

function sizeOf(path: string): number {
  const manifests = join(path, '_manifests')
  const tags = listFolder(join(manifests, 'tags')).folders.length
  return tags + listFolder(join(manifests, 'revisions', 'sha256')).folders.length
}
