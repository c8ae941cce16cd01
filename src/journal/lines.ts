// What the journal says, line by line. Each line is how something is at the moment at which it was looked up, and not
// what happened to it: the last line about a thing counts, so that a line may come twice, and replaying needs no order
// but that of the segments. Times are milliseconds since 1970, `by` the id of a principal.

import { isUtf8 } from 'node:buffer'

export type Line =
  | RepositoryLine
  | { readonly kind: 'repository-gone'; readonly id: number }
  | ManifestLine
  | { readonly kind: 'manifest-gone'; readonly repositoryId: number; readonly digest: string }
  | TagLine
  | ChangeLine
  | BlobLine
  | PrincipalLine

export interface RepositoryLine {
  readonly kind: 'repository'
  readonly id: number
  readonly name: string
  readonly visibility: string
  readonly description: string
  readonly createdAt: number
  readonly createdBy: number | null
  /** It lies in the recycle bin, and this was its name. */
  readonly deleted?: { readonly name: string; readonly at: number; readonly by: number | null }
}

/** Bytes: as text where they are UTF-8, so that people can read the journal too. */
export type Bytes = { readonly text: string } | { readonly base64: string }

export interface ManifestLife {
  readonly mediaType: string
  readonly pushedAt: number
  readonly pushedBy: number | null
  readonly provenance: string | null
  /** Foreign layers that were pushed all the same. */
  readonly foreign?: readonly string[]
}

export interface BinLife extends ManifestLife {
  readonly tags: readonly string[]
  readonly deletedAt: number
  readonly deletedBy: number | null
  readonly reason: string
  readonly purgeAfter: number
}

export type ManifestLine = {
  readonly kind: 'manifest'
  readonly repositoryId: number
  readonly digest: string
  /** It is in the repository. */
  readonly here?: ManifestLife
  /** It is in the recycle bin. */
  readonly bin?: BinLife
} & Bytes

/** Where a tag points now. */
export interface TagLine {
  readonly kind: 'tag'
  readonly repositoryId: number
  readonly tag: string
  /** Null: there is no such tag. */
  readonly digest: string | null
  readonly at?: number
  readonly by?: number | null
}

/** One row of the history of tags. */
export interface ChangeLine {
  readonly kind: 'change'
  readonly id: number
  readonly repositoryId: number
  readonly tag: string
  readonly digest: string | null
  readonly at: number
  readonly by: number | null
}

/** Content that lies in the database alone. */
export type BlobLine = { readonly kind: 'blob'; readonly digest: string } & Bytes

/** Who somebody is; nothing by which they could sign in. */
export interface PrincipalLine {
  readonly kind: 'principal'
  readonly id: number
  readonly as: string
  readonly provider: string
  readonly subject: string
  readonly name: string
  readonly displayName: string | null
}

export function asBytesField(bytes: Uint8Array): Bytes {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isUtf8(buffer) ? { text: buffer.toString() } : { base64: buffer.toString('base64') }
}

export function bytesOf(field: Bytes): Buffer {
  return 'text' in field ? Buffer.from(field.text) : Buffer.from(field.base64, 'base64')
}
