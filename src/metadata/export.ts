// All rows of the database as plain values, for backups. Call everything inside one `read`, so that all of it is of one
// moment. Pages are small: the thread stands still while SQLite reads one.
import type { Reader } from './metadata-store.ts'
import type { Query } from './query.ts'
import { quotedName, sqlQuery, type Column, type Table } from './tables.ts'

/** Values in the order of the columns; bytes in base64. */
export type PlainRow = readonly (string | number | null)[]

/**
 * What a backup leaves out, because it means nothing elsewhere or later: the schema's own list (kept as the steps of a
 * snapshot), who works at what now, unfinished uploads (their clients begin anew), what collection has taken away
 * already, damaged objects that were moved aside, and what the journal of this very storage has yet to tell.
 */
export const tablesLeftOut: ReadonlySet<string> = new Set([
  'migrations',
  'leases',
  'uploads',
  'upload_parts',
  'blob_trash',
  'quarantine',
  'journal_queue',
])

const rowsAtOnce = 500
/** A manifest may have 4 MiB. */
const rowsWithBytesAtOnce = 32

interface After {
  readonly key: readonly unknown[]
}

/** All rows in order of the primary key, a page at a time. */
export async function* exportRows(
  reader: Reader,
  table: Table,
): AsyncGenerator<readonly PlainRow[], void, undefined> {
  const limit = table.columns.some(({ kind }) => kind === 'bytes')
    ? rowsWithBytesAtOnce
    : rowsAtOnce
  const first = pageQuery(table, limit, false)
  const next = pageQuery(table, limit, true)
  for (let after: After | undefined; ;) {
    const rows =
      after === undefined ? await reader.all(first, { key: [] }) : await reader.all(next, after)
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows.map((row) => plainRow(row, table.columns))
    if (rows.length < limit) return
    after = { key: table.key.map((column) => last[column]) }
  }
}

type RawRow = Readonly<Record<string, unknown>>

function pageQuery(
  { name, columns, key }: Table,
  limit: number,
  continued: boolean,
): Query<After, RawRow> {
  const list = columns.map((column) => quotedName(column.name)).join(', ')
  const keys = key.map(quotedName).join(', ')
  const text = (placeholder: (place: number) => string): string => {
    const from = key.map((_, index) => placeholder(index + 1)).join(', ')
    const where = continued ? ` where (${keys}) > (${from})` : ''
    return `select ${list} from ${quotedName(name)}${where} order by ${keys} limit ${limit}`
  }
  return sqlQuery({ sqlite: text(() => '?'), postgres: text((place) => `$${place}`) }, (after) => [
    ...after.key,
  ])
}

function plainRow(row: RawRow, columns: readonly Column[]): PlainRow {
  return columns.map(({ name, kind }) => {
    const value = row[name]
    if (value === null || value === undefined) return null
    if (kind === 'bytes') return base64(value as Uint8Array)
    return value as string | number
  })
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

interface Counter {
  readonly table: string
  readonly last: number | string
}

const counters = sqlQuery<object, Counter>(
  {
    sqlite: 'select name as "table", seq as "last" from sqlite_sequence order by name',
    // A sequence that nothing was taken from yet has no last value.
    postgres: `select t.relname::text as "table", s.last_value as "last"
      from pg_class t join pg_attribute c on c.attrelid = t.oid and c.attidentity <> ''
        join pg_sequences s on format('%I.%I', s.schemaname, s.sequencename)
          = pg_get_serial_sequence(format('%I.%I', t.relnamespace::regnamespace, t.relname), c.attname)
      where t.relnamespace = current_schema()::regnamespace and s.last_value is not null
      order by t.relname`,
  },
  () => [],
)

/** The highest id that each table has ever given out: ids are never given out twice, after a restore either. */
export async function readCounters(reader: Reader): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {}
  for (const { table, last } of await reader.all(counters, {})) found[table] = Number(last)
  return found
}
