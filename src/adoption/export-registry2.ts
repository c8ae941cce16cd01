// A volume of registry:2, as version 2.8 serves it: `data` under its sha256, and link files of exactly 71 bytes. Times are
// kept: they are what such a volume tells of its history.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { algorithmOf, digestFromHash, digestOf, encodedOf, type Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { parseManifest, type ChildDescriptor } from '../oci/manifest.ts'
import { ociIndex } from '../oci/media-types.ts'
import { referrersTag } from '../oci/referrers.ts'
import type { RepositoryName, Tag } from '../oci/reference.ts'
import type { KeptBlob, KeptChange, KeptManifest } from '../metadata/export-contents.ts'
import type { TagRow } from '../metadata/tags.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { isAdoptedKey, digestOfBlobKey } from '../storage/layout.ts'
import type { BlobSource, LayoutWriter } from './export.ts'
import type { ExportFiles } from './export-files.ts'
import { treeFolder } from './places.ts'

export function createVolumeWriter(files: ExportFiles, blobs: BlobStore): LayoutWriter {
  return new VolumeWriter(files, blobs)
}

interface Referrer {
  readonly entry: ReferrerEntry
  readonly pushedAt: number
}

interface ReferrerEntry {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

class VolumeWriter implements LayoutWriter {
  readonly #files: ExportFiles
  readonly #blobs: BlobStore
  readonly #written = new Set<Digest>()
  readonly #others = new Set<Digest>()
  /** The sha256 of what is addressed by another algorithm. */
  readonly #canonical = new Map<Digest, Digest>()
  #name = '' as RepositoryName
  #manifests = new Map<Digest, Digest>()
  /** Indexes, which may be lists of referrers. */
  #lists = new Map<Digest, readonly ChildDescriptor[]>()
  #referrers = new Map<Digest, Referrer[]>()
  #tags = new Map<Tag, Digest>()
  #allTags: ReadonlySet<Tag> = new Set()
  /** Tag and digest of every entry of the history that was written. */
  #entries = new Set<string>()

  constructor(files: ExportFiles, blobs: BlobStore) {
    this.#files = files
    this.#blobs = blobs
  }

  begin(name: RepositoryName, tags: readonly TagRow[]): void {
    this.#name = name
    this.#allTags = new Set(tags.map((tag) => tag.name))
    this.#entries = new Set()
    this.#manifests = new Map()
    this.#lists = new Map()
    this.#referrers = new Map()
    this.#tags = new Map()
  }

  async manifest(manifest: KeptManifest): Promise<void> {
    const { digest, content, pushedAt } = manifest
    const canonical = this.#canonicalOf(digest, content)
    this.#manifests.set(digest, canonical)
    await this.#putBytes(canonical, content, pushedAt)
    await this.#link(`_manifests/revisions/${folderOf(canonical)}`, canonical, pushedAt)
    this.#understand(manifest, canonical)
  }

  #understand(manifest: KeptManifest, canonical: Digest): void {
    const { mediaType, size, content, subject, artifactType, annotations, pushedAt } = manifest
    try {
      const { kind, manifests } = parseManifest(mediaType, content)
      if (kind === 'index') this.#lists.set(canonical, manifests)
    } catch (error) {
      // It is written as it is; only its own list of referrers cannot be looked into.
      if (!(error instanceof OciError)) throw error
    }
    if (subject === undefined) return
    const referrers = this.#referrers.get(subject) ?? []
    this.#referrers.set(subject, referrers)
    const entry: ReferrerEntry = {
      mediaType,
      digest: canonical,
      size,
      ...(artifactType !== undefined && { artifactType }),
      ...(annotations !== undefined && {
        annotations: JSON.parse(annotations) as Readonly<Record<string, string>>,
      }),
    }
    referrers.push({ entry, pushedAt })
  }

  async blob(blob: KeptBlob, source: BlobSource): Promise<void> {
    const { digest, size, createdAt, linkedAt } = blob
    const canonical = await this.#canonicalOfBlob(digest, source)
    if (source.kind === 'bytes') await this.#putBytes(canonical, source.bytes, createdAt)
    else if (!this.#written.has(canonical)) {
      this.#written.add(canonical)
      await this.#files.share(dataOf(canonical), source.path, size)
    }
    await this.#link(`_layers/${folderOf(canonical)}`, canonical, linkedAt)
    // An alias, as registry:2 itself keeps one.
    if (canonical !== digest) await this.#link(`_layers/${folderOf(digest)}`, canonical, linkedAt)
  }

  async #putBytes(digest: Digest, bytes: Uint8Array, modifiedAt: number): Promise<void> {
    if (this.#written.has(digest)) return
    this.#written.add(digest)
    await this.#files.put(dataOf(digest), bytes, modifiedAt)
  }

  #canonicalOf(digest: Digest, content: Uint8Array): Digest {
    if (algorithmOf(digest) === 'sha256') return digest
    this.#others.add(digest)
    return digestOf(content)
  }

  async #canonicalOfBlob(digest: Digest, source: BlobSource): Promise<Digest> {
    if (source.kind === 'bytes') return this.#canonicalOf(digest, source.bytes)
    if (algorithmOf(digest) === 'sha256') return digest
    this.#others.add(digest)
    const known = this.#canonical.get(digest)
    if (known !== undefined) return known
    const named = isAdoptedKey(source.key) ? digestOfBlobKey(source.key) : undefined
    const canonical = named ?? (await this.#hash(source))
    this.#canonical.set(digest, canonical)
    return canonical
  }

  async #hash({ key }: BlobSource & { readonly kind: 'file' }): Promise<Digest> {
    const hash = createHash('sha256')
    await pipeline(await this.#blobs.open(key), hash)
    return digestFromHash('sha256', hash.digest('hex'))
  }

  async change({ tag, digest, changedAt }: KeptChange): Promise<void> {
    // A tag that is no more has no place in a volume; one that is has its folder of all that it was.
    if (digest === undefined || !this.#allTags.has(tag)) return
    const canonical = this.#manifests.get(digest) ?? digest
    if (algorithmOf(canonical) === 'sha256') await this.#history(tag, canonical, changedAt)
  }

  async #history(tag: Tag, digest: Digest, changedAt: number): Promise<void> {
    this.#entries.add(`${tag} ${digest}`)
    await this.#link(`_manifests/tags/${tag}/index/${folderOf(digest)}`, digest, changedAt)
  }

  async tag({ name: tag, digest, updatedAt }: TagRow): Promise<boolean> {
    const canonical = this.#manifests.get(digest)
    if (canonical === undefined) return false
    this.#tags.set(tag, canonical)
    await this.#point(tag, canonical, updatedAt)
    return true
  }

  async #point(tag: Tag, digest: Digest, updatedAt: number): Promise<void> {
    if (!this.#entries.has(`${tag} ${digest}`)) await this.#history(tag, digest, updatedAt)
    await this.#link(`_manifests/tags/${tag}/current`, digest, updatedAt)
  }

  async end(): Promise<void> {
    for (const [subject, referrers] of this.#referrers) await this.#list(subject, referrers)
  }

  /** registry:2 has no referrers API: clients look for an index under a tag of the subject's digest. */
  async #list(subject: Digest, referrers: readonly Referrer[]): Promise<void> {
    const tag = referrersTag(this.#manifests.get(subject) ?? subject)
    const current = this.#tags.get(tag)
    const listed = (current && this.#lists.get(current)) ?? []
    const known = new Set(listed.map(({ digest }) => digest))
    const missing = referrers.filter(({ entry }) => !known.has(entry.digest))
    if (missing.length === 0) return
    const manifests = [...listed, ...missing.map(({ entry }) => entry)]
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests }))
    const digest = digestOf(bytes)
    const at = Math.max(...missing.map(({ pushedAt }) => pushedAt))
    await this.#putBytes(digest, bytes, at)
    await this.#link(`_manifests/revisions/${folderOf(digest)}`, digest, at)
    await this.#point(tag, digest, at)
  }

  async #link(folder: string, digest: Digest, modifiedAt: number): Promise<void> {
    const path = join(treeFolder, 'repositories', this.#name, folder, 'link')
    await this.#files.write(path, digest, modifiedAt)
  }

  async finish(): Promise<readonly string[]> {
    const count = this.#others.size
    if (count === 0) return []
    return [
      `${count} sha512 digest${count === 1 ? '' : 's'}: registry:2 serves this content under its sha256 only.`,
    ]
  }
}

function folderOf(digest: Digest): string {
  return join(algorithmOf(digest), encodedOf(digest))
}

function dataOf(digest: Digest): string {
  const encoded = encodedOf(digest)
  return join(treeFolder, 'blobs', 'sha256', encoded.slice(0, 2), encoded, 'data')
}
