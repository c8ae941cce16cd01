// The journal's lines become rows: first all but tags, which can point only to what is there in the end; then tags.
import { algorithmOf, digestOf, isDigest } from '../oci/digest.ts'
import { manifestSize } from '../metadata/manifests.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import {
  dropRebuiltManifest,
  dropRebuiltRepository,
  rebuildBinEntry,
  rebuildManifest,
  rebuildPrincipal,
  rebuildRepository,
  rebuildTag,
  rebuildTagChange,
  type RebuiltManifest,
} from '../metadata/rebuilding.ts'
import { listRebuiltRepositories, rebuildBlob } from '../metadata/rebuilding-contents.ts'
import { reviewTime } from '../metadata/reviews.ts'
import { deleteTag } from '../metadata/tags.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import { readingOf } from './foreign-layers.ts'
import {
  bytesOf,
  type BlobLine,
  type Line,
  type ManifestLife,
  type ManifestLine,
  type PrincipalLine,
  type RepositoryLine,
  type TagLine,
} from './lines.ts'
import { fill, type Filling } from './pace.ts'
import type { ReadableJournal } from './read-journal.ts'
import type { Findings, OnProgress } from './report.ts'

export interface Replayed {
  /** Foreign layers that were pushed, by manifest: `foreignKey`. */
  readonly foreign: ForeignLayers
  readonly foreignInBin: ForeignLayers
}

export type ForeignLayers = ReadonlyMap<string, readonly string[]>

/** The local account that a first start makes: it is as it was before anybody set its password. */
const firstAdministrator = 'admin'
const linesAtOnce = 200

export function foreignKey(repositoryId: number, digest: string): string {
  return `${repositoryId}/${digest}`
}

export async function replay(
  metadata: MetadataStore,
  journal: ReadableJournal,
  { findings, onProgress }: { readonly findings: Findings; readonly onProgress: OnProgress },
): Promise<Replayed> {
  // Each line is read twice.
  const total = 2 * journal.bytes
  let done = 0
  const onBytes = (count: number): void => {
    done += count
    onProgress({ phase: 'manifests and tags', done, total, unit: 'bytes' })
  }
  const filling = fill(metadata)
  const rows = new RowReplay(findings)
  for await (const lines of journal.lines(onBytes)) {
    await inTransactions(filling, lines, async (tx, line) => rows.apply(tx, line))
  }
  await rows.nameUnnamed(metadata)
  const tags = new TagReplay(await liveNames(metadata))
  for await (const lines of journal.lines(onBytes)) {
    await inTransactions(filling, lines, async (tx, line) => {
      if (line.kind === 'tag') await tags.apply(tx, line)
    })
  }
  tags.report(findings)
  return { foreign: rows.foreign, foreignInBin: rows.foreignInBin }
}

async function inTransactions(
  filling: Filling,
  lines: readonly Line[],
  apply: (tx: Transaction, line: Line) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < lines.length; at += linesAtOnce) {
    await filling.write(async (tx) => {
      for (const line of lines.slice(at, at + linesAtOnce)) await apply(tx, line)
    })
  }
}

class RowReplay {
  readonly foreign = new Map<string, readonly string[]>()
  readonly foreignInBin = new Map<string, readonly string[]>()
  readonly #known = new Set<number>()
  readonly #unnamed = new Set<number>()
  readonly #findings: Findings
  readonly #now = Date.now()

  constructor(findings: Findings) {
    this.#findings = findings
  }

  async apply(tx: Transaction, line: Line): Promise<void> {
    switch (line.kind) {
      case 'repository':
        await this.#repository(tx, line)
        return
      case 'repository-gone':
        await dropRebuiltRepository(tx, line.id)
        this.#known.delete(line.id)
        this.#unnamed.delete(line.id)
        return
      case 'manifest':
        await this.#manifest(tx, line)
        return
      case 'manifest-gone':
        await dropRebuiltManifest(tx, line.repositoryId, line.digest)
        await rebuildBinEntry(tx, line, undefined)
        return
      case 'change':
        if (this.#known.has(line.repositoryId)) await rebuildTagChange(tx, line)
        return
      case 'blob':
        await this.#blob(tx, line)
        return
      case 'principal':
        await this.#principal(tx, line)
        return
      case 'tag':
        return
      default:
        // A later Carrel of this format tells more than we know of.
        line satisfies never
    }
  }

  async #repository(tx: Transaction, line: RepositoryLine): Promise<void> {
    const { id, name, visibility, description, createdAt, createdBy, deleted } = line
    await rebuildRepository(tx, {
      id,
      name,
      visibility,
      description,
      createdAt,
      createdBy,
      deletedAt: deleted?.at ?? null,
      deletedBy: deleted?.by ?? null,
      deletedName: deleted?.name ?? null,
    })
    this.#known.add(id)
    this.#unnamed.delete(id)
  }

  async #manifest(tx: Transaction, line: ManifestLine): Promise<void> {
    const { repositoryId, digest, here, bin } = line
    const content = bytesOf(line)
    if (!isDigest(digest) || digestOf(content, algorithmOf(digest)) !== digest) {
      this.#findings.add({
        kind: 'manifest-damaged',
        digest,
        message: 'The journal has other bytes for this manifest than its digest says.',
      })
      return
    }
    if (!this.#known.has(repositoryId)) await this.#nameless(tx, repositoryId)
    if (here === undefined) await dropRebuiltManifest(tx, repositoryId, digest)
    else await rebuildManifest(tx, rowOf(line, here, content), reviewTime())
    const entry = bin && {
      ...rowOf(line, bin, content),
      tags: JSON.stringify(bin.tags),
      deletedAt: bin.deletedAt,
      deletedBy: bin.deletedBy,
      reason: bin.reason,
      purgeAfter: bin.purgeAfter,
    }
    await rebuildBinEntry(tx, line, entry)
    const key = foreignKey(repositoryId, digest)
    note(this.foreign, key, here?.foreign)
    note(this.foreignInBin, key, bin?.foreign)
  }

  async #blob(tx: Transaction, line: BlobLine): Promise<void> {
    const content = bytesOf(line)
    const { digest } = line
    if (!isDigest(digest) || digestOf(content, algorithmOf(digest)) !== digest) return
    await rebuildBlob(tx, {
      digest,
      size: content.length,
      storageKey: null,
      content,
      createdAt: this.#now,
      reviewAfter: reviewTime(),
      verifiedAt: this.#now,
      damagedAt: null,
    })
  }

  /** Their names stay with what they did. Nobody can sign in by this. */
  async #principal(tx: Transaction, line: PrincipalLine): Promise<void> {
    const { id, as: kind, provider, subject, name, displayName } = line
    const isFirst = name === firstAdministrator && provider === 'local'
    const disabledAt = isFirst ? null : this.#now
    const row = { id, kind, provider, subject, name, displayName, admin: isFirst, disabledAt }
    await rebuildPrincipal(tx, row)
  }

  /** Its own line is in a later segment, or in one that is damaged. */
  async #nameless(tx: Transaction, id: number): Promise<void> {
    await rebuildRepository(tx, {
      id,
      name: `recovered/repository-${id}`,
      visibility: 'private',
      description: '',
      createdAt: this.#now,
      createdBy: null,
      deletedAt: null,
      deletedBy: null,
      deletedName: null,
    })
    this.#known.add(id)
    this.#unnamed.add(id)
  }

  async nameUnnamed(metadata: MetadataStore): Promise<void> {
    for (const { id, name } of await listRebuiltRepositories(metadata)) {
      if (!this.#unnamed.has(id)) continue
      this.#findings.add({
        kind: 'repository-unnamed',
        name,
        message: 'Nothing that is left says what this repository was called; it is private.',
      })
    }
  }
}

function note(map: Map<string, readonly string[]>, key: string, foreign?: readonly string[]): void {
  if (foreign === undefined) map.delete(key)
  else map.set(key, foreign)
}

function rowOf(line: ManifestLine, life: ManifestLife, content: Uint8Array): RebuiltManifest {
  const { mediaType, pushedAt, pushedBy, provenance } = life
  const parsed = readingOf(mediaType, content)
  const annotations = parsed?.annotations ?? {}
  return {
    repositoryId: line.repositoryId,
    digest: line.digest,
    mediaType,
    content,
    subject: parsed?.subject?.digest ?? null,
    artifactType: parsed?.artifactType ?? null,
    annotations: Object.keys(annotations).length > 0 ? JSON.stringify(annotations) : null,
    pushedAt,
    pushedBy,
    provenance,
  }
}

type Names = ReadonlyMap<number, string>

async function liveNames(metadata: MetadataStore): Promise<Names> {
  const names = new Map<number, string>()
  for (const { id, name, deletedName } of await listRebuiltRepositories(metadata)) {
    names.set(id, deletedName ?? name)
  }
  return names
}

class TagReplay {
  readonly #names: Names
  readonly #lost = new Map<string, TagLine>()

  constructor(names: Names) {
    this.#names = names
  }

  async apply(tx: Transaction, line: TagLine): Promise<void> {
    const { repositoryId, tag, digest, at = 0, by = null } = line
    if (!this.#names.has(repositoryId)) return
    const key = `${repositoryId}/${tag}`
    this.#lost.delete(key)
    if (digest === null) {
      await deleteTag(tx, repositoryId, tag as Tag)
      return
    }
    const size = await manifestSize(tx, repositoryId, digest as Digest)
    if (size !== undefined) {
      await rebuildTag(tx, { repositoryId, tag, digest, at, by })
      return
    }
    // An older target must not stand in for it.
    await deleteTag(tx, repositoryId, tag as Tag)
    this.#lost.set(key, line)
  }

  report(findings: Findings): void {
    for (const { repositoryId, tag, digest } of this.#lost.values()) {
      const name = `${this.#names.get(repositoryId) ?? ''}:${tag}`
      findings.add({
        kind: 'tag-lost',
        name,
        ...(digest !== null && { digest }),
        message: `Nothing is left of the manifest that this tag pointed to. Push ${name} again, or see where it was before: carrel tag history ${name}`,
      })
    }
  }
}
