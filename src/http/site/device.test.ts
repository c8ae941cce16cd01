import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createToken } from '../../access/tokens.ts'
import { anApp, ask, type Answer, type TestApp } from '../test-support/app.ts'
import { disableUser, users } from '../test-support/users.ts'
import { aVisitor } from '../test-support/visitor.ts'

interface Started {
  readonly deviceCode: string
  readonly userCode: string
  readonly verificationUri: string
  readonly verificationUriComplete: string
  readonly expiresIn: number
  readonly interval: number
}

const type = 'application/json'
const peerAt = (address: string) => ({ address, loopback: false, secure: true })

async function start(app: TestApp, host = 'laptop', address = '192.0.2.40'): Promise<Started> {
  const body = JSON.stringify({ host })
  const headers = { 'user-agent': 'carrel/1.2' }
  const question = { type, body, headers, peer: peerAt(address) }
  const answer = await ask(app, 'POST /api/v1/device', question)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['cache-control'], 'no-store')
  return answer.json() as Started
}

async function poll(app: TestApp, deviceCode: string): Promise<Answer> {
  return ask(app, 'POST /api/v1/device/token', { type, body: JSON.stringify({ deviceCode }) })
}

async function signedIn(app: TestApp, name: 'alice' | 'bob' = 'alice') {
  const visitor = aVisitor(app)
  await visitor.signIn(name, users[name].password)
  return visitor
}

suite('a program without a browser', () => {
  test('gets a token of whoever agrees, once', async (t) => {
    const app = await anApp(t)
    const started = await start(app)
    const { deviceCode, userCode } = started
    assert.deepEqual(started, {
      deviceCode,
      userCode,
      verificationUri: 'https://registry.test/device',
      verificationUriComplete: `https://registry.test/device?code=${userCode}`,
      expiresIn: started.expiresIn,
      interval: 5,
    })
    assert.ok(started.expiresIn > 590 && started.expiresIn <= 600)
    assert.equal((await poll(app, deviceCode)).status, 202)
    const visitor = await signedIn(app)
    const page = await visitor.open(`/device?code=${userCode.toLowerCase().replace('-', '')}`)
    for (const shown of [userCode, 'laptop', '192.0.2.40', 'carrel/1.2', 'alice']) {
      assert.ok(page.text.includes(shown), shown)
    }
    const agreed = await visitor.send('/device', { code: userCode, answer: 'agree' })
    assert.deepEqual([agreed.status, agreed.json()], [200, { state: 'agreed' }])
    const answers = await Promise.all(Array.from({ length: 20 }, async () => poll(app, deviceCode)))
    const given = answers.filter(({ status }) => status === 200)
    assert.equal(given.length, 1)
    assert.ok(answers.every(({ status }) => status === 200 || status === 410))
    const [first] = given
    assert.ok(first !== undefined)
    const { token, name, expiresAt } = first.json() as Record<string, string>
    assert.equal(name, 'alice')
    assert.ok(Date.parse(expiresAt ?? '') > Date.now())
    const account = await ask(app, 'GET /api/v1/account', { as: `Bearer ${token}` })
    assert.equal((account.json() as { name: string }).name, 'alice')
    assert.equal((await poll(app, deviceCode)).status, 410)
    assert.match((await visitor.open('/account')).text, /carrel login on laptop/)
    const again = await visitor.send('/device', { code: userCode, answer: 'agree' })
    assert.equal(again.status, 404)
  })

  test('stays out when it is refused, by whom does not matter any more', async (t) => {
    const app = await anApp(t)
    const { deviceCode, userCode } = await start(app)
    const visitor = await signedIn(app)
    const refused = await visitor.send('/device', { code: userCode, answer: 'refuse' })
    assert.deepEqual(refused.json(), { state: 'refused' })
    const other = await signedIn(app, 'bob')
    assert.equal((await other.send('/device', { code: userCode, answer: 'agree' })).status, 404)
    const answer = await poll(app, deviceCode)
    assert.deepEqual([answer.status, answer.message()], [403, 'The sign-in was refused.'])
    assert.equal((await poll(app, deviceCode)).status, 410)
  })

  test('stays out when whoever agreed was disabled before it asked again', async (t) => {
    const app = await anApp(t)
    const { deviceCode, userCode } = await start(app)
    const visitor = await signedIn(app)
    await visitor.send('/device', { code: userCode, answer: 'agree' })
    await disableUser(app.metadata, app.ids.alice)
    assert.equal((await poll(app, deviceCode)).status, 403)
  })

  test('has ten minutes', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const app = await anApp(t)
    const { deviceCode, userCode } = await start(app)
    const visitor = await signedIn(app)
    t.mock.timers.tick(10 * 60_000 + 1)
    assert.equal((await poll(app, deviceCode)).status, 410)
    assert.equal((await visitor.send('/device', { code: userCode, answer: 'agree' })).status, 404)
  })

  test('is told nothing with a code that is none, or is that of the person', async (t) => {
    const app = await anApp(t)
    const { userCode } = await start(app)
    for (const code of ['', 'x', userCode, `carrel_device_${'0'.repeat(36)}`]) {
      assert.equal((await poll(app, code)).status, 410, code)
    }
    assert.equal((await ask(app, 'POST /api/v1/device', { body: 'host=x' })).status, 415)
    assert.equal((await ask(app, 'GET /api/v1/device')).status, 405)
  })

  test('may begin 20 times in ten minutes from one address', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const app = await anApp(t)
    const statuses = await Promise.all(
      Array.from({ length: 25 }, async () => {
        const question = { type, body: '{}', peer: peerAt('192.0.2.40') }
        return (await ask(app, 'POST /api/v1/device', question)).status
      }),
    )
    assert.equal(statuses.filter((status) => status === 200).length, 20)
    assert.equal(statuses.filter((status) => status === 429).length, 5)
    await start(app, 'laptop', '192.0.2.41')
    t.mock.timers.tick(10 * 60_000 + 1)
    await start(app)
  })

  test('is shown as text, whatever it calls itself', async (t) => {
    const app = await anApp(t)
    const { userCode } = await start(app, '<script>alert(1)</script>')
    const visitor = await signedIn(app)
    const { text } = await visitor.open(`/device?code=${userCode}`)
    assert.doesNotMatch(text, /<script>alert/)
    const typed = await visitor.open(`/device?code=${encodeURIComponent('"><img src=x>')}`)
    assert.doesNotMatch(typed.text, /<img src=x/)
  })
})

suite('the page that lets a program in', () => {
  test('leads whoever is not signed in to the sign-in page and back', async (t) => {
    const app = await anApp(t)
    const { userCode } = await start(app)
    const visitor = aVisitor(app)
    const { status, headers } = await visitor.open(`/device?code=${userCode}`)
    assert.equal(status, 303)
    const { text } = await visitor.open(headers['location'] ?? '')
    assert.ok(text.includes(`data-to="/device?code=${userCode}"`))
    const answer = await visitor.send('/device', { code: userCode, answer: 'agree' })
    assert.equal(answer.status, 401)
  })

  test('takes the answer of a browser alone: no token begets another one', async (t) => {
    const app = await anApp(t)
    const { deviceCode, userCode } = await start(app)
    const alice = { id: app.ids.alice, name: 'alice' }
    const { secret } = await createToken(app, alice, { name: 'short' })
    const body = JSON.stringify({ code: userCode, answer: 'agree' })
    for (const as of [`Bearer ${secret}`, 'alice']) {
      const answer = await ask(app, 'POST /device', { as, type, body })
      assert.deepEqual([answer.status, answer.codes()], [403, ['DENIED']])
      assert.equal((await ask(app, `GET /device?code=${userCode}`, { as })).status, 403)
    }
    assert.equal((await poll(app, deviceCode)).status, 202)
  })

  test('lets nobody guess for long, and does not count codes that are right', async (t) => {
    const app = await anApp(t)
    const visitor = await signedIn(app)
    for (let number = 0; number < 12; number += 1) {
      const { userCode } = await start(app)
      assert.equal((await visitor.open(`/device?code=${userCode}`)).status, 200)
    }
    const { userCode } = await start(app)
    const statuses: number[] = []
    for (let guess = 0; guess < 6; guess += 1) {
      statuses.push((await visitor.open('/device?code=BBBB-BBBB')).status)
      const answer = await visitor.send('/device', { code: 'BBBB-BBBB', answer: 'agree' })
      statuses.push(answer.status)
    }
    assert.deepEqual(statuses, [200, 404, 200, 404, 200, 404, 200, 404, 200, 404, 429, 429])
    const page = await visitor.open(`/device?code=${userCode}`)
    assert.equal(page.status, 429)
    assert.match(page.text, /<h1>Too many wrong codes/)
    const other = await signedIn(app, 'bob')
    assert.match((await other.open(`/device?code=${userCode}`)).text, /Let this program in\?/)
  })
})
