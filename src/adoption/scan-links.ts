// The repositories of a volume, and the links of each, looked at by the threads of the pool.
import type { Digest } from '../oci/digest.ts'
import type { Finding } from './findings.ts'
import { slices } from './in-parallel.ts'
import type { RepositoryFolder } from './look-folders.ts'
import type { FoundNames, FoundUpload, Link, LinkNames, TagLinks } from './look-links.ts'
import type { ScanPool } from './scan-pool.ts'

const foldersAtOnce = 200
/** Names have 200 characters at most. */
const mostDepth = 200

/** In order of their names. A repository may lie in another. */
export async function findRepositories(
  tree: string,
  pool: ScanPool,
  find: (finding: Finding) => void,
): Promise<readonly RepositoryFolder[]> {
  const found: RepositoryFolder[] = []
  let level: readonly string[] = ['']
  for (let depth = 0; level.length > 0 && depth < mostDepth; depth += 1) {
    const jobs = slices(level, foldersAtOnce).map(async (names) =>
      pool.run({ kind: 'folders', tree, names }),
    )
    const looked = await Promise.all(jobs)
    for (const { repositories, findings } of looked) {
      found.push(...repositories)
      findings.forEach(find)
    }
    level = looked.flatMap(({ below }) => below)
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

export interface RepositoryLinks {
  readonly folder: RepositoryFolder
  readonly revisions: readonly Link[]
  readonly layers: ReadonlyMap<Digest, Link>
  readonly tags: readonly TagLinks[]
  readonly uploads: readonly FoundUpload[]
  readonly findings: readonly Finding[]
}

const linksAtOnce = 1000

export async function scanLinks(
  { tree, pool }: { readonly tree: string; readonly pool: ScanPool },
  folder: RepositoryFolder,
  onTags: (count: number) => void,
): Promise<RepositoryLinks> {
  const repository = folder.name
  const names = await pool.run({ kind: 'names', tree, repository })
  const jobs = portions(names).map(async (portion) => {
    const found = await pool.run({ kind: 'links', tree, repository, names: portion })
    onTags(portion.tags.length)
    return found
  })
  const revisions: Link[] = []
  const layers = new Map<Digest, Link>()
  const tags: TagLinks[] = []
  const findings = [...names.findings]
  for (const found of await Promise.all(jobs)) {
    revisions.push(...found.revisions)
    for (const link of found.layers) layers.set(link.digest, link)
    tags.push(...found.tags)
    findings.push(...found.findings)
  }
  return { folder, revisions, layers, tags, uploads: names.uploads, findings }
}

/** A small repository is one portion. */
function portions({ revisions, layers, tags }: FoundNames): readonly LinkNames[] {
  if (revisions.length + layers.length + tags.length <= linksAtOnce) {
    return [{ revisions, layers, tags }]
  }
  const nothing: LinkNames = { revisions: [], layers: [], tags: [] }
  return [
    ...slices(revisions, linksAtOnce).map((some) => ({ ...nothing, revisions: some })),
    ...slices(layers, linksAtOnce).map((some) => ({ ...nothing, layers: some })),
    ...slices(tags, linksAtOnce).map((some) => ({ ...nothing, tags: some })),
  ]
}
