// What was backed up comes back: every row of every table, every byte, every counter; from either database to either.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { suite, test, type TestContext } from 'node:test'
import { tablesLeftOut } from '../metadata/export.ts'
import { migrations, sqliteWords } from '../metadata/migrations/migrate.ts'
import { describeTables } from '../metadata/tables.ts'
import { postgresIsMissing } from '../metadata/test-support/postgres.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import {
  anArchive,
  anSqliteWorld,
  backUp,
  contentsOf,
  restoreTo,
  steps,
  store,
  type World,
} from './test-support/archives.ts'
import { diceOf, fillAtRandom } from './test-support/random-database.ts'
import { readSnapshot } from './snapshot.ts'

const runs = Number(process.env['CARREL_TEST_BACKUP_DATABASES'] ?? 4)

async function aRandomWorld(t: TestContext, seed: number, last?: string): Promise<World> {
  const world = await anSqliteWorld(t, last)
  await store(world.driver, fillAtRandom(world.file, diceOf(seed)))
  return world
}

function seedOf(t: TestContext): number {
  const seed = Number(process.env['CARREL_TEST_SEED'] ?? randomInt(2 ** 31))
  t.diagnostic(`CARREL_TEST_SEED=${seed}`)
  return seed
}

suite('a random database', () => {
  test('comes back from SQLite to SQLite, plain and encrypted', async (t) => {
    const first = seedOf(t)
    for (let run = 0; run < runs; run += 1) {
      const world = await aRandomWorld(t, first + run)
      const archive = await anArchive(run % 2 === 1)
      const { snapshot, missing } = await backUp(archive, world)
      assert.deepEqual(missing, [])
      const found = await restoreTo(t, 'sqlite', archive, await readSnapshot(archive, snapshot.id))
      assert.deepEqual(await contentsOf(found), await contentsOf(world))
      assert.deepEqual(found.restored.lost, [])
      const { tables } = await contentsOf(found)
      for (const [name, rows] of Object.entries(tables))
        assert.ok(rows.length > 0, `${name} is empty`)
    }
  })

  test(
    'comes back from SQLite to PostgreSQL, and from there to SQLite',
    { skip: postgresIsMissing },
    async (t) => {
      const first = seedOf(t)
      for (let run = 0; run < Math.max(1, runs / 2); run += 1) {
        const world = await aRandomWorld(t, first + run)
        const archive = await anArchive()
        const one = await backUp(archive, world)
        const grown = await restoreTo(t, 'postgres', archive, one.snapshot)
        const before = await contentsOf(world)
        assert.deepEqual(await contentsOf(grown), before)
        const two = await backUp(archive, grown)
        assert.deepEqual([two.snapshot.dialect, two.copied.blobs], ['postgres', 0])
        const small = await restoreTo(t, 'sqlite', archive, two.snapshot)
        assert.deepEqual(await contentsOf(small), before)
      }
    },
  )
})

test('every table that a migration makes is in a backup, or left out on purpose', async (t) => {
  const { metadata } = await anSqliteWorld(t)
  const described = (await metadata.read(describeTables)).map(({ name }) => name)
  const made = migrations.flatMap(({ statements }) =>
    statements(sqliteWords).flatMap((statement) => {
      const text = JSON.stringify(statement.toOperationNode())
      return [...text.matchAll(/create table (\w+)/g)].map(([, name]) => name as string)
    }),
  )
  assert.ok(made.length > 30)
  assert.deepEqual(described.toSorted(), [...made, 'migrations'].toSorted())
  for (const name of tablesLeftOut) assert.ok(described.includes(name), `there is no table ${name}`)
  // Whoever adds one here has thought about what a restore without it means.
  assert.deepEqual([...tablesLeftOut].toSorted(), [
    'blob_trash',
    'journal_queue',
    'leases',
    'migrations',
    'quarantine',
    'upload_parts',
    'uploads',
  ])
})

suite('ids after a restore', () => {
  for (const dialect of ['sqlite', 'postgres'] as const) {
    const skip = dialect === 'postgres' ? postgresIsMissing : false
    test(`are none that were ever given out (${dialect})`, { skip }, async (t) => {
      const world = await aRandomWorld(t, seedOf(t))
      const archive = await anArchive()
      const { snapshot } = await backUp(archive, world)
      const last = snapshot.counters['principals'] ?? 0
      const { metadata } = await restoreTo(t, dialect, archive, snapshot)
      const { insertPrincipal, findPrincipalByName } = await import('../metadata/principals.ts')
      await metadata.write(async (tx) =>
        insertPrincipal(tx, { name: 'new', provider: 'local', admin: false, passwordHash: 'hash' }),
      )
      assert.equal((await findPrincipalByName(metadata, 'new'))?.id, last + 1)
    })
  }
})

suite('a backup of an older version', () => {
  for (const [index, step] of steps.slice(0, -1).entries()) {
    for (const dialect of ['sqlite', 'postgres'] as const) {
      const skip = dialect === 'postgres' ? postgresIsMissing : false
      test(`made at ${step} comes back in this one (${dialect})`, { skip }, async (t) => {
        const seed = seedOf(t)
        const world = await aRandomWorld(t, seed, step)
        const archive = await anArchive()
        const { snapshot } = await backUp(archive, world)
        assert.deepEqual(snapshot.schema, steps.slice(0, index + 1))
        const found = await restoreTo(t, dialect, archive, snapshot)
        assert.deepEqual(found.restored.lost, [])
        // The same as when the old database had been opened by this version.
        await (
          await openSqlite({ file: (world as World & { file: string }).file, migrate: true })
        )[Symbol.asyncDispose]()
        const [restored, migrated] = [await contentsOf(found), await contentsOf(world)]
        assert.deepEqual(withoutMoments(restored.tables), withoutMoments(migrated.tables))
        assert.deepEqual(restored.stored, migrated.stored)
      })
    }
  }

  test('and one of a newer version is refused in words', async (t) => {
    const world = await aRandomWorld(t, seedOf(t))
    const archive = await anArchive()
    const { snapshot } = await backUp(archive, world)
    const newer = { ...snapshot, carrel: '9.9.9', schema: [...snapshot.schema, '9999-future'] }
    await assert.rejects(restoreTo(t, 'sqlite', archive, newer), {
      name: 'BackupError',
      kind: 'invalid',
      message: 'this snapshot was made by Carrel 9.9.9, a newer version',
      why: /9999-future/,
    })
  })
})

/** Rows that a migration adds get their ids in no settled order. */
function withoutMoments(tables: Readonly<Record<string, readonly string[]>>) {
  const without = (row: string) => {
    const { id: _, ...rest } = JSON.parse(row) as Record<string, unknown>
    return JSON.stringify(rest)
  }
  return Object.fromEntries(
    Object.entries(tables).map(([name, rows]) => [name, rows.map(without).toSorted()]),
  )
}
