// Cases of the contract: tables as the database describes them, and the counters of their ids.
import assert from 'node:assert/strict'
import { exportRows, readCounters, type PlainRow } from '../export.ts'
import { createRowWriter, markLost, writeCounters } from '../import.ts'
import { describeTables, listSchemaSteps } from '../tables.ts'
import { findBlob } from '../blobs.ts'
import { migrations } from '../migrations/migrate.ts'
import { findPrincipalByName } from '../principals.ts'
import { aBlob, aManifest, aRepository, aTag, aUser, digest, type Case } from './case.ts'

export const wholeTables: readonly Case[] = [
  [
    'tables are described with their columns and keys, those that others refer to first',
    async (store) => {
      const tables = await store.read(describeTables)
      const names = tables.map(({ name }) => name)
      const before = (one: string, other: string) => names.indexOf(one) < names.indexOf(other)
      assert.ok(before('repositories', 'manifests') && before('manifests', 'tags'))
      assert.ok(before('repository_blobs', 'manifest_blobs'))
      const uses = tables.find(({ name }) => name === 'manifest_blobs')
      assert.deepEqual(uses?.key, ['repository_id', 'manifest', 'blob'])
      const kinds = tables.find(({ name }) => name === 'blobs')?.columns ?? []
      const kindOf = (name: string) => kinds.find((column) => column.name === name)?.kind
      assert.deepEqual(['digest', 'size', 'content'].map(kindOf), ['text', 'integer', 'bytes'])
      const identities = tables.filter(({ hasIdentity }) => hasIdentity).map(({ name }) => name)
      assert.ok(
        ['principals', 'repositories', 'grants', 'audit'].every((name) =>
          identities.includes(name),
        ),
      )
      assert.equal(identities.includes('blobs') || identities.includes('federation_rules'), false)
      const steps = await store.read(listSchemaSteps)
      assert.deepEqual(
        steps,
        migrations.map(({ name }) => name),
      )
    },
  ],
  [
    'rows that were exported are the same when they are written again, whatever the page',
    async (store) => {
      await store.write(async (tx) => {
        const id = await aRepository(tx, 'team/app')
        for (let count = 0; count < 70; count += 1) {
          await aBlob(tx, `blob ${count}`, id)
          await aTag(tx, id, `v${count}`, await aManifest(tx, id, `manifest ${count}`))
        }
      })
      const table = (await store.read(describeTables)).find(({ name }) => name === 'tags')
      assert.ok(table)
      const read = async () =>
        store.read(async (tx) => {
          const rows: PlainRow[] = []
          for await (const page of exportRows(tx, table)) rows.push(...page)
          return rows
        })
      const rows = await read()
      assert.equal(rows.length, 70)
      await store.write(async (tx) => {
        const writer = createRowWriter(table, table.columns)
        await writer.write(
          tx,
          rows.map((row) => row.map((value) => (value === row[1] ? `w${String(value)}` : value))),
        )
      })
      const all = await read()
      assert.equal(all.length, 140)
      assert.deepEqual(all.slice(0, 70), rows)
      const fewer = table.columns.slice(1)
      assert.throws(() => createRowWriter(table, fewer), /have the columns/)
    },
  ],
  [
    'a counter that was set goes on from there',
    async (store) => {
      const last = await store.write(async (tx) => {
        const id = await aUser(tx, 'first')
        await writeCounters(tx, await describeTables(tx), { principals: id + 1000, teams: 7 })
        return id
      })
      assert.equal((await store.read(readCounters))['principals'], last + 1000)
      assert.equal((await store.read(readCounters))['teams'], 7)
      await store.write(async (tx) => aUser(tx, 'second'))
      assert.equal((await findPrincipalByName(store, 'second'))?.id, last + 1001)
    },
  ],
  [
    'a blob that is marked as lost counts as damaged',
    async (store) => {
      await store.write(async (tx) => {
        await aBlob(tx, 'lost')
        await aBlob(tx, 'there')
        await markLost(tx, [digest('lost')])
      })
      const [lost, there] = [
        await findBlob(store, digest('lost')),
        await findBlob(store, digest('there')),
      ]
      assert.deepEqual([lost?.isDamaged, lost?.content], [true, undefined])
      assert.deepEqual([there?.isDamaged, there?.size], [undefined, 5])
    },
  ],
]
