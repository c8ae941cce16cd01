// Queries over a connection of node:sqlite. Statements are prepared once per connection.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Transaction } from '../metadata-store.ts'
import type { CompiledSql, Query } from '../query.ts'
import type { ReadCache } from './sqlite-read-cache.ts'

/** With a cache, single rows may come from there. */
export function statementsOf(db: DatabaseSync, cache?: ReadCache): Transaction {
  const prepared = new Map<CompiledSql, StatementSync>()

  function prepare(compiled: CompiledSql): StatementSync {
    let statement = prepared.get(compiled)
    if (statement === undefined) {
      statement = db.prepare(compiled.sql)
      prepared.set(compiled, statement)
    }
    return statement
  }

  return {
    async all<P, R>(query: Query<P, R>, parameters: P) {
      const compiled = query.compiled.sqlite
      return prepare(compiled).all(...values(compiled, parameters)) as R[]
    },
    async one<P, R>(query: Query<P, R>, parameters: P) {
      const compiled = query.compiled.sqlite
      const bound = values(compiled, parameters)
      const read = () => prepare(compiled).get(...bound) as R | undefined
      return cache === undefined ? read() : cache.one(compiled, bound, read)
    },
    async run<P, R>(query: Query<P, R>, parameters: P) {
      const compiled = query.compiled.sqlite
      return Number(prepare(compiled).run(...values(compiled, parameters)).changes)
    },
  }
}

function values(compiled: CompiledSql, parameters: unknown): never[] {
  return compiled.bind(parameters as never) as never[]
}
