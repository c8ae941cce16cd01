import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makeKeys, openKeys, secretOf, wrappedKeySchema } from './backup-key.ts'

const cost = 1024
const secret = Buffer.from('correct horse battery staple')

test('the key that was made is the one that comes back, and with another secret none does', async () => {
  const { wrapped, keys } = await makeKeys(secret, cost)
  const parsed = wrappedKeySchema.parse(JSON.parse(JSON.stringify(wrapped)))
  const again = await openKeys(secret, parsed)
  assert.deepEqual(again.objects, keys.objects)
  assert.equal(again.nameOf('sha256:ab'), keys.nameOf('sha256:ab'))
  assert.match(keys.nameOf('sha256:ab'), /^[0-9a-f]{64}$/)
  const wrong = {
    name: 'BackupError',
    kind: 'denied',
    message: 'this is not the key of this backup',
  }
  await assert.rejects(openKeys(Buffer.from('correct horse battery stable'), parsed), wrong)
  for (const place of [0, 20, 59]) {
    const bytes = Buffer.from(wrapped.wrapped, 'base64')
    bytes[place] = (bytes[place] ?? 0) ^ 1
    await assert.rejects(openKeys(secret, { ...wrapped, wrapped: bytes.toString('base64') }), wrong)
  }
  await assert.rejects(openKeys(secret, { ...wrapped, wrapped: '' }), wrong)
})

test('two backups with the same secret have nothing in common', async () => {
  const [one, other] = [await makeKeys(secret, cost), await makeKeys(secret, cost)]
  assert.notDeepEqual(one.keys.objects, other.keys.objects)
  assert.notEqual(one.keys.nameOf('sha256:ab'), other.keys.nameOf('sha256:ab'))
  assert.notEqual(one.wrapped.salt, other.wrapped.salt)
})

test('a secret that is too short is refused, and a header cannot ask for all memory', async () => {
  await assert.rejects(makeKeys(Buffer.from('short'), cost), {
    kind: 'invalid',
    message: 'the key is too short',
  })
  const { wrapped } = await makeKeys(secret, cost)
  assert.equal(wrappedKeySchema.safeParse({ ...wrapped, cost: 2 ** 30 }).success, false)
})

test('a line break at the end of a file is no part of the secret', () => {
  for (const end of ['', '\n', '\r\n']) {
    assert.equal(Buffer.from(secretOf(Buffer.from(`words${end}`))).toString(), 'words')
  }
  assert.equal(Buffer.from(secretOf(Buffer.from('words\n\n'))).toString(), 'words\n')
  assert.throws(() => secretOf(randomBytes(65 * 1024)), { kind: 'invalid' })
})
