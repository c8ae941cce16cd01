// The tables as the database itself describes them, for what handles rows without knowing what they mean: backups.
import { createHash } from 'node:crypto'
import type { Reader } from './metadata-store.ts'
import type { CompiledSql, Query } from './query.ts'

export type ColumnKind = 'text' | 'integer' | 'bytes'

export interface Column {
  readonly name: string
  readonly kind: ColumnKind
}

export interface Table {
  readonly name: string
  readonly columns: readonly Column[]
  /** Columns of the primary key, in its order. */
  readonly key: readonly string[]
  /** Whether the database gives out `id`. */
  readonly hasIdentity: boolean
}

/**
 * A query whose text differs between the dialects or is made at run time. `bind` gives the values in the order of the
 * placeholders: `?` in SQLite, `$1` in PostgreSQL.
 */
export function sqlQuery<P, R>(
  texts: { readonly sqlite: string; readonly postgres: string },
  bind: (parameters: P) => unknown[],
): Query<P, R> {
  const compiled = (sql: string): CompiledSql => ({
    sql,
    name: `carrel_${createHash('sha256').update(sql).digest('hex').slice(0, 32)}`,
    bind: bind as unknown as CompiledSql['bind'],
  })
  return { compiled: { sqlite: compiled(texts.sqlite), postgres: compiled(texts.postgres) } }
}

interface RawColumn {
  readonly table: string
  readonly column: string
  readonly type: string
  /** From 1; 0: none of the key. */
  readonly keyPlace: number
  readonly isIdentity: number
}

const columnQuery = sqlQuery<object, RawColumn>(
  {
    sqlite: `select t.name as "table", c.name as "column", c.type as "type", c.pk as "keyPlace",
        c.pk > 0 and t.sql like '%autoincrement%' as "isIdentity"
      from sqlite_master t, pragma_table_info(t.name) c
      where t.type = 'table' and t.name not like 'sqlite\\_%' escape '\\' order by t.name, c.cid`,
    postgres: `select t.relname::text as "table", c.attname::text as "column",
        format_type(c.atttypid, null) as "type",
        coalesce(array_position(k.conkey, c.attnum), 0) as "keyPlace",
        case when c.attidentity = '' then 0 else 1 end as "isIdentity"
      from pg_class t join pg_attribute c on c.attrelid = t.oid and c.attnum > 0 and not c.attisdropped
        left join pg_constraint k on k.conrelid = t.oid and k.contype = 'p'
      where t.relkind = 'r' and t.relnamespace = current_schema()::regnamespace
      order by t.relname, c.attnum`,
  },
  () => [],
)

interface RawReference {
  readonly table: string
  readonly target: string
}

const referenceQuery = sqlQuery<object, RawReference>(
  {
    sqlite: `select t.name as "table", f."table" as target
      from sqlite_master t, pragma_foreign_key_list(t.name) f where t.type = 'table'`,
    postgres: `select t.relname::text as "table", f.relname::text as target
      from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_class f on f.oid = c.confrelid
      where c.contype = 'f' and c.connamespace = current_schema()::regnamespace`,
  },
  () => [],
)

/** Every table, those that others refer to before them. */
export async function describeTables(reader: Reader): Promise<readonly Table[]> {
  const byName = new Map<string, RawColumn[]>()
  for (const column of await reader.all(columnQuery, {})) {
    const columns = byName.get(column.table)
    if (columns === undefined) byName.set(column.table, [column])
    else columns.push(column)
  }
  const targets = new Map<string, string[]>()
  for (const { table, target } of await reader.all(referenceQuery, {})) {
    if (table !== target) targets.set(table, [...(targets.get(table) ?? []), target])
  }
  return inOrder([...byName.keys()].toSorted(), targets).map((name) =>
    tableOf(name, byName.get(name) ?? []),
  )
}

function inOrder(
  names: readonly string[],
  targets: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const ordered = new Set<string>()
  const visit = (name: string, path: readonly string[]): void => {
    if (ordered.has(name)) return
    if (path.includes(name)) throw new Error(`The tables ${path.join(', ')} refer to each other.`)
    for (const target of targets.get(name) ?? []) visit(target, [...path, name])
    ordered.add(name)
  }
  for (const name of names) visit(name, [])
  return [...ordered]
}

function tableOf(name: string, columns: readonly RawColumn[]): Table {
  const key = columns
    .filter(({ keyPlace }) => keyPlace > 0)
    .toSorted((a, b) => a.keyPlace - b.keyPlace)
    .map(({ column }) => column)
  if (key.length === 0) throw new Error(`The table ${name} has no primary key.`)
  return {
    name,
    columns: columns.map(({ column, type }) => ({ name: column, kind: kindOf(name, type) })),
    key,
    hasIdentity: columns.some(({ isIdentity }) => Number(isIdentity) === 1),
  }
}

const kinds: Readonly<Record<string, ColumnKind>> = {
  text: 'text',
  integer: 'integer',
  bigint: 'integer',
  blob: 'bytes',
  bytea: 'bytes',
}

function kindOf(table: string, type: string): ColumnKind {
  const kind = kinds[type.toLowerCase()]
  if (kind === undefined) throw new Error(`The table ${table} has a column of type ${type}.`)
  return kind
}

/** For texts of statements. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

const stepQuery = sqlQuery<object, { readonly name: string }>(
  {
    sqlite: 'select name from migrations order by name',
    postgres: 'select name from migrations order by name collate "C"',
  },
  () => [],
)

/** The schema steps that the database has. */
export async function listSchemaSteps(reader: Reader): Promise<readonly string[]> {
  return (await reader.all(stepQuery, {})).map(({ name }) => name)
}
