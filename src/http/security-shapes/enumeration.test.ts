// Nobody learns at a door which accounts there are: a name that nobody has, an account without a password, a disabled one
// and a wrong password are answered alike, and as fast. See CVE-2019-19030 (Harbor), CVE-2026-33419 (MinIO) and
// distribution's commit f54e0aa60.
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { admitExternal } from '../../access/external-login.ts'
import { createLoginGate } from '../../access/login-gate.ts'
import { hashPassword } from '../../auth/password-hash.ts'
import { query } from '../../metadata/query.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask, basic, type Answer, type Question, type TestApp } from '../test-support/app.ts'
import { compareTimes } from '../test-support/compare-times.ts'
import { disableUser } from '../test-support/users.ts'
import type { Peer } from '../request.ts'

const type = 'application/json'
const right = 'the right password of it'
const wrong = 'not the right password'

const end = query<{ id: number; at: number }>()((db, p) =>
  db.updateTable('principals').set({ expires_at: p.at }).where('id', '=', p.id),
)

interface Guess {
  readonly user: string
  readonly password: string
}

/** Nobody of these gets in. */
async function guesses(app: TestApp): Promise<Readonly<Record<string, Guess>>> {
  const { metadata } = app
  const passwordHash = hashPassword(right)
  await anAccount(app, 'ann', { passwordHash })
  await anAccount(app, 'chief', { passwordHash, admin: true })
  const off = await anAccount(app, 'off', { passwordHash })
  const over = await anAccount(app, 'over', { passwordHash })
  await anAccount(app, 'ci', { kind: 'robot' })
  await anAccount(app, 'without')
  const identity = {
    provider: 'oidc:corp' as const,
    subject: '1',
    name: 'zoe',
    groups: [],
    admin: false,
  }
  await admitExternal(metadata, { identity, decidesAdmin: false })
  await disableUser(metadata, off.id)
  await metadata.write(async (tx) => tx.run(end, { id: over.id, at: Date.now() - 1000 }))
  return {
    'nobody of that name': { user: 'nobody', password: wrong },
    'wrong password': { user: 'ann', password: wrong },
    'wrong password of an administrator': { user: 'chief', password: wrong },
    'name in capitals': { user: 'Ann', password: right },
    'disabled, wrong password': { user: 'off', password: wrong },
    'disabled, right password': { user: 'off', password: right },
    'at its end, right password': { user: 'over', password: right },
    robot: { user: 'ci', password: wrong },
    'user without a password': { user: 'without', password: wrong },
    'user of a sign-in provider': { user: 'zoe', password: wrong },
    'name of a namespace or a role': { user: 'owner', password: wrong },
    'name with a slash': { user: 'web/app', password: wrong },
    'very long name': { user: 'x'.repeat(300), password: wrong },
  }
}

const doors: Readonly<Record<string, (guess: Guess) => readonly [string, Question]>> = {
  '/v2/': ({ user, password }) => ['GET /v2/', { as: basic(user, password) }],
  'a private repository': ({ user, password }) => [
    'GET /v2/vault/app/tags/list',
    { as: basic(user, password) },
  ],
  'GET /token': ({ user, password }) => ['GET /token', { as: basic(user, password) }],
  'POST /token': ({ user: username, password }) => [
    'POST /token',
    { body: new URLSearchParams({ grant_type: 'password', username, password }).toString() },
  ],
  'the management API': ({ user, password }) => [
    'GET /api/v1/account',
    { as: basic(user, password) },
  ],
  '/login': (guess) => [
    'POST /login',
    { body: JSON.stringify(guess), type, headers: { origin: 'https://registry.test' } },
  ],
}

async function knock(app: TestApp, door: string, guess: Guess): Promise<Answer> {
  const [line, question] = doors[door]?.(guess) ?? ['', {}]
  return ask(app, line, question)
}

suite('a door', () => {
  for (const door of Object.keys(doors)) {
    test(`tells nothing of accounts: ${door}`, async (t) => {
      const app = await anApp(t)
      const all = await guesses(app)
      const told = new Set<string>()
      // All at one door; at the others those that could be told apart most easily.
      const some = Object.entries(all).filter((_, index) => door === '/v2/' || index % 4 < 2)
      for (const [title, guess] of some) {
        const { status, headers, text } = await knock(app, door, guess)
        assert.equal(status, 401, title)
        told.add(JSON.stringify({ status, headers, text }))
      }
      assert.equal(told.size, 1, [...told].join('\n'))
      assert.deepEqual(app.faults, [])
    })
  }

  for (const where of ['unknown', 'known'] as const) {
    test(`refuses further guesses from an address that is ${where} at whatever name alike`, async (t) => {
      const app = await anApp(t, {
        signIn: (metadata) => ({ gate: createLoginGate({ metadata, audit: () => undefined }) }),
      })
      const all = await guesses(app)
      const peers = (last: number): Peer => ({
        address: where === 'known' ? '192.0.2.100' : `192.0.2.${last}`,
        loopback: false,
        secure: true,
      })
      // From there somebody signs in every day.
      const daily = { as: basic('ann', right), peer: { ...peers(0), address: '192.0.2.100' } }
      assert.equal((await ask(app, 'GET /v2/', daily)).status, 200)
      const sequences = new Map<string, string>()
      for (const title of some) {
        sequences.set(title, await guessOn(app, all[title], peers(sequences.size + 1)))
      }
      assert.equal(new Set(sequences.values()).size, 1, [...sequences].join('\n'))
      assert.match([...sequences.values()][0] ?? '', /401.*429/)
    })
  }
})

const some = ['nobody of that name', 'wrong password', 'robot', 'disabled, right password']

/** The statuses of a dozen guesses, and in which words they end. */
async function guessOn(app: TestApp, guess: Guess | undefined, peer: Peer): Promise<string> {
  assert.ok(guess)
  const statuses: number[] = []
  let words = ''
  for (let tried = 0; tried < 12; tried += 1) {
    const as = basic(guess.user, guess.password)
    const { status, text } = await ask(app, 'GET /v2/', { as, peer })
    statuses.push(status)
    if (status === 429) words = text.replaceAll(/\d+/g, 'N')
  }
  return `${statuses.join()} ${words}`
}

suite('the time that a door takes', () => {
  /** More of them for a report: each costs what a password costs. */
  const times = 10

  async function compared(t: TestContext, door: string): Promise<void> {
    const app = await anApp(t)
    const all = await guesses(app)
    const two = ['nobody of that name', 'wrong password']
    const more = ['disabled, right password', 'robot', 'user of a sign-in provider']
    const some = door === '/v2/' ? [...two, ...more] : two
    const works = some.map((title) => async () => {
      const guess = all[title]
      assert.ok(guess)
      await knock(app, door, guess)
    })
    const result = await compareTimes(times, works)
    t.diagnostic(`${door}: ${some.join(' / ')}: ${result.told}`)
    // Of a hash that takes tens of milliseconds one more or less would show.
    const { shortest } = result
    const difference = Math.max(...shortest) - Math.min(...shortest)
    assert.ok(difference < Math.min(...shortest) / 2, `${shortest.join(' / ')}: ${result.told}`)
  }

  for (const door of ['/v2/', 'POST /token', '/login']) {
    test(`is the same for all: ${door}`, async (t) => compared(t, door))
  }
})
