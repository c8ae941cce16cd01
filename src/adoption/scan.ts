// One walk through a volume of registry:2 or registry:3 (filesystem), as far as it can be told without reading blobs:
// sizes are compared, manifests are read and hashed, all else is hashed later. Changes nothing.
import { join } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { isRepositoryName, type RepositoryName } from '../oci/reference.ts'
import { adoptedBlobKey } from '../storage/layout.ts'
import { flags, scanBlobs, type BlobFiles } from './blob-files.ts'
import type { Finding } from './findings.ts'
import { mapAhead } from './in-parallel.ts'
import type { RepositoryFolder } from './look-folders.ts'
import type { Link, TagLinks } from './look-links.ts'
import type { FoundManifest } from './look-manifests.ts'
import { treeFolder } from './places.ts'
import { findRepositories, scanLinks, type RepositoryLinks } from './scan-links.ts'
import { ManifestScan, type Volume } from './scan-manifests.ts'
import { startScanPool } from './scan-pool.ts'
import type { Scanned, ScannedBlob, ScannedContents } from './scanned.ts'

export interface ScanProgress {
  readonly phase: 'files' | 'images'
  readonly done: number
  readonly total: number
}

export interface ScanOptions {
  readonly onProgress?: (progress: ScanProgress) => void
  /** How many look at the volume; by default as many as are good for it. */
  readonly threads?: number
  /** The time of what happens now. */
  readonly now?: number
}

export interface Registry2Scan extends AsyncDisposable {
  /** Every file of content. */
  readonly files: BlobFiles
  readonly scanned: AsyncIterable<Scanned>
}

const progressEvery = 100
const repositoriesAhead = 8

/** `root` is the folder that has `docker/registry/v2` in it. @throws the system's error for what cannot be read */
export async function scanRegistry2(
  root: string,
  { onProgress = () => undefined, threads, now = Date.now() }: ScanOptions = {},
): Promise<Registry2Scan> {
  await using stack = new AsyncDisposableStack()
  const pool = stack.use(startScanPool(threads))
  const tree = join(root, treeFolder)
  const findings: Finding[] = []
  const find = (finding: Finding) => void findings.push(finding)
  const files = await scanBlobs(tree, pool, {
    find,
    onShard: (done, total) => onProgress({ phase: 'files', done, total }),
  })
  const repositories = await findRepositories(tree, pool, find)
  let total = 0
  for (const { size } of repositories) total += size
  let done = 0
  let told = 0
  const onItems = (count: number) => {
    done += count
    if (done < told + progressEvery) return
    told = done
    onProgress({ phase: 'images', done, total: Math.max(done, total) })
  }
  const volume: Volume = { tree, pool, files, told: new Set(), onItems }
  const running = stack.move()
  return {
    files,
    scanned: scan(volume, repositories, { findings, now }),
    [Symbol.asyncDispose]: async () => running.disposeAsync(),
  }
}

async function* scan(
  volume: Volume,
  repositories: readonly RepositoryFolder[],
  { findings, now }: { readonly findings: readonly Finding[]; readonly now: number },
): AsyncGenerator<Scanned, void, undefined> {
  yield* findings.map(told)
  const prepared = mapAhead(repositories, repositoriesAhead, async (folder) => {
    const links = await scanLinks(volume, folder, volume.onItems)
    const manifests = new ManifestScan(volume, links)
    const first = isRepositoryName(folder.name) ? await manifests.read() : undefined
    return { links, manifests, first }
  })
  for await (const one of prepared) {
    const { name } = one.links.folder
    if (isRepositoryName(name)) yield* scanRepository(volume, { ...one, name, now })
    else yield* scanRefused(volume, one.links)
  }
  yield* scanRest(volume.files)
}

const told = (finding: Finding): Scanned => ({ kind: 'finding', finding })

interface Prepared {
  readonly name: RepositoryName
  readonly links: RepositoryLinks
  readonly manifests: ManifestScan
  readonly first: readonly FoundManifest[] | undefined
  readonly now: number
}

async function* scanRepository(
  volume: Volume,
  prepared: Prepared,
): AsyncGenerator<Scanned, void, undefined> {
  const { name, links, manifests, now } = prepared
  const begin: Scanned = { kind: 'repository', name, createdAt: createdAt(links, now) }
  let isBegun = false
  for (let outcomes = prepared.first; outcomes !== undefined;) {
    const settled = await manifests.settle(outcomes)
    if (!isBegun && (manifests.adopted.size > 0 || manifests.skipped.length > 0)) {
      isBegun = true
      yield begin
    }
    if (settled.length > 0) yield { kind: 'manifests', repository: name, manifests: settled }
    outcomes = (await manifests.read()) ?? (await manifests.readUnneeded())
  }
  const children = manifests.children()
  const { tags, changes, findings } = tagsOf(links, manifests, now)
  yield* [...links.findings, ...manifests.findings, ...findings].map(told)
  if (links.uploads.length > 0) yield { kind: 'uploads', uploads: links.uploads }
  if (!isBegun) {
    yield told(ghost(links))
    return
  }
  const { blobs, dangling } = linksOf(volume, links, manifests)
  yield* dangling.map(told)
  yield { kind: 'contents', repository: name, children, links: blobs, tags, changes }
}

function ghost({ folder }: RepositoryLinks): Finding {
  const why = folder.hasManifests
    ? 'Nothing in it can be pulled any more'
    : 'No image was ever finished in it'
  return { kind: 'ghost', name: folder.name, message: `${why}: it is not taken over.` }
}

/** The earliest time that anything in it tells. */
function createdAt({ revisions, tags }: RepositoryLinks, now: number): number {
  let earliest = now
  for (const { modifiedAt } of revisions) earliest = Math.min(earliest, modifiedAt)
  for (const { current, history } of tags) {
    earliest = Math.min(earliest, current?.modifiedAt ?? now, history[0]?.modifiedAt ?? now)
  }
  return earliest
}

function tagsOf(
  links: RepositoryLinks,
  manifests: ManifestScan,
  now: number,
): Pick<ScannedContents, 'tags' | 'changes'> & { readonly findings: readonly Finding[] } {
  const tags: ScannedContents['tags'][number][] = []
  const changes: ScannedContents['changes'][number][] = []
  const findings: Finding[] = []
  for (const links_ of links.tags) {
    const { tag, current, history } = links_
    const isWhole = current !== undefined && manifests.adopted.has(current.digest)
    if (isWhole) tags.push({ tag, digest: current.digest, updatedAt: current.modifiedAt })
    else findings.push(brokenTag(`${links.folder.name}:${tag}`, links_))
    for (const { digest, modifiedAt } of history) {
      changes.push({ tag, digest, changedAt: modifiedAt })
    }
    const last = history.at(-1)
    if (isWhole && last?.digest !== current.digest) {
      const changedAt = Math.max(current.modifiedAt, last?.modifiedAt ?? 0)
      changes.push({ tag, digest: current.digest, changedAt })
    }
    // Its history says what it was; now it is nothing.
    if (!isWhole && last !== undefined) {
      changes.push({ tag, digest: undefined, changedAt: Math.max(now, last.modifiedAt) })
    }
  }
  return { tags, changes, findings }
}

function brokenTag(name: string, { current, history, fault }: TagLinks): Finding {
  if (fault === 'deleted') {
    const message = 'Left alone: a tag without a link, left by a delete.'
    return { kind: 'leftover', name, message }
  }
  const last = history.at(-1)?.digest
  const before = last === undefined ? '' : ` Its last image was ${last}.`
  if (current === undefined) {
    const message = `Where it points cannot be read: its link is damaged.${before}`
    return { kind: 'tag-broken', name, message }
  }
  const message = 'The manifest that it points to is not in the repository.'
  return { kind: 'tag-broken', name, digest: current.digest, message }
}

function linksOf(
  { files }: Volume,
  { folder, layers }: RepositoryLinks,
  manifests: ManifestScan,
): { readonly blobs: readonly ScannedBlob[]; readonly dangling: readonly Finding[] } {
  const blobs: ScannedBlob[] = []
  const dangling: Finding[] = []
  const add = ({ digest, content, modifiedAt }: Link): void => {
    const file = files.find(content)
    if (file === undefined) {
      const message = 'The repository is said to have it, it is gone, and nothing needs it.'
      dangling.push({ kind: 'link-dangling', name: folder.name, digest, message })
      return
    }
    files.mark(content, flags.linked)
    if (files.has(content, flags.damaged)) return
    blobs.push({
      digest,
      content,
      size: file.size,
      key: adoptedBlobKey(content),
      createdAt: file.modifiedAt,
      linkedAt: modifiedAt,
    })
  }
  for (const link of layers.values()) {
    if (!manifests.needs(link.digest) && !manifests.adopted.has(link.digest)) add(link)
  }
  for (const link of manifests.skipped) if (!layers.has(link.digest)) add(link)
  return { blobs, dangling }
}

/** Nobody can ask for it here, and it stays in the volume as it is. */
async function* scanRefused(
  { files }: Volume,
  { folder, revisions, layers, tags, findings, uploads }: RepositoryLinks,
): AsyncGenerator<Scanned, void, undefined> {
  yield* findings.map(told)
  if (uploads.length > 0) yield { kind: 'uploads', uploads }
  for (const { content } of [...revisions, ...layers.values()]) files.mark(content, flags.kept)
  const isEmpty = revisions.length === 0 && tags.every(({ current }) => current === undefined)
  const why = 'its name is not valid here (lower case, at most 200 characters)'
  yield told(
    isEmpty
      ? { kind: 'ghost', name: folder.name, message: `It is empty, and ${why}.` }
      : {
          kind: 'name-refused',
          name: folder.name,
          message: `It is not taken over: ${why}. Its files stay.`,
        },
  )
}

const restAtOnce = 1000

async function* scanRest(files: BlobFiles): AsyncGenerator<Scanned, void, undefined> {
  let blobs: Omit<ScannedBlob, 'linkedAt'>[] = []
  for (const digest of files.digests()) {
    const finding = reclaimable(files, digest)
    if (finding !== undefined) yield told(finding)
    const isHad = files.has(digest, flags.linked) || files.has(digest, flags.manifest)
    if (isHad || files.has(digest, flags.damaged)) continue
    const { size = 0, modifiedAt: createdAt_ = 0 } = files.find(digest) ?? {}
    blobs.push({
      digest,
      content: digest,
      size,
      key: adoptedBlobKey(digest),
      createdAt: createdAt_,
    })
    if (blobs.length < restAtOnce) continue
    yield { kind: 'rest', blobs }
    blobs = []
  }
  if (blobs.length > 0) yield { kind: 'rest', blobs }
}

function reclaimable(files: BlobFiles, digest: Digest): Finding | undefined {
  const isUsed =
    files.has(digest, flags.needed) ||
    files.has(digest, flags.manifest) ||
    files.has(digest, flags.kept)
  if (isUsed) return undefined
  const bytes = files.find(digest)?.size ?? 0
  return files.has(digest, flags.linked)
    ? { kind: 'unneeded', digest, bytes, message: 'A repository has it, and no manifest needs it.' }
    : { kind: 'orphan', digest, bytes, message: 'No repository has it.' }
}
