// Looks at a PostgreSQL database without changing it, by a connection of its own.
import { Client } from 'pg'
import type { DatabaseState } from '../database-state.ts'
import { compareSchema } from '../migrations/migrate.ts'

interface Settings {
  readonly version: string
  readonly fsync: string
  readonly commit: string
  readonly pages: string
  readonly schema: string | null
  /** Milliseconds since 1970. */
  readonly now: string
}

const connectMs = 10_000

/** @throws {Error} when the server does not answer or refuses the login */
export async function inspectPostgres(url: string): Promise<DatabaseState> {
  const client = new Client({
    connectionString: url,
    application_name: 'carrel inspect',
    connectionTimeoutMillis: connectMs,
  })
  // What breaks the connection also makes the query fail, which tells it.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await stateOf(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Damage is not looked for: PostgreSQL tells it when it reads a page (data checksums), and has no check of all. */
async function stateOf(client: Client): Promise<DatabaseState> {
  const began = Date.now()
  const { rows } = await client.query<Settings>(`select
    current_setting('server_version') as version,
    current_setting('fsync') as fsync,
    current_setting('synchronous_commit') as commit,
    current_setting('full_page_writes') as pages,
    to_regclass('migrations')::text as schema,
    floor(extract(epoch from clock_timestamp()) * 1000)::text as now`)
  const settings = rows[0]
  const asked = (began + Date.now()) / 2
  const applied =
    typeof settings?.schema === 'string'
      ? (await client.query<{ name: string }>('select name from migrations')).rows
      : []
  const unsafe: string[] = []
  if (settings?.fsync !== 'on') unsafe.push('fsync = off')
  if (settings?.commit === 'off') unsafe.push('synchronous_commit = off')
  if (settings?.pages !== 'on') unsafe.push('full_page_writes = off')
  return {
    engine: `PostgreSQL ${settings?.version ?? ''}`,
    empty: applied.length === 0,
    ...compareSchema(applied.map((row) => row.name)),
    damage: [],
    unsafe,
    ...(settings !== undefined && { clockAheadMs: Number(settings.now) - asked }),
  }
}
