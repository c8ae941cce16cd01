import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { StorageUnavailableError } from '../../oci/errors.ts'
import { metadataSuite } from '../metadata-suite.ts'
import type { Reader } from '../metadata-store.ts'
import { findPrincipalByName } from '../principals.ts'
import { ensureSetting, findSetting } from '../settings.ts'
import { aManifest, aRepository, digest } from '../suite-cases/case.ts'
import { deleteManifest } from '../manifests.ts'
import { setTag } from '../tags.ts'
import { parseTag } from '../../oci/reference.ts'
import {
  askPostgres,
  createPostgresSchema,
  postgresIsMissing,
  type PostgresSchema,
} from '../test-support/postgres.ts'
import { openAt } from '../test-support/store-address.ts'
import { query } from '../query.ts'
import { openPostgres } from './postgres.ts'

/** One for all tests of this file: to make it takes a while. */
const made: { schema?: Promise<PostgresSchema> } = {}

async function theSchema(): Promise<PostgresSchema> {
  made.schema ??= createSchema()
  return made.schema
}

async function createSchema(): Promise<PostgresSchema> {
  const schema = await createPostgresSchema()
  await using _ = await openAt({ dialect: 'postgres', url: schema.url }, { migrate: true })
  return schema
}

metadataSuite(
  'metadata on PostgreSQL',
  async (t) => {
    const schema = await theSchema()
    t.after(schema.empty)
    return { dialect: 'postgres', url: schema.url }
  },
  postgresIsMissing,
)

/** The process that serves the connection of this transaction. */
const backend = query<object>()((db) =>
  db.selectNoFrom((of) => of.fn<number>('pg_backend_pid', []).as('pid')),
)

async function breakConnection(tx: Reader): Promise<void> {
  const pid = (await tx.one(backend, {}))?.pid
  await askPostgres(`select pg_terminate_backend(${pid}, 2000)`)
}

suite('PostgreSQL alone', { skip: postgresIsMissing }, () => {
  test('a connection that breaks in a write or a read is told as such, and the next works', async () => {
    await using store = await openAt({ dialect: 'postgres', url: (await theSchema()).url })
    const write = store.write(async (tx) => {
      await ensureSetting(tx, 'lost', 'value')
      await breakConnection(tx)
      await findSetting(tx, 'lost')
    })
    await assert.rejects(write, StorageUnavailableError)
    const read = store.read(async (tx) => {
      await breakConnection(tx)
      await findSetting(tx, 'lost')
    })
    await assert.rejects(read, StorageUnavailableError)
    assert.equal(await findSetting(store, 'lost'), undefined)
    await store.write(async (tx) => ensureSetting(tx, 'kept', 'value'))
    assert.equal(await findSetting(store, 'kept'), 'value')
  })

  test('a connection that breaks while nothing is asked harms nobody', async () => {
    await using store = await openAt({ dialect: 'postgres', url: (await theSchema()).url })
    let pid: number | undefined
    await store.read(async (tx) => {
      pid = (await tx.one(backend, {}))?.pid
    })
    await askPostgres(`select pg_terminate_backend(${pid}, 2000)`)
    // The server's word may be on its way still.
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(await findSetting(store, 'nothing'), undefined)
  })

  test('a server that cannot be reached is told as an error', async () => {
    await assert.rejects(openPostgres({ url: 'postgres://x:y@127.0.0.1:1/x' }), /ECONNREFUSED/)
  })

  test('a server that does not sync is refused', async () => {
    const { url } = await theSchema()
    await askPostgres('alter system set fsync = off')
    try {
      await askPostgres('select pg_reload_conf()')
      await new Promise((resolve) => setTimeout(resolve, 200))
      await assert.rejects(openPostgres({ url }), /fsync=off.*Set fsync = on/s)
    } finally {
      await askPostgres('alter system reset fsync')
      await askPostgres('select pg_reload_conf()')
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
    await (await openPostgres({ url }))[Symbol.asyncDispose]()
  })

  test('nodes that all bring the schema up to date at once get along', async () => {
    const { url } = await createPostgresSchema()
    const stores = await Promise.all(
      Array.from({ length: 4 }, async () =>
        openAt({ dialect: 'postgres', url }, { migrate: true }),
      ),
    )
    for (const store of stores) {
      await store.write(async (tx) => ensureSetting(tx, 'key', 'value'))
      await store[Symbol.asyncDispose]()
    }
  })

  test('a database of a newer version is refused', async () => {
    const { url } = await createPostgresSchema()
    await (await openPostgres({ url, migrate: true }))[Symbol.asyncDispose]()
    const schema = /search_path%3D(\w+)|search_path=(\w+)/.exec(url)?.slice(1).find(Boolean)
    await askPostgres(`insert into ${schema}.migrations values ('9999-future', 1)`)
    await assert.rejects(openPostgres({ url, migrate: true }), /9999-future.*newer version/)
  })

  test('a reference to what another write takes away at that moment is tried again', async () => {
    const schema = await theSchema()
    await using store = await openAt({ dialect: 'postgres', url: schema.url })
    await using other = await openAt({ dialect: 'postgres', url: schema.url })
    const id = await store.write(async (tx) => {
      const made_ = await aRepository(tx, 'team/race')
      await aManifest(tx, made_, 'image')
      return made_
    })
    let attempts = 0
    await store.write(async (tx) => {
      attempts += 1
      // The snapshot of this write is from before the other's deletion.
      const there = await findSetting(tx, 'gone')
      if (attempts === 1) {
        await other.write(async (second) => {
          await deleteManifest(second, id, digest('image'))
          await ensureSetting(second, 'gone', 'yes')
        })
      }
      if (there !== undefined) return
      const tag = parseTag('latest')
      await setTag(tx, { repositoryId: id, tag, digest: digest('image'), updatedBy: undefined })
    })
    assert.equal(attempts, 2)
    await schema.empty()
  })

  test('a name with a NUL, which PostgreSQL cannot hold, is nobody', async () => {
    await using store = await openAt({ dialect: 'postgres', url: (await theSchema()).url })
    assert.equal(await findPrincipalByName(store, 'admin\0'), undefined)
  })
})
