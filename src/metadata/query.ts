// Queries are written with kysely once and compiled once per dialect: at run time a query is its text and the
// order of its parameters, so that the hot paths pay for SQL and not for building it.
import { createHash } from 'node:crypto'
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Compilable, CompiledQuery } from 'kysely'
import type { Schema } from './schema.ts'

export type DialectName = 'sqlite' | 'postgres'

/** The SQL of one query in one dialect, with the parameters' names (or fixed values) in order. */
export interface CompiledSql {
  readonly sql: string
  /** The same for the same text: what a server calls the prepared statement. */
  readonly name: string
  readonly bind: (parameters: Readonly<Record<string, unknown>>) => unknown[]
}

/** P: names and types of the parameters; R: the type of a row. */
export interface Query<P, R> {
  readonly compiled: Record<DialectName, CompiledSql>
  /** Carries the types only. */
  readonly types?: (parameters: P) => R
}

class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

const builders: Record<DialectName, Kysely<Schema>> = {
  sqlite: new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  }),
  postgres: new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }),
}

/**
 * Defines a query: `query<{ name: string }>()((db, p) => db.selectFrom(…).where('name', '=', p.name))`.
 * `build` runs once per dialect with placeholders for `p`, so its shape must not depend on values.
 */
export function query<P extends object>() {
  return <R>(build: (db: Kysely<Schema>, parameters: P) => Compilable<R>): Query<P, R> => {
    const placeholders = new Proxy({}, { get: (_, name) => new Placeholder(String(name)) }) as P
    const compileFor = lazily((dialect: DialectName) =>
      bindable(build(builders[dialect], placeholders).compile()),
    )
    return {
      compiled: {
        get sqlite() {
          return compileFor('sqlite')
        },
        get postgres() {
          return compileFor('postgres')
        },
      },
    }
  }
}

function lazily(
  make: (dialect: DialectName) => CompiledSql,
): (dialect: DialectName) => CompiledSql {
  const made: Partial<Record<DialectName, CompiledSql>> = {}
  return (dialect) => (made[dialect] ??= make(dialect))
}

function bindable(compiled: CompiledQuery): CompiledSql {
  const slots = compiled.parameters
  return {
    sql: compiled.sql,
    name: `carrel_${createHash('sha256').update(compiled.sql).digest('hex').slice(0, 32)}`,
    bind(parameters) {
      const bound: unknown[] = []
      for (const slot of slots) {
        const value = slot instanceof Placeholder ? parameters[slot.name] : slot
        bound.push(value === undefined ? null : value)
      }
      return bound
    },
  }
}
