import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVerifiedCredentials } from './verified-credentials.ts'
import type { VerifiedCredential } from './verified-credentials.ts'

const verified: VerifiedCredential = { principalId: 3, storedHash: '$2b$04$hash' }
const right = (): Promise<VerifiedCredential | undefined> => Promise.resolve(verified)
const wrong = (): Promise<VerifiedCredential | undefined> => Promise.resolve(undefined)

test('right credentials are remembered for five minutes', async () => {
  let now = 0
  const credentials = createVerifiedCredentials({ now: () => now })
  assert.equal(credentials.recall('alice', 'pw'), undefined)
  assert.deepEqual(await credentials.verifyOnce('alice', 'pw', right), verified)
  now = 299_999
  assert.equal(credentials.recall('alice', 'pw')?.principalId, 3)
  assert.equal(credentials.recall('alice', 'pw')?.storedHash, verified.storedHash)
  now = 300_000
  assert.equal(credentials.recall('alice', 'pw'), undefined)
})

test('nothing but the very same user and password is recalled', async () => {
  const credentials = createVerifiedCredentials()
  await credentials.verifyOnce('alice', 'b:pw', right)
  for (const [user, password] of [
    ['alice', 'pw'],
    ['alice:b', 'pw'],
    ['Alice', 'b:pw'],
    ['alice', 'b:pw '],
    ['', 'alice:b:pw'],
    ['alice', ''],
    ['5:alice', 'b:pw'],
  ] as const) {
    assert.equal(credentials.recall(user, password), undefined, `${user} ${password}`)
  }
  assert.ok(credentials.recall('alice', 'b:pw'))
})

test('32 requests at once with the same new credentials cost one check', async () => {
  const credentials = createVerifiedCredentials()
  let checks = 0
  const check = async (): Promise<VerifiedCredential | undefined> => {
    checks++
    await new Promise((resolve) => setTimeout(resolve, 5))
    return verified
  }
  const results = await Promise.all(
    Array.from({ length: 32 }, () => credentials.verifyOnce('alice', 'pw', check)),
  )
  assert.equal(checks, 1)
  assert.ok(results.every((result) => result === verified))
  await credentials.verifyOnce('alice', 'other', check)
  assert.equal(checks, 2)
})

test('wrong credentials and failures are not remembered', async () => {
  const credentials = createVerifiedCredentials()
  assert.equal(await credentials.verifyOnce('alice', 'pw', wrong), undefined)
  assert.equal(credentials.recall('alice', 'pw'), undefined)
  const broken = (): Promise<undefined> => Promise.reject(new Error('no database'))
  await assert.rejects(credentials.verifyOnce('alice', 'pw', broken), /no database/)
  assert.equal(credentials.recall('alice', 'pw'), undefined)
  assert.deepEqual(await credentials.verifyOnce('alice', 'pw', right), verified)
})

test('the oldest entries make room for new ones', async () => {
  const credentials = createVerifiedCredentials({ maxEntries: 3 })
  for (const user of ['a', 'b', 'c', 'a', 'd']) await credentials.verifyOnce(user, 'pw', right)
  const known = ['a', 'b', 'c', 'd'].filter((user) => credentials.recall(user, 'pw') !== undefined)
  assert.deepEqual(known, ['a', 'c', 'd'])
})
