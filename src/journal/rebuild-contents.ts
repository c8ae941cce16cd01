// What manifests need: their blobs are linked to the repository and protected, as when they were pushed. What is not
// there gets a row without bytes, so that the manifest is kept whole and the next push of the same content heals it.
import type { Digest } from '../oci/digest.ts'
import { neededContent, type NeededContent } from '../oci/needed-content.ts'
import { linkBlob } from '../metadata/blobs.ts'
import {
  pageOfDeletedManifests,
  pageOfManifests,
  readDeletedManifest,
  type JournalDeletedManifest,
  type JournalManifest,
} from '../metadata/journal-reading.ts'
import { rebuildBinEntry } from '../metadata/rebuilding.ts'
import { insertNeeds, manifestSize } from '../metadata/manifests.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import {
  findRebuiltBlob,
  listRebuiltRepositories,
  rebuildBinContents,
} from '../metadata/rebuilding-contents.ts'
import type { BlobStore, ListedBlob } from '../storage/blob-store.ts'
import { parseKey } from '../storage/driver.ts'
import { readingOf } from './foreign-layers.ts'
import { fill, type Filling } from './pace.ts'
import { hasDigest, markMissing, takeOther } from './rebuild-blobs.ts'
import { foreignKey, type ForeignLayers, type Replayed } from './replay.ts'
import type { Findings, OnProgress } from './report.ts'

export interface ContentsDeps extends Replayed {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly others: ReadonlyMap<Digest, readonly ListedBlob[]>
  readonly findings: Findings
  readonly onProgress: OnProgress
}

interface Found {
  readonly blobs: readonly Digest[]
  readonly children: readonly Digest[]
}

const manifestsAtOnce = 16

/** Returns how many manifests of the recycle bin were left out, as they could not be restored. */
export async function rebuildContents(deps: ContentsDeps): Promise<number> {
  const { metadata } = deps
  const filling = fill(metadata)
  const repositories = await listRebuiltRepositories(metadata)
  for (const [index, { id, name, deletedName }] of repositories.entries()) {
    await contentsOfRepository(deps, filling, { id, name: deletedName ?? name })
    const done = index + 1
    deps.onProgress({ phase: 'repositories', done, total: repositories.length, unit: 'items' })
  }
  let leftOut = 0
  for (let after = 0; ;) {
    const rows = await pageOfDeletedManifests(metadata, { after, limit: manifestsAtOnce })
    await filling.write(async (tx) => {
      for (const row of rows) if (!(await contentsInBin(deps, tx, row))) leftOut += 1
    })
    if (rows.length < manifestsAtOnce) return leftOut
    after = rows.at(-1)?.id ?? after
  }
}

async function contentsOfRepository(
  deps: ContentsDeps,
  filling: Filling,
  { id: repositoryId, name }: { readonly id: number; readonly name: string },
): Promise<void> {
  for (let after = ''; ;) {
    const page = { repositoryId, after, limit: manifestsAtOnce }
    const rows = await pageOfManifests(deps.metadata, page)
    await filling.write(async (tx) => {
      for (const row of rows) await contentsOf(deps, tx, row, name)
    })
    if (rows.length < manifestsAtOnce) return
    after = rows.at(-1)?.digest ?? ''
  }
}

async function contentsOf(
  deps: ContentsDeps,
  tx: Transaction,
  row: JournalManifest,
  name: string,
): Promise<void> {
  const { repositoryId, pushedAt } = row
  const manifest = row.digest as Digest
  const parsed = readingOf(row.mediaType, row.content)
  if (parsed === undefined) {
    deps.findings.add({
      kind: 'manifest-unreadable',
      name,
      digest: manifest,
      message: 'What this manifest needs cannot be told, so nothing protects it.',
    })
    return
  }
  const found = await find(deps, tx, { row, name, needed: neededContent(parsed) })
  const blobs = [...found.blobs, ...(await foreignBlobs(deps.foreign, tx, row))]
  for (const blob of blobs) await linkBlob(tx, repositoryId, blob, pushedAt)
  await insertNeeds(tx, { repositoryId, manifest }, { blobs, children: found.children })
}

async function contentsInBin(
  deps: ContentsDeps,
  tx: Transaction,
  row: JournalDeletedManifest,
): Promise<boolean> {
  const { id: deletedId, repositoryId, pushedAt } = row
  const parsed = readingOf(row.mediaType, row.content)
  const needed = parsed === undefined ? [] : neededContent(parsed)
  const blobs: Digest[] = []
  const all: Digest[] = []
  for (const need of needed) {
    all.push(need.digest)
    if (need.isChild && (await isManifestOrInBin(tx, repositoryId, need.digest))) continue
    const blob = await findRebuiltBlob(tx, need.digest)
    if (blob !== undefined && blob.damagedAt === null) {
      blobs.push(need.digest)
      continue
    }
    // It could not be restored. Mostly it was purged already, of which the journal does not tell.
    await rebuildBinEntry(tx, row, undefined)
    return false
  }
  const foreign = await foreignBlobs(deps.foreignInBin, tx, row)
  blobs.push(...foreign)
  all.push(...foreign)
  for (const blob of blobs) await linkBlob(tx, repositoryId, blob, pushedAt)
  await rebuildBinContents(tx, { deletedId, repositoryId }, all)
  return true
}

async function isManifestOrInBin(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
): Promise<boolean> {
  if (await isManifest(tx, repositoryId, digest)) return true
  return (await readDeletedManifest(tx, repositoryId, digest)) !== undefined
}

async function isManifest(tx: Transaction, repositoryId: number, digest: Digest): Promise<boolean> {
  return (await manifestSize(tx, repositoryId, digest)) !== undefined
}

async function foreignBlobs(
  foreign: ForeignLayers,
  tx: Transaction,
  { repositoryId, digest }: JournalManifest,
): Promise<readonly Digest[]> {
  const kept: Digest[] = []
  for (const each of foreign.get(foreignKey(repositoryId, digest)) ?? []) {
    const blob = await findRebuiltBlob(tx, each as Digest)
    if (blob !== undefined) kept.push(each as Digest)
  }
  return kept
}

interface Wanted {
  readonly row: JournalManifest
  readonly name: string
  readonly needed: readonly NeededContent[]
}

async function find(
  deps: ContentsDeps,
  tx: Transaction,
  { row, name, needed }: Wanted,
): Promise<Found> {
  const blobs: Digest[] = []
  const children: Digest[] = []
  for (const need of needed) {
    if (need.isChild && (await isManifest(tx, row.repositoryId, need.digest))) {
      children.push(need.digest)
      continue
    }
    const isThere = await provideBlob(deps, tx, need)
    if (isThere) blobs.push(need.digest)
    else if (need.isChild) {
      deps.findings.add({
        kind: 'child-missing',
        name,
        digest: need.digest,
        message: `The index ${row.digest} holds this manifest, of which nothing is left. Delete the index and push it again.`,
      })
    } else {
      await markMissing(tx, need)
      blobs.push(need.digest)
      deps.findings.add(missingBlob(need, name, row.digest))
    }
  }
  return { blobs, children }
}

function missingBlob({ digest }: NeededContent, name: string, manifest: string) {
  return {
    kind: 'blob-missing',
    name,
    digest,
    message: `The manifest ${manifest} needs this blob, and it is not in the storage, or not whole. Push the image again, or bring the storage back from a backup.`,
  } as const
}

/** Whether the database has bytes of this blob that can be the right ones. */
async function provideBlob(
  { blobs, others }: ContentsDeps,
  tx: Transaction,
  { digest, size }: NeededContent,
): Promise<boolean> {
  const row = await findRebuiltBlob(tx, digest)
  if (row === undefined || row.damagedAt !== null) return false
  if (row.size === size) return true
  for (const other of others.get(digest) ?? []) {
    if (other.size !== size) continue
    await takeOther(tx, other)
    return true
  }
  // One of them is wrong: the object, or what the manifest says of it.
  if (row.storageKey === null) return true
  return hasDigest(blobs, parseKey(row.storageKey), digest)
}
