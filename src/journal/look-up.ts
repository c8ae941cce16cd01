// From the queue to lines: what an entry names is looked up as it is now. What the journal has already of small content
// and of people is not told again, as far as it is remembered; telling it twice does no harm.
import { setImmediate as turn } from 'node:timers/promises'
import type { Digest } from '../oci/digest.ts'
import type { JournalEntry } from '../metadata/journal-queue.ts'
import {
  readDeletedManifest,
  readManifest,
  readRepository,
  smallContentsInBinOf,
  smallContentsOf,
  type JournalBlob,
} from '../metadata/journal-reading.ts'
import { readChangesOfTag, readPrincipal, readTag } from '../metadata/journal-reading-tags.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { Line } from './lines.ts'
import {
  blobLine,
  changeLine,
  manifestLine,
  principalLine,
  repositoryLine,
  tagLine,
} from './row-lines.ts'

/** The journal's memory of what it holds. Emptied when that may no longer be so. */
export interface Told {
  readonly blobs: Set<string>
  readonly principals: Set<number>
  /** The last row of each tag's history. */
  readonly changes: Map<string, number>
}

export function nothingTold(): Told {
  return { blobs: new Set(), principals: new Set(), changes: new Map() }
}

const mostRemembered = 50_000
/** A row of history is written in the transaction of its entry; its time and that of the entry differ by little. */
const changeWindowMs = 60_000
/** So many entries before others get their turn. */
const entriesAtOnce = 25

/** Looks up what entries are about, for one segment; `emit` gets the lines. */
export class LookUp {
  readonly #reader: Reader
  readonly #told: Told
  readonly #emit: (line: Line) => void
  readonly #seen = new Set<string>()
  #count = 0

  constructor(reader: Reader, told: Told, emit: (line: Line) => void) {
    this.#reader = reader
    this.#told = told
    this.#emit = emit
  }

  /** Things that an entry before has named already are looked up once. */
  async add(entries: readonly JournalEntry[]): Promise<void> {
    for (const entry of entries) {
      this.#count += 1
      if (this.#count % entriesAtOnce === 0) await turn()
      const name = nameOf(entry)
      if (this.#seen.has(name)) continue
      this.#seen.add(name)
      await this.#look(entry)
    }
  }

  async #look(entry: JournalEntry): Promise<void> {
    switch (entry.kind) {
      case 'repository':
      case 'repository-deleted':
      case 'repository-purged':
        await this.#repository(entry.repositoryId)
        return
      case 'manifest':
      case 'manifest-deleted':
        await this.#manifest(entry.repositoryId, entry.digest)
        return
      case 'tag':
        await this.#tag(entry)
    }
  }

  async #repository(id: number): Promise<void> {
    const row = await readRepository(this.#reader, id)
    if (row === undefined) {
      this.#emit({ kind: 'repository-gone', id })
      return
    }
    await this.#people([row.createdBy, row.deletedBy])
    this.#emit(repositoryLine(row))
  }

  async #manifest(repositoryId: number, digest: Digest): Promise<void> {
    const reader = this.#reader
    const here = await readManifest(reader, repositoryId, digest)
    const bin = await readDeletedManifest(reader, repositoryId, digest)
    const line = await manifestLine(reader, here, bin)
    if (line === undefined) {
      this.#emit({ kind: 'manifest-gone', repositoryId, digest })
      return
    }
    await this.#people([here?.pushedBy, bin?.pushedBy, bin?.deletedBy])
    if (here !== undefined) this.#contents(await smallContentsOf(reader, repositoryId, digest))
    if (bin !== undefined) this.#contents(await smallContentsInBinOf(reader, bin.id))
    this.#emit(line)
  }

  async #tag(entry: JournalEntry & { readonly kind: 'tag' }): Promise<void> {
    const { repositoryId, tag } = entry
    const { changes: told } = this.#told
    const key = `${repositoryId}/${tag}`
    const changes = await readChangesOfTag(this.#reader, {
      repositoryId,
      tag,
      after: told.get(key) ?? 0,
      since: entry.at - changeWindowMs,
    })
    for (const change of changes) {
      await this.#people([change.by])
      this.#emit(changeLine(change))
    }
    const last = changes.at(-1)
    if (told.size >= mostRemembered) told.clear()
    if (last !== undefined) told.set(key, last.id)
    const row = await readTag(this.#reader, repositoryId, tag)
    await this.#people([row?.by])
    this.#emit(row === undefined ? { kind: 'tag', repositoryId, tag, digest: null } : tagLine(row))
  }

  #contents(blobs: readonly JournalBlob[]): void {
    const { blobs: told } = this.#told
    for (const blob of blobs) {
      if (told.has(blob.digest)) continue
      if (told.size >= mostRemembered) told.clear()
      told.add(blob.digest)
      this.#emit(blobLine(blob))
    }
  }

  async #people(ids: readonly (number | null | undefined)[]): Promise<void> {
    const { principals: told } = this.#told
    for (const id of ids) {
      if (id === null || id === undefined || told.has(id)) continue
      if (told.size >= mostRemembered) told.clear()
      told.add(id)
      const row = await readPrincipal(this.#reader, id)
      if (row !== undefined) this.#emit(principalLine(row))
    }
  }
}

/** What an entry is about. */
function nameOf(entry: JournalEntry): string {
  switch (entry.kind) {
    case 'repository':
    case 'repository-deleted':
    case 'repository-purged':
      return `repository ${entry.repositoryId}`
    case 'manifest':
    case 'manifest-deleted':
      return `manifest ${entry.repositoryId} ${entry.digest}`
    case 'tag':
      return `tag ${entry.repositoryId} ${entry.tag}`
  }
}
