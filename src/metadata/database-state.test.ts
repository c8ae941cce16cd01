import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { suite, test } from 'node:test'
import { isDatabaseDamage } from './database-state.ts'
import { inspectPostgres } from './dialects/postgres-inspect.ts'
import { inspectSqlite } from './dialects/sqlite-inspect.ts'
import { migrations } from './migrations/migrate.ts'
import { askPostgres, createPostgresSchema, postgresIsMissing } from './test-support/postgres.ts'
import { anSqliteFile } from './test-support/sqlite.ts'
import { openAt } from './test-support/store-address.ts'

const steps = migrations.map(({ name }) => name)
const nothingWrong = { unknown: [], damage: [], unsafe: [] }

suite('an SQLite database that is inspected', () => {
  test('says what it is, and what steps it lacks or has too many', async (t) => {
    const address = await anSqliteFile(t)
    new DatabaseSync(address.file).close()
    const { engine, ...fresh } = inspectSqlite(address.file, 'thorough')
    assert.match(engine, /^SQLite 3\.\d+\.\d+/)
    assert.deepEqual(fresh, { empty: true, pending: steps, ...nothingWrong })
    await using _ = await openAt(address, { migrate: true })
    const ready = inspectSqlite(address.file, 'thorough')
    assert.deepEqual(
      { ...ready, clockAheadMs: 0 },
      { clockAheadMs: 0, engine, empty: false, pending: [], ...nothingWrong },
    )
    const db = new DatabaseSync(address.file)
    db.exec("insert into migrations values ('9999-future', 0)")
    db.close()
    assert.deepEqual(inspectSqlite(address.file, 'quick').unknown, ['9999-future'])
  })

  test('is not opened when it is not there, and is damaged when it is something else', async (t) => {
    const { file } = await anSqliteFile(t)
    assert.throws(() => inspectSqlite(`${file}/none`, 'quick'))
    await writeFile(file, 'This is not a database. '.repeat(100))
    const { damage, empty } = inspectSqlite(file, 'quick')
    assert.equal(empty, false)
    assert.equal(damage.length, 1)
  })
})

suite('a PostgreSQL database that is inspected', { skip: postgresIsMissing }, () => {
  test('says what it is, and what steps it lacks or has too many', async () => {
    const schema = await createPostgresSchema()
    const { engine, unsafe, clockAheadMs, ...fresh } = await inspectPostgres(schema.url)
    assert.ok(Math.abs(clockAheadMs ?? Infinity) < 10_000)
    assert.match(engine, /^PostgreSQL \d+/)
    assert.deepEqual(fresh, { empty: true, pending: steps, unknown: [], damage: [] })
    await using _ = await openAt({ dialect: 'postgres', url: schema.url }, { migrate: true })
    const ready = await inspectPostgres(schema.url)
    const same = { engine, unsafe, clockAheadMs: ready.clockAheadMs }
    assert.deepEqual(ready, { ...same, empty: false, pending: [], unknown: [], damage: [] })
    const name = new URL(schema.url).searchParams.get('options')?.replace(/.*=/, '') ?? ''
    await askPostgres(`insert into ${name}.migrations values ('9999-future', 0)`)
    assert.deepEqual((await inspectPostgres(schema.url)).unknown, ['9999-future'])
  })

  test('tells the settings under which a power loss would take what was acknowledged', async () => {
    const schema = await createPostgresSchema()
    const url = new URL(schema.url)
    const options = url.searchParams.get('options') ?? ''
    url.searchParams.set('options', `${options} -c synchronous_commit=off`)
    assert.ok((await inspectPostgres(url.href)).unsafe.includes('synchronous_commit = off'))
    url.searchParams.set('options', `${options} -c synchronous_commit=on`)
    const { unsafe } = await inspectPostgres(url.href)
    assert.equal(unsafe.includes('synchronous_commit = off'), false)
  })

  test('that does not answer is an error without the password in it', async () => {
    const failed = inspectPostgres('postgres://nobody:secret-word@127.0.0.1:9/none')
    const error = await failed.catch((thrown: unknown) => thrown)
    assert.ok(error instanceof Error)
    assert.equal(`${error.message} ${error.stack}`.includes('secret-word'), false)
  })
})

test('damage is told from other failures in the words of both databases', () => {
  assert.equal(isDatabaseDamage(Object.assign(new Error(), { errcode: 11 })), true)
  assert.equal(isDatabaseDamage(Object.assign(new Error(), { errcode: 267 })), true)
  assert.equal(isDatabaseDamage(Object.assign(new Error(), { errcode: 26 })), true)
  assert.equal(isDatabaseDamage(Object.assign(new Error(), { errcode: 5 })), false)
  assert.equal(isDatabaseDamage(Object.assign(new Error(), { code: 'XX001' })), true)
  assert.equal(isDatabaseDamage(Object.assign(new Error(), { code: '08006' })), false)
  assert.equal(isDatabaseDamage(new Error('other')), false)
})
