// Writes rows as a backup has them into a database that has the same schema and no rows. Order of tables: that of
// describeTables.
import type { PlainRow } from './export.ts'
import type { Transaction } from './metadata-store.ts'
import type { Query } from './query.ts'
import { quotedName, sqlQuery, type Column, type Table } from './tables.ts'

export interface RowWriter {
  write(tx: Transaction, rows: readonly PlainRow[]): Promise<void>
}

/** One statement writes so many rows at most; the rest goes one by one. */
const blockSizes = [64, 8, 1] as const

interface Values {
  readonly values: readonly unknown[]
}

/**
 * `columns` are those that the rows have.
 *
 * @throws {Error} when the table has not exactly these columns
 */
export function createRowWriter(table: Table, columns: readonly Column[]): RowWriter {
  requireSameColumns(table, columns)
  const statements = blockSizes.map((size) => ({
    size,
    statement: insertOf(table.name, columns, size),
  }))
  const bytes = columns.flatMap(({ kind }, index) => (kind === 'bytes' ? [index] : []))
  return {
    async write(tx, rows) {
      let done = 0
      for (const { size, statement } of statements) {
        for (; rows.length - done >= size; done += size) {
          await tx.run(statement, { values: valuesOf(rows.slice(done, done + size), bytes) })
        }
      }
    },
  }
}

function requireSameColumns({ name, columns: own }: Table, given: readonly Column[]): void {
  const describe = (columns: readonly Column[]) =>
    columns
      .map((column) => `${column.name} ${column.kind}`)
      .toSorted()
      .join(', ')
  const [wanted, found] = [describe(own), describe(given)]
  if (wanted === found) return
  throw new Error(`The rows of ${name} have the columns ${found}, and the table has ${wanted}.`)
}

function insertOf(table: string, columns: readonly Column[], size: number): Query<Values, unknown> {
  const list = columns.map(({ name }) => quotedName(name)).join(', ')
  const rows = (placeholder: (place: number) => string): string =>
    Array.from({ length: size }, (_, row) => {
      const places = columns.map((__, index) => placeholder(row * columns.length + index + 1))
      return `(${places.join(', ')})`
    }).join(', ')
  const into = `insert into ${quotedName(table)} (${list})`
  return sqlQuery(
    {
      sqlite: `${into} values ${rows(() => '?')}`,
      postgres: `${into} overriding system value values ${rows((place) => `$${place}`)}`,
    },
    ({ values }) => values as unknown[],
  )
}

function valuesOf(rows: readonly PlainRow[], bytes: readonly number[]): unknown[] {
  const values: unknown[] = []
  for (const row of rows) {
    const start = values.length
    for (const value of row) values.push(value)
    for (const index of bytes) {
      const text = row[index]
      if (typeof text === 'string') values[start + index] = Buffer.from(text, 'base64')
    }
  }
  return values
}

/** Every table gives out higher ids from now on than it ever has. Call it when all rows are there. */
export async function writeCounters(
  tx: Transaction,
  tables: readonly Table[],
  counters: Readonly<Record<string, number>>,
): Promise<void> {
  for (const { name, hasIdentity } of tables) {
    if (!hasIdentity) continue
    const highest = Number((await tx.one(highestId(name), {}))?.highest ?? 0)
    const last = Math.max(highest, counters[name] ?? 0)
    if (last > 0) await setCounter(tx, name, last)
  }
}

function highestId(table: string): Query<object, { readonly highest: number | null }> {
  const text = `select max(id) as highest from ${quotedName(table)}`
  return sqlQuery({ sqlite: text, postgres: text }, () => [])
}

interface Counter {
  readonly table: string
  readonly last: number
}

const forget = sqlQuery<Counter, unknown>(
  {
    sqlite: 'delete from sqlite_sequence where name = ?',
    postgres: 'select 1 where $1::text is null',
  },
  ({ table }) => [table],
)

const set = sqlQuery<Counter, unknown>(
  {
    sqlite: 'insert into sqlite_sequence (name, seq) values (?, ?)',
    postgres: `select setval(pg_get_serial_sequence(format('%I', $1::text), 'id'), $2::bigint)`,
  },
  ({ table, last }) => [table, last],
)

/** SQLite's table of counters has no key, so that a row is replaced by hand. */
async function setCounter(tx: Transaction, table: string, last: number): Promise<void> {
  await tx.run(forget, { table, last })
  await tx.run(set, { table, last })
}

const lost = sqlQuery<{ readonly digest: string; readonly at: number }, unknown>(
  {
    sqlite: 'update blobs set storage_key = null, content = null, damaged_at = ? where digest = ?',
    postgres:
      'update blobs set storage_key = null, content = null, damaged_at = $1 where digest = $2',
  },
  ({ at, digest }) => [at, digest],
)

/** Blobs whose bytes did not come back count as damaged: absent until somebody pushes them again. */
export async function markLost(tx: Transaction, digests: readonly string[]): Promise<void> {
  for (const digest of digests) await tx.run(lost, { digest, at: Date.now() })
}
