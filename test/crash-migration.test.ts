// A migration that is killed, at every kind of call that it makes to its files: the next start completes it,
// and the schema is the one of a migration that nobody disturbed.
//
//   CARREL_TEST_MIGRATION_KILLS=1000 CARREL_TEST_SEED=abc npm test -- --only test/crash-migration
import assert from 'node:assert/strict'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { connect, sqliteMigrations } from '../src/metadata/dialects/sqlite-connection.ts'
import { openSqlite } from '../src/metadata/dialects/sqlite.ts'
import { migrate, migrations } from '../src/metadata/migrations/migrate.ts'
import { inLanes, lanes } from './durability/lanes.ts'
import { diskFolder } from './durability/loop-disk.ts'
import { createRandom, seedOfRun } from './durability/random.ts'
import { buildSystemCalls, followSystemCalls, whyNoSystemCalls } from './durability/system-calls.ts'
import { runProgram } from './support/processes.ts'
import { startPostgres } from './support/start-postgres.ts'

const lacking = whyNoSystemCalls()
const skip = lacking === undefined || process.env['CI'] === 'true' ? false : lacking
const isThorough = process.env['CI'] === 'true'
const kills = Number(process.env['CARREL_TEST_MIGRATION_KILLS'] ?? (isThorough ? 120 : 40))
const postgresKills = Math.min(60, Math.ceil(kills / 8))
const program = fileURLToPath(new URL('durability/migrate-once.ts', import.meta.url))

test(
  `${kills} migrations that are killed complete at the next start`,
  { skip, timeout: 60_000 + 1500 * kills },
  async (t) => {
    assert.equal(lacking, undefined)
    const seed = seedOfRun()
    const random = createRandom(seed)
    await using folder = await diskFolder(256)
    const library = await buildSystemCalls(folder.path)
    const wanted = await schemaOf(join(folder.path, 'undisturbed.db'))
    const counts: number[] = []
    for (const from of migrations.keys()) {
      counts.push(await countCalls(from, library, folder.path))
    }
    const killed = await inLanes(async (lane) => {
      let count = 0
      for (let round = lane; round < kills; round += lanes) {
        const root = join(folder.path, `lane-${lane}`)
        const file = join(root, 'new', 'data', 'carrel.db')
        await mkdir(join(root, 'new', 'data'), { recursive: true })
        using calls = followSystemCalls({
          library,
          root,
          logFile: join(folder.path, `log-${lane}`),
        })
        // From an empty folder, or from what an older version has left.
        const from = round % migrations.length
        if (from > 0) await migrateTo(file, from)
        const nth = random.whole(1, counts[from] ?? 1)
        const action = random.chance(0.5) ? 'kill before' : 'kill in the middle'
        calls.choose({ call: 'any', nth, action })
        const { signal } = await runProgram(process.execPath, ['--no-warnings', program, file], {
          env: { ...process.env, ...calls.env },
        })
        if (signal === 'SIGKILL') count += 1
        assert.deepEqual(await schemaOf(file), wanted, `killed at call ${nth}, seed ${seed}`)
        await rm(root, { recursive: true })
      }
      return count
    })
    const count = killed.reduce((sum, one) => sum + one, 0)
    t.diagnostic(`seed ${seed}: ${count} of ${kills} were killed amidst ${migrations.length} steps`)
    assert.ok(count > kills / 2, 'too few were killed to prove anything')
  },
)

test(
  `${postgresKills} migrations of PostgreSQL that are killed complete at the next start`,
  { skip, timeout: 60_000 + 3000 * postgresKills },
  async (t) => {
    const seed = seedOfRun()
    const random = createRandom(seed)
    await using postgres = await startPostgres()
    const run = async (url: string, timeoutMs?: number) =>
      runProgram(process.execPath, ['--no-warnings', program, url], {
        ...(timeoutMs !== undefined && { timeoutMs }),
      })
    const began = performance.now()
    const undisturbed = await postgres.createDatabase('undisturbed')
    assert.equal((await run(undisturbed)).code, 0)
    const longestMs = performance.now() - began
    const wanted = await tablesOf(undisturbed)
    let [killed, amidst] = [0, 0]
    for (let round = 0; round < postgresKills; round += 1) {
      const url = await postgres.createDatabase(`kill_${round}`)
      const { signal } = await run(url, Math.ceil((0.3 + 0.7 * random.next()) * longestMs))
      const before = await tablesOf(url)
      killed += signal === 'SIGKILL' ? 1 : 0
      amidst += before.length < wanted.length ? 1 : 0
      assert.equal((await run(url)).code, 0, `seed ${seed}`)
      assert.deepEqual(await tablesOf(url), wanted, `seed ${seed}`)
    }
    t.diagnostic(`seed ${seed}: ${killed} of ${postgresKills} killed, ${amidst} before the end`)
  },
)

async function tablesOf(url: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `select table_name || '.' || column_name || ' ' || data_type as name
       from information_schema.columns where table_schema = 'public' order by 1`,
    )
    return rows.map(({ name }) => name)
  } finally {
    await client.end()
  }
}

/** How many calls such a migration makes. */
async function countCalls(from: number, library: string, folder: string): Promise<number> {
  const root = join(folder, 'count')
  const copy = join(root, 'new', 'data', 'carrel.db')
  await mkdir(join(root, 'new', 'data'), { recursive: true })
  using calls = followSystemCalls({ library, root, logFile: join(folder, 'count-log') })
  if (from > 0) await migrateTo(copy, from)
  await runProgram(process.execPath, ['--no-warnings', program, copy], {
    env: { ...process.env, ...calls.env },
  })
  let count = 0
  for (const often of calls.counts().values()) count += often
  await rm(root, { recursive: true })
  return count
}

/** As an older version has left it. */
async function migrateTo(file: string, count: number): Promise<void> {
  const db = connect(file)
  await migrate(sqliteMigrations(db), migrations[count - 1]?.name)
  db.close()
}

async function schemaOf(file: string): Promise<readonly unknown[]> {
  const metadata = await openSqlite({ file, migrate: true })
  await metadata[Symbol.asyncDispose]()
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    const check = db.prepare('PRAGMA integrity_check').get()
    assert.equal(check?.['integrity_check'], 'ok')
    const steps = db.prepare('select name from migrations order by name').all()
    const schema = db.prepare('select type, name, sql from sqlite_master order by type, name').all()
    return [...steps, ...schema]
  } finally {
    db.close()
  }
}
