// What a scan of a volume says, piece by piece: everything that is needed to serve it, and nothing of how that is kept.
import type { Digest } from '../oci/digest.ts'
import type { RepositoryName, Tag } from '../oci/reference.ts'
import type { Key } from '../storage/driver.ts'
import type { Finding } from './findings.ts'
import type { FoundUpload } from './look-links.ts'

/** Times are milliseconds since 1970. Everything of a repository comes after it, and its manifests before the rest. */
export type Scanned =
  | { readonly kind: 'finding'; readonly finding: Finding }
  | ScannedRepository
  | ScannedManifests
  | ScannedContents
  | ScannedRest
  | { readonly kind: 'uploads'; readonly uploads: readonly FoundUpload[] }

export interface ScannedRepository {
  readonly kind: 'repository'
  readonly name: RepositoryName
  readonly createdAt: number
}

export interface ScannedManifests {
  readonly kind: 'manifests'
  readonly repository: RepositoryName
  readonly manifests: readonly ScannedManifest[]
}

export interface ScannedManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly content: Uint8Array
  readonly subject: Digest | undefined
  readonly artifactType: string | undefined
  /** As JSON text. */
  readonly annotations: string | undefined
  readonly pushedAt: number
  /** Each once. */
  readonly blobs: readonly ScannedBlob[]
}

/** As one repository has it. */
export interface ScannedBlob {
  readonly digest: Digest
  /** Under which registry:2 keeps it. */
  readonly content: Digest
  readonly size: number
  /** Undefined: it is lost, or known to be damaged. */
  readonly key: Key | undefined
  readonly createdAt: number
  readonly linkedAt: number
}

export interface ScannedContents {
  readonly kind: 'contents'
  readonly repository: RepositoryName
  /** Which index holds which manifest; what is not there is left out. */
  readonly children: readonly { readonly manifest: Digest; readonly child: Digest }[]
  /** What the repository has besides that its manifests need. */
  readonly links: readonly ScannedBlob[]
  readonly tags: readonly {
    readonly tag: Tag
    readonly digest: Digest
    readonly updatedAt: number
  }[]
  /** In order of time, for each tag. */
  readonly changes: readonly {
    readonly tag: Tag
    readonly digest: Digest | undefined
    readonly changedAt: number
  }[]
}

/** At the end: content that no repository has. */
export interface ScannedRest {
  readonly kind: 'rest'
  readonly blobs: readonly Omit<ScannedBlob, 'linkedAt'>[]
}
