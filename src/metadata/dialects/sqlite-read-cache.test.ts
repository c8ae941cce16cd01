import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { name } from '../suite-cases/case.ts'
import { findRepository, insertRepository, updateRepository } from '../repositories.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { anSqliteFile, type SqliteAddress } from '../test-support/sqlite.ts'
import { openAt } from '../test-support/store-address.ts'
import { openLogIndex } from './sqlite-read-cache.ts'

const app = name('team/app')
const other = name('team/other')

/** Opened while another connection holds the database open, as the log's index goes away with the last one. */
async function openKeeping(address: SqliteAddress): Promise<MetadataStore> {
  return openAt({ ...address, logIndex: openLogIndex(address.file) })
}

async function describe(store: MetadataStore, description: string): Promise<void> {
  await store.write(async (tx) => {
    const found = await findRepository(tx, app)
    if (found !== undefined) await updateRepository(tx, { ...found, description })
  })
}

async function make(store: MetadataStore, which = app): Promise<void> {
  await store.write(async (tx) => {
    await insertRepository(tx, { name: which, visibility: 'private', createdBy: undefined })
  })
}

type Step = 'read' | 'read twice' | 'write here' | 'write there' | 'write elsewhere' | 'maintain'
const step = fc.constantFrom<Step>(
  'read',
  'read twice',
  'write here',
  'write there',
  'write elsewhere',
  'maintain',
)

test('a row that was kept is never older than the last commit, whoever made it', async (t) => {
  const address = await anSqliteFile(t)
  await using there = await openAt(address, { migrate: true })
  await using here = await openKeeping(address)
  await make(here)
  let description = ''
  let commits = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      for (const one of steps) {
        commits += 1
        if (one === 'write here' || one === 'write there') {
          description = `${commits}`
          await describe(one === 'write here' ? here : there, description)
        }
        if (one === 'write elsewhere') await make(there, name(`team/other-${commits}`))
        if (one === 'maintain') await there.maintain()
        const times = one === 'read twice' ? 2 : 1
        for (let read = 0; read < times; read += 1) {
          assert.equal((await findRepository(here, app))?.description, description)
        }
      }
    }),
    { numRuns: 30 },
  )
})

test('what another process commits is seen by the next read', async (t) => {
  const address = await anSqliteFile(t)
  await using _ = await openAt(address, { migrate: true })
  await using store = await openKeeping(address)
  await make(store)
  const program = `
    const { DatabaseSync } = require('node:sqlite')
    const db = new DatabaseSync(process.argv[1])
    db.prepare('update repositories set description = ?').run(process.argv[2])
  `
  for (const description of ['one', 'two']) {
    await findRepository(store, app)
    await promisify(execFile)(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      '--eval',
      program,
      address.file,
      description,
    ])
    assert.equal((await findRepository(store, app))?.description, description)
  }
})

test('what is not there is looked for each time', async (t) => {
  const address = await anSqliteFile(t)
  await using _ = await openAt(address, { migrate: true })
  await using store = await openKeeping(address)
  assert.equal(await findRepository(store, other), undefined)
  await make(store, other)
  assert.ok(await findRepository(store, other))
})

test('a row is what it was, however many others are read', async (t) => {
  const address = await anSqliteFile(t)
  await using _ = await openAt(address, { migrate: true })
  await using store = await openKeeping(address)
  const names = Array.from({ length: 5000 }, (_, number) => name(`team/app-${number}`))
  await store.write(async (tx) => {
    for (const one of names) {
      await insertRepository(tx, { name: one, visibility: 'public', createdBy: undefined })
    }
  })
  for (let round = 0; round < 2; round += 1) {
    for (const one of names) assert.equal((await findRepository(store, one))?.name, one)
  }
})

test('a commit that is undone changes nothing of what is read', async (t) => {
  const address = await anSqliteFile(t)
  await using _ = await openAt(address, { migrate: true })
  await using store = await openKeeping(address)
  await make(store)
  await findRepository(store, app)
  const write = store.write(async (tx) => {
    const found = await findRepository(tx, app)
    assert.ok(found)
    await updateRepository(tx, { ...found, description: 'undone' })
    assert.equal((await findRepository(store, app))?.description, '')
    throw new Error('no')
  })
  await assert.rejects(write, /^Error: no$/)
  assert.equal((await findRepository(store, app))?.description, '')
})
