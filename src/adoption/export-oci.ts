// An OCI image layout of everything: image-spec v1.1 image-layout.md. Tags become `repository:tag` in the index.
import { join } from 'node:path'
import { encodedOf, algorithmOf, type Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { parseManifest } from '../oci/manifest.ts'
import { ociIndex } from '../oci/media-types.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { KeptManifest } from '../metadata/export-contents.ts'
import type { LayoutWriter } from './export.ts'
import type { ExportFiles } from './export-files.ts'

interface Entry {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

export function createLayoutWriter(files: ExportFiles): LayoutWriter {
  /** By digest and name: an image that several repositories have is listed once without a name. */
  const entries = new Map<string, Entry>()
  const written = new Set<Digest>()
  let name = '' as RepositoryName
  let here = new Map<Digest, Entry>()
  let children = new Set<Digest>()
  let tagged = new Set<Digest>()

  return {
    begin(repository) {
      name = repository
      here = new Map()
      children = new Set()
      tagged = new Set()
    },
    async manifest(manifest) {
      const { digest, mediaType, size, artifactType, content } = manifest
      here.set(digest, {
        mediaType,
        digest,
        size,
        ...(artifactType !== undefined && { artifactType }),
      })
      for (const child of childrenOf(manifest)) children.add(child)
      if (written.has(digest)) return
      written.add(digest)
      await files.put(pathOf(digest), content)
    },
    async blob({ digest, size }, source) {
      if (written.has(digest)) return
      written.add(digest)
      if (source.kind === 'bytes') await files.put(pathOf(digest), source.bytes)
      else await files.share(pathOf(digest), source.path, size)
    },
    async change() {
      // A layout has no history.
    },
    async tag({ name: tag, digest }) {
      const entry = here.get(digest)
      if (entry === undefined) return false
      tagged.add(digest)
      const ref = `${name}:${tag}`
      const annotations = { 'org.opencontainers.image.ref.name': ref }
      entries.set(`${digest} ${ref}`, { ...entry, annotations })
      return true
    },
    async end() {
      for (const [digest, entry] of here) {
        if (!tagged.has(digest) && !children.has(digest)) entries.set(`${digest} `, entry)
      }
    },
    async finish() {
      const manifests = [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
      const index = { schemaVersion: 2, mediaType: ociIndex, manifests }
      await files.write('index.json', JSON.stringify(index), Date.now())
      await files.write('oci-layout', '{"imageLayoutVersion":"1.0.0"}', Date.now())
      return []
    },
  }
}

function pathOf(digest: Digest): string {
  return join('blobs', algorithmOf(digest), encodedOf(digest))
}

function childrenOf({ mediaType, content }: KeptManifest): readonly Digest[] {
  try {
    return parseManifest(mediaType, content).manifests.map(({ digest }) => digest)
  } catch (error) {
    if (error instanceof OciError) return []
    throw error
  }
}
