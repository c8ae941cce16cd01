// Writes what an installation has as something that others read: a volume of registry:2, or an OCI image layout. Tags are
// looked at first, then manifests, then blobs: whatever is pushed meanwhile, what a tag needs is there.
import { isRepositoryName, type RepositoryName } from '../oci/reference.ts'
import type { Digest } from '../oci/digest.ts'
import { ObjectNotFoundError, parseKey, type Key } from '../storage/driver.ts'
import {
  countContents,
  pageOfKeptBlobs,
  pageOfKeptChanges,
  pageOfKeptManifests,
  type KeptBlob,
  type KeptChange,
  type KeptManifest,
} from '../metadata/export-contents.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { listRepositories, type RepositoryRow } from '../metadata/repositories.ts'
import { listTags, type TagRow } from '../metadata/tags.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { openExport, type ExportFiles, type ExportLayout } from './export-files.ts'
import { createLayoutWriter } from './export-oci.ts'
import { createVolumeWriter } from './export-registry2.ts'
import { eachLimited } from './in-parallel.ts'

export interface ExportDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  /** The file in which an object lies. */
  readonly fileOf: (key: Key) => string
}

export interface ExportOptions {
  readonly layout: ExportLayout
  readonly directory: string
  readonly matches: (name: string) => boolean
  readonly onProgress?: (done: number, total: number) => void
}

export interface ExportProblem {
  readonly kind: 'blob-lost' | 'blob-unreadable' | 'tag-broken' | 'manifest-unreadable'
  readonly name: string
  readonly digest?: Digest
  readonly message: string
}

export interface Exported {
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
  readonly bytes: number
  readonly linked: number
  readonly copied: number
  readonly kept: number
  readonly problems: readonly ExportProblem[]
  readonly notes: readonly string[]
}

/** How one layout is written. Everything of a repository comes in the order of these methods, each any number of times. */
export interface LayoutWriter {
  /** `tags`: all that the repository has. */
  begin(name: RepositoryName, tags: readonly TagRow[]): void
  manifest(manifest: KeptManifest): Promise<void>
  blob(blob: KeptBlob, source: BlobSource): Promise<void>
  change(change: KeptChange): Promise<void>
  /** Returns false when the manifest that it points to was not written. */
  tag(tag: TagRow): Promise<boolean>
  /** The last of the repository. */
  end(): Promise<void>
  /** The last of all. */
  finish(): Promise<readonly string[]>
}

export type BlobSource =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly key: Key; readonly path: string }

const everything = { all: true, internal: true, ownNamespace: undefined }
const rowsAtOnce = 200
/** A manifest may have 4 MiB. */
const manifestsAtOnce = 32
const filesAtOnce = 16

/** @throws {ForeignFolderError} @throws the system's error when something cannot be written */
export async function exportImages(deps: ExportDeps, options: ExportOptions): Promise<Exported> {
  const files = await openExport(options.directory, options.layout)
  const repositories = await matching(deps.metadata, options.matches)
  const writer =
    options.layout === 'oci' ? createLayoutWriter(files) : createVolumeWriter(files, deps.blobs)
  const run = new ExportRun(deps, files, writer)
  let total = 0
  for (const { id } of repositories) {
    const { blobs, manifests, tags } = await countContents(deps.metadata, id)
    total += blobs + manifests + tags
  }
  run.onDone = (done) => options.onProgress?.(done, Math.max(done, total))
  for (const repository of repositories) await run.exportRepository(repository)
  const notes = await writer.finish()
  await files.finish()
  return { ...run.exported(), repositories: repositories.length, notes }
}

async function matching(
  metadata: MetadataStore,
  matches: (name: string) => boolean,
): Promise<readonly RepositoryRow[]> {
  const found: RepositoryRow[] = []
  for (let after = ''; ;) {
    const page = await listRepositories(metadata, everything, { after, limit: rowsAtOnce })
    // Deleted ones have names that nobody can ask for.
    found.push(...page.filter(({ name }) => isRepositoryName(name) && matches(name)))
    const last = page.at(-1)
    if (last === undefined) return found
    after = last.name
  }
}

class ExportRun {
  readonly #deps: ExportDeps
  readonly #files: ExportFiles
  readonly #writer: LayoutWriter
  readonly #problems: ExportProblem[] = []
  readonly #blobs = new Set<Digest>()
  #tags = 0
  #manifests = 0
  #done = 0
  onDone: (done: number) => void = () => undefined

  constructor(deps: ExportDeps, files: ExportFiles, writer: LayoutWriter) {
    this.#deps = deps
    this.#files = files
    this.#writer = writer
  }

  async exportRepository({ id, name }: RepositoryRow): Promise<void> {
    const writer = this.#writer
    const tags = await this.#tagsOf(id)
    writer.begin(name, tags)
    await this.#eachManifest(id, async (manifest) => {
      await writer.manifest(manifest)
      this.#manifests += 1
    })
    await this.#eachBlob(id, async (blob) => this.#exportBlob(name, blob))
    await this.#eachChange(id, async (change) => writer.change(change))
    await eachLimited(tags, filesAtOnce, async (tag) => {
      if (await writer.tag(tag)) this.#tags += 1
      else {
        const message = 'Its manifest was deleted while the tag was written.'
        this.#problems.push({ kind: 'tag-broken', name: `${name}:${tag.name}`, message })
      }
      this.#count()
    })
    await writer.end()
  }

  #count(): void {
    this.#done += 1
    this.onDone(this.#done)
  }

  async #tagsOf(repositoryId: number): Promise<readonly TagRow[]> {
    const tags: TagRow[] = []
    for (let after = ''; ;) {
      const page = await listTags(this.#deps.metadata, repositoryId, { after, limit: rowsAtOnce })
      tags.push(...page)
      const last = page.at(-1)
      if (last === undefined) return tags
      after = last.name
    }
  }

  async #eachManifest(
    repositoryId: number,
    run: (manifest: KeptManifest) => Promise<void>,
  ): Promise<void> {
    for (let after = ''; ;) {
      const page = { repositoryId, after, limit: manifestsAtOnce }
      const manifests = await pageOfKeptManifests(this.#deps.metadata, page)
      await eachLimited(manifests, filesAtOnce, async (manifest) => {
        await run(manifest)
        this.#count()
      })
      const last = manifests.at(-1)
      if (last === undefined) return
      after = last.digest
    }
  }

  async #eachBlob(repositoryId: number, run: (blob: KeptBlob) => Promise<void>): Promise<void> {
    for (let after = ''; ;) {
      const page = { repositoryId, after, limit: rowsAtOnce }
      const blobs = await pageOfKeptBlobs(this.#deps.metadata, page)
      await eachLimited(blobs, filesAtOnce, async (blob) => {
        await run(blob)
        this.#count()
      })
      const last = blobs.at(-1)
      if (last === undefined) return
      after = last.digest
    }
  }

  async #eachChange(
    repositoryId: number,
    run: (change: KeptChange) => Promise<void>,
  ): Promise<void> {
    for (let after = { tag: '', id: 0 }; ;) {
      const page = { repositoryId, after, limit: rowsAtOnce }
      const changes = await pageOfKeptChanges(this.#deps.metadata, page)
      // A tag may have come back to what it was before: the last time counts.
      const latest = new Map(changes.map((change) => [`${change.tag} ${change.digest}`, change]))
      await eachLimited([...latest.values()], filesAtOnce, run)
      const last = changes.at(-1)
      if (last === undefined) return
      after = { tag: last.tag, id: last.id }
    }
  }

  async #exportBlob(name: RepositoryName, blob: KeptBlob): Promise<void> {
    const { digest, content, storageKey } = blob
    const lost = (kind: ExportProblem['kind'], message: string) =>
      void this.#problems.push({ kind, name, digest, message })
    try {
      if (content !== undefined) await this.#writer.blob(blob, { kind: 'bytes', bytes: content })
      else if (storageKey === undefined) {
        lost('blob-lost', 'It is lost here, and so is not in the export.')
        return
      } else {
        const key = parseKey(storageKey)
        await this.#writer.blob(blob, { kind: 'file', key, path: this.#deps.fileOf(key) })
      }
      this.#blobs.add(digest)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const isGone = code === 'ENOENT' || error instanceof ObjectNotFoundError
      if (!isGone && code !== 'EIO') throw error
      if (isGone) lost('blob-lost', 'There is no such object in the storage.')
      else lost('blob-unreadable', 'The disk does not give its bytes.')
    }
  }

  exported(): Omit<Exported, 'repositories' | 'notes'> {
    const { linked, copied, kept, bytes } = this.#files.counts
    return {
      tags: this.#tags,
      manifests: this.#manifests,
      blobs: this.#blobs.size,
      bytes,
      linked,
      copied,
      kept,
      problems: this.#problems,
    }
  }
}
