import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { findPrincipalByName } from '../../metadata/principals.ts'
import { ensureFirstAdministrator } from '../../installation/first-administrator.ts'
import { goodPassword, openTestInstallation } from '../../installation/test-support.ts'
import type { TestInstallation } from '../../installation/test-support.ts'
import type { Reply } from '../reply.ts'
import type { Call } from '../route.ts'
import { setupRoutes } from './setup.ts'

async function post(deps: TestInstallation, body: string): Promise<Reply> {
  const call = {
    request: { body: Readable.from([Buffer.from(body)]) },
    target: { resource: 'setup' },
    identity: { kind: 'anonymous' },
  }
  const route = setupRoutes(deps).POST
  assert.ok(route !== undefined)
  return route.run(call as unknown as Call<{ resource: 'setup' }>)
}

async function newLink({ metadata, passwords }: TestInstallation): Promise<string> {
  const options = { passwordFile: undefined, mayGenerate: false }
  const { link } = await ensureFirstAdministrator({ metadata, passwords }, options)
  assert.ok(link !== undefined)
  return link.key
}

test('a setup key sets the password, once', async () => {
  await using installation = await openTestInstallation()
  const key = await newLink(installation)
  const body = JSON.stringify({ key, password: goodPassword })
  const reply = await post(installation, body)
  assert.equal(reply.status, 200)
  assert.equal(reply.headers?.['cache-control'], 'no-store')
  assert.deepEqual(JSON.parse(String(reply.body)), { name: 'admin' })

  const { passwordHash } = (await findPrincipalByName(installation.metadata, 'admin')) ?? {}
  assert.ok(await installation.passwords.verify(goodPassword, passwordHash ?? ''))
  await assert.rejects(post(installation, body), {
    name: 'HttpError',
    status: 403,
    message: /used already, has expired, or is not complete.*carrel admin link/,
  })
})

test('a password that is not good enough is refused with the reason, and the key stays good', async () => {
  await using installation = await openTestInstallation()
  const key = await newLink(installation)
  const refused: readonly (readonly [string, RegExp])[] = [
    ['otter', /not accepted.*It has 5 characters; 12 is the least/],
    ['password1234', /not accepted.*most common/],
    ['aaaaaaaaaaaaaaaa', /not accepted.*repeats/],
  ]
  for (const [password, message] of refused) {
    const body = JSON.stringify({ key, password })
    await assert.rejects(post(installation, body), { status: 400, message })
  }
  const reply = await post(installation, JSON.stringify({ key, password: goodPassword }))
  assert.equal(reply.status, 200)
})

test('a key that was never given out is refused', async () => {
  await using installation = await openTestInstallation()
  await newLink(installation)
  for (const key of ['0000-0000-0000-0000-0000', 'no key', '']) {
    const body = JSON.stringify({ key, password: goodPassword })
    await assert.rejects(post(installation, body), { name: 'HttpError', status: 403 })
  }
})

test('a body that is not what is asked for is refused with an example', async () => {
  await using installation = await openTestInstallation()
  const bodies = [
    '',
    'null',
    '[]',
    '{"key":1,"password":"x"}',
    'key=a&password=b',
    ' '.repeat(9000),
  ]
  for (const body of bodies) {
    await assert.rejects(post(installation, body), { status: 400, message: /^Send JSON/ }, body)
  }
})
