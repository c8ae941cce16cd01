// Rows of a snapshot on their way back into a database, in an order that foreign keys allow. All are as they were, but
// for where the bytes of blobs lie.
import type { PlainRow } from '../metadata/export.ts'
import { createRowWriter, writeCounters } from '../metadata/import.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { describeTables, type Table } from '../metadata/tables.ts'
import type { Digest } from '../oci/digest.ts'
import type { Archive } from './archive.ts'
import { BackupError } from './backup-error.ts'
import { readBlobList } from './blob-list.ts'
import type { Progress } from './create.ts'
import type { RestoredBlobs } from './restored-blobs.ts'
import type { Snapshot, SnapshotTable } from './snapshot.ts'
import { placesOf, readTable } from './table-file.ts'

export interface Loading {
  readonly archive: Archive
  readonly snapshot: Snapshot
  readonly blobs: RestoredBlobs
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Runs its work in a transaction, the same or another each time. */
export type Run = (work: (tx: Transaction) => Promise<void>) => Promise<void>

export interface LoadedRows {
  readonly rows: number
  /** Blobs that could not be copied when the snapshot was made. */
  readonly absent: readonly Digest[]
  /** Blobs that counted as damaged already when the snapshot was made, and that no earlier one has. */
  readonly damagedBefore: readonly Digest[]
}

const rowsAtOnce = 1000

export async function loadRows(loading: Loading, run: Run): Promise<LoadedRows> {
  const { archive, snapshot, signal, onProgress } = loading
  const tables = await tablesOf(snapshot, run)
  let total = 0
  for (const { rows } of snapshot.tables) total += rows
  let done = 0
  const seen = { absent: [] as Digest[], damagedBefore: [] as Digest[] }
  for (const { table, stored } of tables) {
    const writer = createRowWriter(table, stored.columns)
    const pages = readTable(archive, snapshot.id, stored)
    const changed = stored.name === 'blobs' ? movedBlobs(loading, stored, { pages, seen }) : pages
    for await (const rows of grouped(changed)) {
      signal?.throwIfAborted()
      await run(async (tx) => writer.write(tx, rows))
      done += rows.length
      onProgress?.({ phase: 'database', done, total, unit: 'items' })
    }
  }
  await run(async (tx) => writeCounters(tx, await describeTables(tx), snapshot.counters))
  return { rows: done, ...seen }
}

interface LoadedTable {
  readonly table: Table
  readonly stored: SnapshotTable
}

async function tablesOf({ tables }: Snapshot, run: Run): Promise<readonly LoadedTable[]> {
  const stored = new Map(tables.map((table) => [table.name, table]))
  const found: LoadedTable[] = []
  await run(async (tx) => {
    found.length = 0
    for (const table of await describeTables(tx)) {
      const rows = stored.get(table.name)
      if (rows !== undefined) found.push({ table, stored: rows })
    }
  })
  if (found.length === tables.length) return found
  const names = tables.map(({ name }) => name)
  const unknown = names.filter((name) => !found.some(({ table }) => table.name === name))
  throw new BackupError('invalid', `this snapshot has tables that its schema has not`, {
    why: unknown.join(', '),
  })
}

/** Few rows a time would be many transactions. */
async function* grouped(
  pages: AsyncIterable<readonly PlainRow[]>,
): AsyncGenerator<readonly PlainRow[], void, undefined> {
  let group: PlainRow[] = []
  for await (const page of pages) {
    for (const row of page) group.push(row)
    if (group.length < rowsAtOnce) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

interface MovedBlobs {
  readonly pages: AsyncIterable<readonly PlainRow[]>
  readonly seen: { readonly absent: Digest[]; readonly damagedBefore: Digest[] }
}

/** The rows with the places where their bytes lie now. Rows and list are both in order of the digests. */
async function* movedBlobs(
  { archive, snapshot, blobs }: Loading,
  table: SnapshotTable,
  { pages, seen }: MovedBlobs,
): AsyncGenerator<readonly PlainRow[], void, undefined> {
  const places = placesOf(table, ['digest', 'storage_key', 'content', 'verified_at', 'damaged_at'])
  const lost = new Set<string>(blobs.lost.map(({ digest }) => digest))
  const held = createCursor(digestsOf(archive, snapshot))
  const now = Date.now()
  for await (const page of pages) {
    const moved: PlainRow[] = []
    for (const row of page) {
      const digest = row[places.digest ?? -1] as Digest
      const isListed = await held.has(digest)
      const isInRow = row[places.content ?? -1] !== null
      const values = [...row]
      moved.push(values)
      if (isInRow) continue
      const isHere = isListed && !lost.has(digest)
      const hadPlace = row[places.storage_key ?? -1] !== null
      set(values, places.storage_key, isHere ? blobs.keyOf(digest) : null)
      if (isHere) {
        // Its bytes were hashed a moment ago; and what was damaged came back from an earlier snapshot.
        set(values, places.verified_at, now)
        set(values, places.damaged_at, null)
      } else if (!isListed) (hadPlace ? seen.absent : seen.damagedBefore).push(digest)
    }
    yield moved
  }
}

function set(
  values: (string | number | null)[],
  place: number | undefined,
  value: string | number | null,
): void {
  // A snapshot of an older version does not have every column.
  if (place !== undefined) values.splice(place, 1, value)
}

async function* digestsOf(
  archive: Archive,
  snapshot: Snapshot,
): AsyncGenerator<string, void, undefined> {
  for await (const page of readBlobList(archive, snapshot)) {
    for (const { digest } of page) yield digest
  }
}

/** Tells whether texts are among others, when both come in ascending order. */
function createCursor(sorted: AsyncGenerator<string, void, undefined>): {
  readonly has: (text: string) => Promise<boolean>
} {
  let current: string | undefined = ''
  return {
    async has(text) {
      while (current !== undefined && current < text) {
        const next = await sorted.next()
        current = next.done === true ? undefined : next.value
      }
      return current === text
    },
  }
}
