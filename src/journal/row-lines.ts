// Rows as lines of the journal.
import type {
  JournalBlob,
  JournalDeletedManifest,
  JournalManifest,
  JournalRepository,
} from '../metadata/journal-reading.ts'
import type {
  JournalPrincipal,
  JournalTag,
  JournalTagChange,
} from '../metadata/journal-reading-tags.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { foreignLayersInBin, foreignLayersKept } from './foreign-layers.ts'
import {
  asBytesField,
  type BinLife,
  type BlobLine,
  type ChangeLine,
  type Line,
  type ManifestLife,
  type ManifestLine,
  type PrincipalLine,
  type TagLine,
} from './lines.ts'

export function repositoryLine(row: JournalRepository): Line {
  const { id, name, visibility, description, createdAt, createdBy, deletedAt } = row
  // It is being purged: not all of it is there any more, and nobody gets it back.
  if (deletedAt === 0) return { kind: 'repository-gone', id }
  const line = { kind: 'repository', id, name, visibility, description } as const
  if (deletedAt === null) return { ...line, createdAt, createdBy }
  const deleted = { name: row.deletedName ?? '', at: deletedAt, by: row.deletedBy }
  return { ...line, createdAt, createdBy, deleted }
}

/** `undefined`: there is no such manifest, neither in the repository nor in its recycle bin. */
export async function manifestLine(
  reader: Reader,
  here: JournalManifest | undefined,
  bin: JournalDeletedManifest | undefined,
): Promise<ManifestLine | undefined> {
  const row = here ?? bin
  if (row === undefined) return undefined
  const foreignHere = here && (await foreignLayersKept(reader, here))
  const foreignInBin = bin && (await foreignLayersInBin(reader, bin))
  return {
    kind: 'manifest',
    repositoryId: row.repositoryId,
    digest: row.digest,
    ...(here !== undefined && { here: lifeOf(here, foreignHere) }),
    ...(bin !== undefined && { bin: binLifeOf(bin, foreignInBin) }),
    ...asBytesField(row.content),
  }
}

function lifeOf(row: JournalManifest, foreign: readonly string[] = []): ManifestLife {
  const { mediaType, pushedAt, pushedBy, provenance } = row
  const life = { mediaType, pushedAt, pushedBy, provenance }
  return foreign.length > 0 ? { ...life, foreign } : life
}

function binLifeOf(row: JournalDeletedManifest, foreign?: readonly string[]): BinLife {
  const { deletedAt, deletedBy, reason, purgeAfter } = row
  const tags = JSON.parse(row.tags) as readonly string[]
  return { ...lifeOf(row, foreign), tags, deletedAt, deletedBy, reason, purgeAfter }
}

export function tagLine({ repositoryId, tag, digest, at, by }: JournalTag): TagLine {
  return { kind: 'tag', repositoryId, tag, digest, at, by }
}

export function changeLine({
  id,
  repositoryId,
  tag,
  digest,
  at,
  by,
}: JournalTagChange): ChangeLine {
  return { kind: 'change', id, repositoryId, tag, digest, at, by }
}

export function blobLine({ digest, content }: JournalBlob): BlobLine {
  return { kind: 'blob', digest, ...asBytesField(content) }
}

export function principalLine(row: JournalPrincipal): PrincipalLine {
  const { id, kind, provider, subject, name, displayName } = row
  return { kind: 'principal', id, as: kind, provider, subject, name, displayName }
}
