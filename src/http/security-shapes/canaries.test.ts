// Secrets are put wherever somebody could put one, also where they do not belong, and afterwards they are looked for
// wherever something is kept or shown: in the database with its audit log, in what is logged, in every answer. A secret
// that was made is shown in the answer that made it and nowhere else.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { suite, test, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { createDecisionWatch } from '../../access/decision-watch.ts'
import { createLoginGate } from '../../access/login-gate.ts'
import { codeAt } from '../../access/test-support/authenticator-app.ts'
import { appendAuditBatch } from '../../metadata/audit.ts'
import {
  anApp,
  ask,
  basic,
  totpKey,
  type Answer,
  type Question,
  type TestApp,
} from '../test-support/app.ts'
import { makeRepository } from '../test-support/content.ts'
import { everythingStored } from '../test-support/stored.ts'
import { users } from '../test-support/users.ts'

const type = 'application/json'
const fromPage = { origin: 'https://registry.test' }

interface Seen {
  readonly line: string
  readonly text: string
}

interface Hunt {
  readonly app: TestApp
  /** By what they are. */
  readonly canaries: Map<string, string>
  readonly seen: Seen[]
  /** Asks, and remembers what came; `made` are the canaries that this very answer may show. */
  send(
    line: string,
    question?: Question,
    made?: (answer: Answer) => Record<string, string>,
  ): Promise<Answer>
}

async function aHunt(t: TestContext): Promise<Hunt> {
  const audited: Parameters<typeof appendAuditBatch>[1][number][] = []
  const app = await anApp(t, {
    api: { totpKey },
    signIn: (metadata) => ({
      gate: createLoginGate({ metadata, audit: (entry) => audited.push(entry) }),
    }),
    watch: () => createDecisionWatch({ used: () => undefined }, (entry) => audited.push(entry)),
  })
  await makeRepository(app, 'alice/app')
  const canaries = new Map<string, string>()
  const seen: Seen[] = []
  t.after(() => audited.splice(0))
  return {
    app,
    canaries,
    seen,
    async send(line, question = {}, made) {
      const peer = { address: `192.0.2.${seen.length % 250}`, loopback: false, secure: true }
      const answer = await ask(app, line, { peer, ...question })
      const found = made?.(answer) ?? {}
      for (const [title, secret] of Object.entries(found)) canaries.set(title, secret)
      let text = `${JSON.stringify(answer.headers)} ${answer.text}`
      for (const secret of Object.values(found)) text = text.replaceAll(secret, 'SHOWN ONCE')
      seen.push({ line: line.slice(0, 60), text })
      app.audited.push(...audited.splice(0))
      return answer
    },
  }
}

const json = (value: object): Question => ({ body: JSON.stringify(value), type })

/** Makes one of everything that is a secret, and uses it. */
async function makeAndUse({ app, canaries, send }: Hunt): Promise<void> {
  for (const [name, { password }] of Object.entries(users))
    canaries.set(`password of ${name}`, password)
  const as = 'admin'
  const secretOf = (title: string) => (answer: Answer) => ({
    [title]: (answer.json() as { secret: string }).secret,
  })
  const canary = 'canary-password-of-zoe'
  canaries.set('password that was set', canary)
  await send('POST /api/v1/users', { as, ...json({ name: 'zoe', password: canary }) })
  const again = 'canary-password-of-zoe-changed'
  canaries.set('password that was changed', again)
  const zoe = basic('zoe', canary)
  const change = json({ current: canary, password: again })
  await send('PUT /api/v1/account/password', { as: zoe, ...change })
  await send('PUT /api/v1/users/zoe/password', { as, ...json({ password: again }) })
  const token = await send(
    'POST /api/v1/tokens',
    { as: 'alice', ...json({ name: 'x' }) },
    secretOf('token'),
  )
  const made = token.json() as { id: number; secret: string }
  const rotate = `POST /api/v1/tokens/${made.id}/rotate`
  await send(rotate, { as: 'alice', ...json({}) }, secretOf('token after a rotation'))
  await send('POST /api/v1/robots', { as, ...json({ name: 'ci' }) }, secretOf('robot'))
  await send(
    'POST /api/v1/robots/ci/rotate',
    { as, ...json({}) },
    secretOf('robot after a rotation'),
  )
  await send('GET /token?scope=repository:alice/app:pull', { as: 'alice' }, (answer) => {
    const registry = (answer.json() as { token: string }).token
    return { 'registry token': registry, 'its signature': registry.split('.')[2] ?? '' }
  })
  const login = { ...json({ user: 'alice', password: users.alice.password }), headers: fromPage }
  await send('POST /login', login, ({ headers }) => ({
    session: /carrel_session_\w+/.exec(headers['set-cookie'] ?? '')?.[0] ?? '',
  }))
  const enrolment = await send(
    'POST /api/v1/account/totp',
    { as: 'bob', ...json({}) },
    (answer) => {
      const { secret } = answer.json() as { secret: string }
      return { 'secret of a second factor': secret }
    },
  )
  const { secret } = enrolment.json() as { secret: string }
  const code = codeAt(secret, Date.now())
  const confirm = { as: 'bob', ...json({ code }) }
  await send('POST /api/v1/account/totp/confirm', confirm, (answer) => {
    const codes = (answer.json() as { recoveryCodes: string[] }).recoveryCodes
    return Object.fromEntries(codes.map((one, index) => [`recovery code ${index}`, one]))
  })
  await send('POST /api/v1/device', { ...json({ host: 'laptop' }) }, (answer) => ({
    'secret of a device': (answer.json() as { deviceCode: string }).deviceCode,
  }))
  for (const [title, value] of canaries) {
    if (title.includes('password')) continue
    await send('GET /v2/alice/app/tags/list', { as: `Bearer ${value}` })
    await send('GET /api/v1/account', { as: `Bearer ${value}` })
  }
  assert.equal(app.faults.length, 0)
}

/** Puts secrets where they do not belong. */
async function misplace({ canaries, send }: Hunt): Promise<void> {
  let count = 0
  const fresh = (title: string) => {
    count += 1
    const canary = `canary-${count}-${'x'.repeat(20)}-end`
    canaries.set(title, canary)
    return canary
  }
  const as = 'admin'
  const lines = [
    'GET /v2/',
    'GET /v2/alice/app/tags/list',
    'GET /token',
    'GET /api/v1/users',
    'GET /account',
  ]
  for (const line of lines) {
    await send(line, { as: basic('alice', fresh(`wrong password at ${line}`)) })
    await send(line, { as: `Bearer ${fresh(`wrong token at ${line}`)}` })
    await send(line, { as: fresh(`header without a scheme at ${line}`) })
    await send(line, { as: `Digest username="${fresh(`other scheme at ${line}`)}"` })
    for (const header of [
      'cookie',
      'x-auth-token',
      'proxy-authorization',
      'user-agent',
      'referer',
    ]) {
      await send(line, { headers: { [header]: fresh(`${header} at ${line}`) } })
    }
    for (const name of ['token', 'password', 'access_token', 'after', 'limit', 'to']) {
      await send(`${line}?${name}=${fresh(`${name} in the address at ${line}`)}`, { as })
    }
  }
  const form = (fields: Record<string, string>) => ({
    body: new URLSearchParams(fields).toString(),
  })
  await send(
    'POST /token',
    form({ grant_type: 'password', username: 'alice', password: fresh('form') }),
  )
  await send(
    'POST /token',
    form({ grant_type: fresh('grant type'), password: fresh('other form') }),
  )
  await send(
    'POST /token',
    form({ grant_type: 'refresh_token', refresh_token: fresh('refresh token') }),
  )
  for (const path of ['/login', '/login/code', '/api/v1/setup', '/api/v1/device/token']) {
    for (const field of ['password', 'code', 'key', 'deviceCode', 'other']) {
      const body = { user: 'alice', [field]: fresh(`${field} at ${path}`) }
      await send(`POST ${path}`, { ...json(body), headers: fromPage })
    }
    const broken = `{"user":"alice","password":"${fresh(`broken body at ${path}`)}`
    await send(`POST ${path}`, { body: broken, type, headers: fromPage })
  }
  const bodies: readonly (readonly [string, (canary: string) => string])[] = [
    ['broken', (canary) => `{"name":"zed","password":"${canary}"`],
    ['in a list', (canary) => JSON.stringify({ name: 'zed', password: [canary] })],
    ['in an object', (canary) => JSON.stringify({ name: 'zed', password: { value: canary } })],
    ['as another field', (canary) => JSON.stringify({ name: 'zed', passwort: canary })],
    ['twice', (canary) => `{"name":"zed","password":"${canary}","password":"${canary}"}`],
    ['too long', (canary) => JSON.stringify({ name: 'zed', password: canary.repeat(60) })],
    ['as the name', (canary) => JSON.stringify({ name: `${canary}%`, password: 'x' })],
    ['alone', (canary) => canary],
    ['as text', (canary) => JSON.stringify(canary)],
  ]
  for (const line of [
    'POST /api/v1/users',
    'PUT /api/v1/account/password',
    'PUT /api/v1/users/bob/password',
  ]) {
    for (const [title, write] of bodies) {
      const body = write(fresh(`body ${title} at ${line}`))
      // What is said of a name names it.
      if (title !== 'as the name') await send(line, { as, body, type })
    }
  }
  const identityToken = `eyJ${'h'.repeat(60)}.eyJ${'p'.repeat(60)}.${fresh('identity token')}`
  await send('GET /v2/', { as: basic('oidc', identityToken) })
  await send('POST /api/v1/access/identity-token', { as, ...json({ token: identityToken }) })
}

async function lookEverywhere(hunt: Hunt): Promise<readonly string[]> {
  const { app, canaries, seen, send } = hunt
  await app.metadata.write(async (tx) => appendAuditBatch(tx, app.audited))
  for (const path of [
    'users',
    'tokens?all=true',
    'robots',
    'audit?limit=500',
    'grants',
    'sessions',
    'account',
  ]) {
    await send(`GET /api/v1/${path}`, { as: 'admin' })
  }
  const places: Readonly<Record<string, string>> = {
    database: await everythingStored(app.metadata),
    faults: inspect(app.faults, { depth: 8 }),
    events: JSON.stringify(app.events),
  }
  const hits: string[] = []
  for (const [title, canary] of canaries) {
    assert.ok(canary.length >= 8, title)
    for (const [place, text] of Object.entries(places)) {
      if (text.includes(canary)) hits.push(`${title}: in ${place}`)
    }
    for (const { line, text } of seen) {
      if (text.includes(canary)) hits.push(`${title}: answered to ${line}`)
    }
  }
  return hits
}

suite('a secret', () => {
  test('is shown once where it is made, and found nowhere else', async (t) => {
    const hunt = await aHunt(t)
    await makeAndUse(hunt)
    assert.deepEqual(await lookEverywhere(hunt), [])
    t.diagnostic(`${hunt.canaries.size} secrets, ${hunt.seen.length} answers`)
  })

  test('that stands where it does not belong is neither kept nor shown', async (t) => {
    const hunt = await aHunt(t)
    await misplace(hunt)
    assert.deepEqual(await lookEverywhere(hunt), [])
    t.diagnostic(`${hunt.canaries.size} secrets, ${hunt.seen.length} answers`)
  })
  test('that was sent as the name, as other registries take it, is not kept', async (t) => {
    const hunt = await aHunt(t)
    const { canaries, send } = hunt
    const made = await send(
      'POST /api/v1/tokens',
      { as: 'alice', ...json({ name: 'x' }) },
      (answer) => ({
        token: (answer.json() as { secret: string }).secret,
      }),
    )
    const { secret } = made.json() as { secret: string }
    canaries.set('password in the field of the name', 'correct-horse-battery-staple')
    for (const user of [secret, 'correct-horse-battery-staple']) {
      await send('GET /v2/', { as: basic(user, '') })
      await send('GET /v2/', { as: basic(user, 'x-oauth-basic') })
      await send('POST /login', { ...json({ user, password: 'x' }), headers: fromPage })
    }
    assert.deepEqual(await lookEverywhere(hunt), [])
  })
})

test('the log of requests has no headers, no queries and no bodies', async () => {
  const canary = 'canary-of-the-log'
  const script = `
    import { createRequestLog } from ${JSON.stringify(new URL('../request-log.ts', import.meta.url).href)}
    const log = createRequestLog({ level: 'debug', toStdout: true })
    const request = {
      method: 'DELETE', path: '/v2/alice/app/manifests/v1', query: new URLSearchParams({ a: '${canary}' }),
      headers: { authorization: 'Basic ${canary}', cookie: '${canary}', 'x-a': '${canary}' },
      body: '${canary}', peer: { address: '192.0.2.1' }, origin: 'https://registry.test',
    }
    log.answered(request, { status: 202, headers: { 'set-cookie': '${canary}' }, body: '${canary}' })
    log.answered({ ...request, method: 'GET' }, { status: 200 })
    log.answered(request, { status: 500 }, new Error('broken'))
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script])
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => child.once('close', resolve))
  const text = Buffer.concat(chunks).toString()
  assert.equal(text.trim().split('\n').length, 3, text)
  assert.ok(!text.includes(canary), text)
})
