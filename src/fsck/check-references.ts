// Everything that hangs together in the database: tags, manifests and what they name. One snapshot is one truth, so
// what a running server changes meanwhile cannot look like damage here.
import { digestOf, algorithmOf, isDigest, type Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { parseManifest, type ParsedManifest } from '../oci/manifest.ts'
import { neededContent } from '../oci/needed-content.ts'
import { findLinkedBlob } from '../metadata/blobs.ts'
import {
  countOrphans,
  listDanglingLinks,
  listDanglingTags,
  loadManifestBatch,
  type InspectedManifest,
  type ManifestBatch,
  type Use,
} from '../metadata/inspection.ts'
import {
  inspectDeletedManifests,
  inspectRepositories,
  listLostContents,
  type InspectedRepository,
} from '../metadata/inspection-kept.ts'
import { manifestSize } from '../metadata/manifests.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { counted, mostProblems, type Findings, type Problem } from './report.ts'

/** A manifest may have 4 MiB: this many are in memory at once. */
const manifestsAtOnce = 16
const repositoriesAtOnce = 200
const restoreDatabase = 'Restore the database from a backup.'
const pushAgain = 'Delete this manifest and push the image again.'

export interface CheckedManifests {
  readonly repositories: number
  readonly manifests: number
  readonly bytes: number
}

export async function checkTags(metadata: MetadataStore, findings: Findings): Promise<void> {
  for (const { repository, tag, digest } of await listDanglingTags(metadata, mostProblems)) {
    findings.add({
      kind: 'tag-broken',
      name: `${repository}:${tag}`,
      digest,
      message: `The tag points to a manifest that is not in the repository. Push ${repository}:${tag} again, or remove the tag.`,
    })
  }
  for (const { repository, digest } of await listDanglingLinks(metadata, mostProblems)) {
    findings.add({
      kind: 'link-broken',
      name: repository,
      digest,
      message: `The repository has a blob of which the installation knows nothing. ${restoreDatabase}`,
    })
  }
  const orphans = await countOrphans(metadata)
  if (orphans === 0) return
  findings.add({
    kind: 'orphan-rows',
    message: `The database has ${counted(orphans, 'row')} that belong to no repository or manifest. ${restoreDatabase}`,
  })
}

/** Every manifest of every repository, deleted ones included; `onManifest` is called after each. */
export async function checkManifests(
  metadata: MetadataStore,
  findings: Findings,
  onManifest: () => void,
): Promise<CheckedManifests> {
  let repositories = 0
  let manifests = 0
  let bytes = 0
  for await (const repository of allRepositories(metadata)) {
    if (!repository.isDeleted) repositories += 1
    for await (const manifest of checkRepository(metadata, repository, findings)) {
      manifests += 1
      bytes += manifest.content.length
      onManifest()
    }
  }
  return { repositories, manifests, bytes }
}

/** The recycle bin: what is in it must come back whole. */
export async function checkBin(metadata: MetadataStore, findings: Findings): Promise<void> {
  for (let after = 0; ;) {
    const page = await inspectDeletedManifests(metadata, { after, limit: manifestsAtOnce })
    for (const { digest, size, content, repository } of page) {
      const isRight = isDigest(digest) && digestOf(content, algorithmOf(digest)) === digest
      if (isRight && content.length === size) continue
      findings.add({
        kind: 'manifest-damaged',
        name: repository,
        digest,
        message: `The bytes of this deleted manifest are not those that were pushed, so it cannot be restored. Push the image again if it is needed.`,
      })
    }
    const last = page.at(-1)
    if (last === undefined) break
    after = last.id
  }
  for (const { repository, manifest, digest } of await listLostContents(metadata, mostProblems)) {
    findings.add({
      kind: 'deleted-content-missing',
      name: repository,
      digest,
      message: `The deleted manifest ${manifest} needs ${digest}, which is gone, so it cannot be restored whole. Push the image again if it is needed.`,
    })
  }
}

async function* allRepositories(metadata: MetadataStore): AsyncGenerator<InspectedRepository> {
  for (let after = 0; ;) {
    const page = await inspectRepositories(metadata, { after, limit: repositoriesAtOnce })
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

async function* checkRepository(
  metadata: MetadataStore,
  { id, name }: InspectedRepository,
  findings: Findings,
): AsyncGenerator<InspectedManifest> {
  for (let after = ''; ;) {
    const page = { after, limit: manifestsAtOnce }
    const checked = await metadata.read(async (tx) => {
      const batch = await loadManifestBatch(tx, id, page)
      return { batch, problems: await checkBatch(tx, id, batch) }
    })
    for (const problem of checked.problems) findings.add({ ...problem, name })
    yield* checked.batch.manifests
    const last = checked.batch.manifests.at(-1)
    if (last === undefined) return
    after = last.digest
  }
}

async function checkBatch(
  tx: Reader,
  repositoryId: number,
  batch: ManifestBatch,
): Promise<readonly Problem[]> {
  const blobs = byManifest(batch.blobs)
  const children = byManifest(batch.children)
  const problems: Problem[] = []
  for (const manifest of batch.manifests) {
    const fault = damageOf(manifest)
    if (fault !== undefined) {
      problems.push(fault)
      continue
    }
    const parsed = parse(manifest)
    if ('message' in parsed) {
      problems.push(parsed)
      continue
    }
    if (parsed.subject?.digest !== manifest.subject) problems.push(unlistedReferrer(manifest))
    const uses = {
      blobs: blobs.get(manifest.digest) ?? noUses,
      children: children.get(manifest.digest) ?? noUses,
    }
    problems.push(...(await checkContents({ tx, repositoryId }, manifest, parsed, uses)))
  }
  return problems
}

type Sizes = ReadonlyMap<Digest, number | undefined>

interface Uses {
  readonly blobs: Sizes
  readonly children: Sizes
}

const noUses: Sizes = new Map()

function byManifest(uses: readonly Use[]): ReadonlyMap<Digest, Sizes> {
  const sorted = new Map<Digest, Map<Digest, number | undefined>>()
  for (const { manifest, digest, size } of uses) {
    const sizes = sorted.get(manifest) ?? new Map<Digest, number | undefined>()
    sizes.set(digest, size)
    sorted.set(manifest, sizes)
  }
  return sorted
}

function damageOf({ digest, content, size }: InspectedManifest): Problem | undefined {
  const damaged = (what: string): Problem => ({
    kind: 'manifest-damaged',
    digest,
    message: `${what} ${pushAgain}`,
  })
  if (!isDigest(digest)) return damaged('The digest of this manifest is malformed.')
  if (digestOf(content, algorithmOf(digest)) !== digest) {
    return damaged('The bytes of this manifest are not those that were pushed.')
  }
  if (content.length === size) return undefined
  return damaged(`This manifest has ${content.length} bytes, but ${size} were noted.`)
}

function parse({ digest, mediaType, content }: InspectedManifest): ParsedManifest | Problem {
  try {
    return parseManifest(mediaType, content)
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    return {
      kind: 'manifest-unreadable',
      digest,
      message: `What this manifest needs cannot be checked. ${error.message}`,
    }
  }
}

function unlistedReferrer({ digest }: InspectedManifest): Problem {
  return {
    kind: 'reference-missing',
    digest,
    message: `This manifest is not noted as a referrer of its subject, so nobody finds it there. ${pushAgain}`,
  }
}

async function checkContents(
  at: { readonly tx: Reader; readonly repositoryId: number },
  { digest: manifest }: InspectedManifest,
  parsed: ParsedManifest,
  uses: Uses,
): Promise<readonly Problem[]> {
  const problems: Problem[] = []
  for (const { digest, size, isChild } of neededContent(parsed)) {
    const noted = isChild && uses.children.has(digest) ? uses.children : uses.blobs
    if (!noted.has(digest)) {
      problems.push(await withoutNote(at, { manifest, digest, isChild }))
      continue
    }
    const kept = noted.get(digest)
    if (kept === undefined) problems.push(missing(manifest, digest))
    else if (kept !== size) {
      problems.push({
        kind: 'content-size',
        digest,
        message: `${digest} has ${kept} bytes, but the manifest ${manifest} says ${size}. ${pushAgain}`,
      })
    }
  }
  return problems
}

async function withoutNote(
  { tx, repositoryId }: { readonly tx: Reader; readonly repositoryId: number },
  need: { readonly manifest: Digest; readonly digest: Digest; readonly isChild: boolean },
): Promise<Problem> {
  const { manifest, digest, isChild } = need
  const there =
    (isChild && (await manifestSize(tx, repositoryId, digest)) !== undefined) ||
    (await findLinkedBlob(tx, repositoryId, digest)) !== undefined
  if (!there) return missing(manifest, digest)
  return {
    kind: 'reference-missing',
    digest: manifest,
    message: `The database does not know that this manifest needs ${digest}, so nothing protects that. ${pushAgain}`,
  }
}

function missing(manifest: Digest, digest: Digest): Problem {
  return {
    kind: 'content-missing',
    digest,
    message: `The manifest ${manifest} needs ${digest}, which is not in the repository. Push the image again.`,
  }
}
