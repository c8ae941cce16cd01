import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PrincipalRecord } from './principal.ts'
import { createPrincipalStates } from './principal-states.ts'
import { aDirectory as nobody, aRecord } from './test-support/identities.ts'

const local = aRecord('alice', { id: 1, passwordHash: 'h1' })
const filed: PrincipalRecord = { ...local, id: 2, provider: 'htpasswd', passwordHash: undefined }

/** A directory that counts its readings and lets the test hold them up. */
function aDirectory(records: Map<number, PrincipalRecord>) {
  const directory = {
    ...nobody,
    readings: 0,
    gate: Promise.resolve(),
    async findById(id: number): Promise<PrincipalRecord | undefined> {
      directory.readings++
      const record = records.get(id)
      await directory.gate
      return record
    },
  }
  return directory
}

test('a state is read once in five seconds', async () => {
  let now = 0
  const records = new Map([[1, local]])
  const principals = aDirectory(records)
  const states = createPrincipalStates({ principals }, { now: () => now })
  assert.equal(states.peek(1), undefined)
  await Promise.all([states.get(1), states.get(1), states.get(1)])
  assert.equal(principals.readings, 1)
  records.set(1, { ...local, disabled: true })
  now = 4999
  assert.equal(states.peek(1)?.disabled, false)
  assert.equal((await states.get(1))?.disabled, false)
  now = 5000
  assert.equal(states.peek(1), undefined)
  assert.equal((await states.get(1))?.disabled, true)
  assert.equal(principals.readings, 2)
})

test('a principal that is not there is not remembered', async () => {
  const records = new Map<number, PrincipalRecord>()
  const states = createPrincipalStates({ principals: aDirectory(records) })
  assert.equal(await states.get(1), undefined)
  records.set(1, local)
  assert.equal(await states.get(1), local)
})

test('what is forgotten while it is being read is not remembered as it was before', async () => {
  const records = new Map([[1, local]])
  const principals = aDirectory(records)
  const states = createPrincipalStates({ principals })
  let release = (): void => undefined
  principals.gate = new Promise((resolve) => {
    release = resolve
  })
  const before = states.get(1)
  records.set(1, { ...local, disabled: true })
  states.forget(1)
  release()
  assert.equal((await before)?.disabled, false)
  assert.equal(states.peek(1), undefined)
  assert.equal((await states.get(1))?.disabled, true)
  assert.equal(states.peek(1)?.disabled, true)
})

test('a failed reading is passed on and tried again', async () => {
  let isBroken = true
  const principals = {
    ...nobody,
    findById: () => (isBroken ? Promise.reject(new Error('no database')) : Promise.resolve(local)),
  }
  const states = createPrincipalStates({ principals })
  await assert.rejects(states.get(1), /no database/)
  isBroken = false
  assert.equal(await states.get(1), local)
})

test('the number of remembered states is bounded', async () => {
  const records = new Map([1, 2, 3].map((id) => [id, { ...local, id }]))
  const states = createPrincipalStates({ principals: aDirectory(records) }, { maxEntries: 2 })
  for (const id of [1, 2, 3]) await states.get(id)
  const known = [1, 2, 3].filter((id) => states.peek(id) !== undefined)
  assert.deepEqual(known, [2, 3])
})

test('an htpasswd user counts only with the file looked at lately, and only while in it', async () => {
  const file = { hash: 'h2' as string | undefined, fresh: false, looks: 0 }
  const htpasswd = {
    current: () => file.hash,
    isFresh: () => file.fresh,
    lookup: () => {
      file.looks++
      file.fresh = true
      return Promise.resolve(file.hash)
    },
  }
  const principals = aDirectory(new Map([[2, filed]]))
  const states = createPrincipalStates({ principals, htpasswd })
  const record = await states.get(2)
  assert.equal(file.looks, 1)
  assert.equal(states.peek(2), record)
  assert.ok(record !== undefined && states.isActive(record))
  assert.equal(states.passwordHashOf(record), 'h2')
  file.fresh = false
  assert.equal(states.peek(2), undefined)
  file.hash = undefined
  assert.equal(states.isActive(record), false)
  assert.equal(states.passwordHashOf(record), undefined)
  const withoutFile = createPrincipalStates({ principals })
  assert.equal(withoutFile.isActive(record), false)
})

test('a disabled principal is inactive and has no password', () => {
  const states = createPrincipalStates({ principals: aDirectory(new Map()) })
  assert.equal(states.isActive(local), true)
  assert.equal(states.passwordHashOf(local), 'h1')
  assert.equal(states.isActive({ ...local, disabled: true }), false)
  assert.equal(states.passwordHashOf({ ...local, disabled: true }), undefined)
})
