// The manifests of one repository, a batch at a time, and what they lead to: blobs, and manifests that only `_layers` has
// (registry 2.1.0 put them there).
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import type { ChildDescriptor, ParsedManifest } from '../oci/manifest.ts'
import { isManifestMediaType } from '../oci/media-types.ts'
import { adoptedBlobKey } from '../storage/layout.ts'
import { flags, type BlobFiles } from './blob-files.ts'
import type { Finding } from './findings.ts'
import type { Link } from './look-links.ts'
import {
  mostManifestBytes,
  mostSniffedBytes,
  type FoundManifest,
  type WantedManifest,
} from './look-manifests.ts'
import { fileOfBlob } from './places.ts'
import type { RepositoryLinks } from './scan-links.ts'
import type { ScanPool } from './scan-pool.ts'
import type { ScannedBlob, ScannedManifest } from './scanned.ts'

export interface Volume {
  readonly tree: string
  readonly pool: ScanPool
  readonly files: BlobFiles
  /** Lost and damaged blobs are told once, however many manifests need them. */
  readonly told: Set<Digest>
  readonly onItems: (count: number) => void
}

const manifestsAtOnce = 256
const bytesAtOnce = 8 * 1024 * 1024

export class ManifestScan {
  readonly #volume: Volume
  readonly #links: RepositoryLinks
  readonly #waiting: Link[]
  /** Everything that was in the queue. */
  readonly #known: Set<Digest>
  readonly #blobs = new Map<Digest, ScannedBlob>()
  readonly #claims: { readonly manifest: Digest; readonly child: Digest }[] = []
  readonly #absent = new Map<Digest, number>()
  readonly adopted = new Set<Digest>()
  /** Whole manifests that are not stored here: kept as blobs. */
  readonly skipped: Link[] = []
  readonly findings: Finding[] = []

  constructor(volume: Volume, links: RepositoryLinks) {
    this.#volume = volume
    this.#links = links
    this.#waiting = [...links.revisions]
    this.#known = new Set(links.revisions.map(({ digest }) => digest))
    for (const { current } of links.tags) if (current !== undefined) this.#want(current.digest)
  }

  /** Puts a manifest that only `_layers` has into the queue; returns whether it is in it. */
  #want(digest: Digest): boolean {
    if (this.#known.has(digest)) return true
    const link = this.#links.layers.get(digest)
    if (link === undefined || this.#volume.files.find(link.content) === undefined) return false
    this.#known.add(digest)
    this.#waiting.push(link)
    return true
  }

  /** Reads the next ones from the disk; `undefined` when there are none. */
  async read(): Promise<readonly FoundManifest[] | undefined> {
    const wanted: WantedManifest[] = []
    let bytes = 0
    const { tree, pool, files, onItems } = this.#volume
    while (wanted.length < manifestsAtOnce && bytes < bytesAtOnce) {
      const link = this.#waiting.pop()
      if (link === undefined) break
      const size = files.find(link.content)?.size
      wanted.push({ link, size })
      bytes += Math.min(size ?? 0, mostManifestBytes)
    }
    if (wanted.length === 0) return undefined
    const found = await pool.run({ kind: 'manifests', tree, wanted })
    onItems(wanted.length)
    return found
  }

  /** What no manifest needs may be a manifest itself: then it is read too. */
  async readUnneeded(): Promise<readonly FoundManifest[] | undefined> {
    const { tree, pool, files } = this.#volume
    const links: Link[] = []
    for (const link of this.#links.layers.values()) {
      if (this.#blobs.has(link.digest) || this.#known.has(link.digest)) continue
      const size = files.find(link.content)?.size ?? 0
      if (size > 0 && size <= mostSniffedBytes) links.push(link)
    }
    if (links.length === 0) return undefined
    for (const { digest } of await pool.run({ kind: 'sniff', tree, links })) this.#want(digest)
    return this.read()
  }

  /** What was read, with what it needs. */
  async settle(found: readonly FoundManifest[]): Promise<readonly ScannedManifest[]> {
    const { files } = this.#volume
    const manifests: ScannedManifest[] = []
    for (const one of found) {
      const { link } = one
      if (one.kind === 'faulty') {
        this.#refuse(one)
        continue
      }
      this.adopted.add(link.digest)
      files.mark(link.content, flags.verified)
      files.mark(link.content, flags.manifest)
      manifests.push(await this.#understand(one))
    }
    return manifests
  }

  #refuse({ link, fault, message, mentions }: FoundManifest & { readonly kind: 'faulty' }): void {
    const { files } = this.#volume
    const name = this.#links.folder.name
    this.findings.push({ kind: fault, name, digest: link.digest, message })
    if (fault === 'manifest-damaged') files.mark(link.content, flags.damaged)
    if (fault !== 'manifest-skipped') return
    for (const digest of mentions) files.mark(digest, flags.kept)
    files.mark(link.content, flags.kept)
    this.skipped.push(link)
  }

  async #understand({
    link,
    content,
    parsed,
  }: FoundManifest & { readonly kind: 'whole' }): Promise<ScannedManifest> {
    const blobs = new Map<Digest, ScannedBlob>()
    const use = async (digest: Digest, size: number): Promise<void> => {
      blobs.set(digest, await this.#blob(digest, { size, neededAt: link.modifiedAt }))
    }
    for (const { digest, size, foreign } of layersOf(parsed)) {
      if (!foreign || this.#isHere(digest)) await use(digest, size)
    }
    for (const child of parsed.manifests) {
      if (this.#claim(link.digest, child)) await use(child.digest, child.size)
    }
    const { annotations } = parsed
    return {
      digest: link.digest,
      mediaType: parsed.mediaType,
      content,
      subject: parsed.subject?.digest,
      artifactType: parsed.artifactType,
      annotations: Object.keys(annotations).length > 0 ? JSON.stringify(annotations) : undefined,
      pushedAt: link.modifiedAt,
      blobs: [...blobs.values()],
    }
  }

  /** Returns true when the child is a blob: old BuildKit caches list layers in an index. */
  #claim(manifest: Digest, { digest, mediaType }: ChildDescriptor): boolean {
    const isBlob = !isManifestMediaType(mediaType) && !this.#known.has(digest)
    if (isBlob && this.#isHere(digest)) return true
    if (!isBlob && this.#want(digest)) this.#claims.push({ manifest, child: digest })
    else this.#absent.set(manifest, (this.#absent.get(manifest) ?? 0) + 1)
    return false
  }

  #isHere(digest: Digest): boolean {
    const link = this.#links.layers.get(digest)
    return link !== undefined && this.#volume.files.find(link.content) !== undefined
  }

  async #blob(
    digest: Digest,
    { size, neededAt }: { readonly size: number; readonly neededAt: number },
  ): Promise<ScannedBlob> {
    const found = this.#blobs.get(digest)
    if (found !== undefined) return found
    const { files } = this.#volume
    const link = this.#links.layers.get(digest)
    const content = link?.content ?? digest
    files.mark(content, flags.needed)
    files.mark(content, flags.linked)
    const file = files.find(content)
    const isWhole = file !== undefined && (await this.#isWhole(digest, content, size))
    const blob: ScannedBlob = {
      digest,
      content,
      size: isWhole ? file.size : size,
      key: isWhole ? adoptedBlobKey(content) : undefined,
      createdAt: file?.modifiedAt ?? neededAt,
      linkedAt: link?.modifiedAt ?? neededAt,
    }
    this.#blobs.set(digest, blob)
    if (file === undefined) this.#tell('blob-lost', blob, 'A manifest needs it, and it is gone.')
    return blob
  }

  /** By its size, which costs nothing; only what differs is hashed now. */
  async #isWhole(digest: Digest, content: Digest, size: number): Promise<boolean> {
    const { files, tree } = this.#volume
    const actual = files.find(content)?.size
    if (!files.has(content, flags.damaged)) {
      if (actual === size) return true
      if (files.has(content, flags.verified) || (await isIntact(tree, content))) {
        files.mark(content, flags.verified)
        const message = `It has ${actual} bytes and a manifest says ${size}; its bytes are right.`
        this.#tell('size-differs', { digest, size }, message)
        return true
      }
      files.mark(content, flags.damaged)
    }
    const message = `It has ${actual} bytes instead of ${size}, which are not those of its digest.`
    this.#tell('blob-damaged', { digest, size }, message)
    return false
  }

  #tell(
    kind: Finding['kind'],
    { digest, size }: Pick<ScannedBlob, 'digest' | 'size'>,
    message: string,
  ): void {
    if (this.#volume.told.has(digest)) return
    this.#volume.told.add(digest)
    this.findings.push({ kind, name: this.#links.folder.name, digest, bytes: size, message })
  }

  needs(digest: Digest): boolean {
    return this.#blobs.has(digest)
  }

  /** Call when all was read: which of what indexes hold is there. */
  children(): readonly { readonly manifest: Digest; readonly child: Digest }[] {
    const there: { readonly manifest: Digest; readonly child: Digest }[] = []
    for (const claim of this.#claims) {
      if (this.adopted.has(claim.child)) there.push(claim)
      else this.#absent.set(claim.manifest, (this.#absent.get(claim.manifest) ?? 0) + 1)
    }
    for (const [digest, count] of this.#absent) {
      const what = count === 1 ? 'A manifest' : `${count} manifests`
      this.findings.push({
        kind: 'index-broken',
        name: this.#links.folder.name,
        digest,
        message: `${what} of this index ${count === 1 ? 'is' : 'are'} not there; the others can be pulled.`,
      })
    }
    return there
  }
}

function layersOf({ config, layers }: ParsedManifest): ParsedManifest['layers'] {
  return config === undefined ? layers : [{ ...config, foreign: false }, ...layers]
}

async function isIntact(tree: string, digest: Digest): Promise<boolean> {
  const hash = createHash(algorithmOf(digest))
  try {
    await pipeline(createReadStream(fileOfBlob(tree, digest)), hash)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return false
    throw error
  }
  return `${algorithmOf(digest)}:${hash.digest('hex')}` === digest
}
