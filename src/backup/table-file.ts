// The rows of one table in a backup: an array of values in JSON a line, in order of the primary key.
import type { PlainRow } from '../metadata/export.ts'
import type { Table } from '../metadata/tables.ts'
import type { Archive } from './archive.ts'
import { DamagedObjectError } from './backup-error.ts'
import { tableKey } from './layout.ts'
import { getLines, putLines } from './lines.ts'
import type { SnapshotTable } from './snapshot.ts'

export async function writeTable(
  archive: Archive,
  { id, table }: { readonly id: string; readonly table: Table },
  pages: AsyncIterable<readonly PlainRow[]>,
): Promise<SnapshotTable> {
  let rows = 0
  async function* lines(): AsyncGenerator<string, void, undefined> {
    for await (const page of pages) {
      rows += page.length
      yield page.map((row) => `${JSON.stringify(row)}\n`).join('')
    }
  }
  const stored = await putLines(archive, tableKey(id, table.name), lines())
  return { name: table.name, columns: [...table.columns], rows, ...stored }
}

/** @throws {DamagedObjectError} at the end at the latest */
export async function* readTable(
  archive: Archive,
  id: string,
  table: SnapshotTable,
): AsyncGenerator<readonly PlainRow[], void, undefined> {
  const key = tableKey(id, table.name)
  let rows = 0
  for await (const lines of getLines(archive, key, table)) {
    if (lines.length === 0) continue
    rows += lines.length
    yield lines.map((line) => parseRow(line, table, key))
  }
  if (rows !== table.rows) throw new DamagedObjectError(key, 'has another number of rows')
}

function parseRow(line: string, { columns }: SnapshotTable, key: string): PlainRow {
  let row: unknown
  try {
    row = JSON.parse(line)
  } catch (cause) {
    throw new DamagedObjectError(key, 'is damaged', { cause })
  }
  if (Array.isArray(row) && row.length === columns.length) return row as PlainRow
  throw new DamagedObjectError(key, 'has a row of another length')
}

/** Where the columns are; undefined: the snapshot is of a version that did not have them. */
export function placesOf<Name extends string>(
  { columns }: { readonly columns: readonly { readonly name: string }[] },
  names: readonly Name[],
): Readonly<Record<Name, number | undefined>> {
  const places: Partial<Record<Name, number | undefined>> = {}
  for (const name of names) {
    const place = columns.findIndex((column) => column.name === name)
    places[name] = place === -1 ? undefined : place
  }
  return places as Record<Name, number | undefined>
}
