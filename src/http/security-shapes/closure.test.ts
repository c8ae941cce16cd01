// Whoever administers a part can do there whatever they want, but neither they, nor whom they help, nor their robots
// ever get more than they had together: whatever is tried over the API, in whatever order. See CVE-2024-22278,
// GHSA-w5fq-xrhj-j7g2 and GHSA-xq2m-cj8w-56v5 (Harbor).
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { anAccount, giveMore } from '../test-support/accounts.ts'
import { anApp, ask, type Answer, type TestApp } from '../test-support/app.ts'
import { makeRepository } from '../test-support/content.ts'
import { give } from '../test-support/grants.ts'
import { holds, contains, rights, type Given, type Right } from '../test-support/matrix-model.ts'
import { clearCoalition, coalitionOf, heldBy, type Coalition } from '../test-support/coalition.ts'

const names = ['web/app', 'web/new', 'web/app-dev', 'other/app', 'root', 'vault/app']
const places = [
  '*',
  '/',
  'web/',
  'web/app',
  'web/new',
  'web/*',
  'web/**',
  'w?b/app',
  'other/',
  'root',
  'vault/',
]

/** What can be done by whoever holds all of these, as words: over names, and over places as a whole. */
function powersOf(given: readonly Given[]): ReadonlySet<string> {
  const powers = new Set<string>()
  const holder = { name: '', kind: 'user', admin: false, given } as const
  const everybody = { anonymous: [], signedIn: [] }
  for (const right of rights) {
    for (const name of names) {
      const repository = { name, visibility: 'private' } as const
      if (holds({ holder }, right, repository, everybody)) powers.add(`${right} ${name}`)
    }
    for (const place of places) {
      const isWhole = given.some((one) => one.rights.includes(right) && contains(one.place, place))
      if (isWhole) powers.add(`${right} on all of ${place}`)
    }
  }
  return powers
}

const someRights = fc.uniqueArray(fc.constantFrom(...rights), { minLength: 1, maxLength: 6 })
const somePlace = fc.constantFrom(...places)
const someGiven = fc.record({ place: somePlace, rights: someRights })
const someScopes = fc
  .array(someGiven, { minLength: 1, maxLength: 2 })
  .map((all) => all.map((one) => `${one.place}:${one.rights.join()}`))

/** By the words of a coalition: `me`, `friend`, `mine` (a robot of mine), `deploy` (somebody else's), `everybody`. */
const somebody = fc.constantFrom('me', 'friend', 'mine', 'deploy', 'victim', 'crew', 'everybody')
const someId = fc.nat({ max: 30 })

interface Attempt {
  readonly line: string
  readonly body?: Readonly<Record<string, unknown>>
}

const attempt: fc.Arbitrary<Attempt> = fc.oneof(
  fc.record({ who: somebody, where: somePlace, actions: someRights }).map((grant) => ({
    line: 'POST grants',
    body: { ...grant, actions: grant.actions.join(), who: `{${grant.who}}` },
  })),
  fc.tuple(someId, someRights).map(([id, actions]) => ({
    line: `PATCH grants/{grant ${id}}`,
    body: { actions: actions.join() },
  })),
  fc.tuple(someId).map(([id]) => ({ line: `DELETE grants/{grant ${id}}` })),
  fc.tuple(someScopes).map(([scopes]) => ({
    line: 'POST robots',
    body: { name: '{new robot}', scopes },
  })),
  fc.constantFrom('mine', 'deploy', 'over').map((robot) => ({
    line: `POST robots/{name of ${robot}}/rotate`,
    body: {},
  })),
  fc.tuple(fc.constantFrom('mine', 'deploy', 'over'), fc.boolean()).map(([robot, disabled]) => ({
    line: `PATCH robots/{name of ${robot}}`,
    body: { disabled },
  })),
  fc.tuple(somebody, someScopes).map(([who, scopes]) => ({
    line: 'POST tokens',
    body: { for: `{${who}}`, name: 'x', scopes },
  })),
  fc
    .tuple(somebody)
    .map(([who]) => ({ line: 'POST tokens', body: { for: `{${who}}`, name: 'x' } })),
  fc.tuple(fc.constantFrom('me', 'friend', 'mine')).map(([who]) => ({
    line: `PUT teams/{name of crew}/members/{name of ${who}}`,
    body: { maintainer: true },
  })),
  fc.constantFrom('me', 'friend').map((who) => ({
    line: `PATCH users/{name of ${who}}`,
    body: { admin: true },
  })),
  fc.tuple(somePlace).map(([where]) => ({
    line: 'POST access-reviews',
    body: { name: 'x', where, owner: '{name of me}', dueAt: '{tomorrow}' },
  })),
  fc.tuple(someId, fc.constantFrom('keep', 'shrink')).map(([id, decision]) => ({
    line: `PUT access-reviews/{review}/items/{grant ${id}}`,
    body: { decision },
  })),
  fc.constantFrom('web', 'other', 'vault').map((name) => ({
    line: `PATCH namespaces/${name}`,
    body: { description: 'mine' },
  })),
)

async function tryIt(
  app: TestApp,
  coalition: Coalition,
  one: Attempt,
  by: number,
): Promise<number> {
  const fill = (text: string) => coalition.fill(text)
  const line = await fill(one.line.replace(' ', ' /api/v1/'))
  const body = one.body === undefined ? undefined : await fill(JSON.stringify(one.body))
  const actors = coalition.credentials()
  const answer = await ask(app, line, {
    as: actors[by % actors.length] ?? '',
    ...(body !== undefined && { body, type: 'application/json' }),
  })
  assert.ok(answer.status < 500, `${line} ${body ?? ''}: ${answer.text}`)
  if (answer.status < 300) await coalition.learn(answer)
  return answer.status
}

suite('those who administer a part', () => {
  test('never get more together than they had, and give nobody more', async (t) => {
    const app = await anApp(t)
    for (const name of names) await makeRepository(app, name)
    const counts = { tried: 0, done: 0 }
    const situation = fc.record({
      given: fc.uniqueArray(someGiven, {
        selector: ({ place }) => place,
        minLength: 1,
        maxLength: 3,
      }),
      admin: fc.constantFrom('web/', 'web/app', 'web/**', 'other/', '/'),
      isMaintainer: fc.boolean(),
      attempts: fc.array(fc.tuple(attempt, fc.nat({ max: 5 })), { minLength: 8, maxLength: 16 }),
    })
    await fc.assert(
      fc.asyncProperty(situation, async ({ given, admin, isMaintainer, attempts }) => {
        const isAll = given.some((one) => one.place === '*' && one.rights.includes('admin'))
        fc.pre(!isAll)
        const own = given.some(({ place }) => place === admin)
          ? given.map((one) => (one.place === admin ? withAdmin(one) : one))
          : [...given, { place: admin, rights: ['admin'] as const }]
        const coalition = await coalitionOf(app, { given: own, isMaintainer })
        const before = powersOf(await heldBy(app, coalition.members()))
        const others = powersOf(await heldBy(app, [coalition.ids().victim]))
        for (const [one, by] of attempts) {
          counts.tried += 1
          if ((await tryIt(app, coalition, one, by)) < 300) counts.done += 1
        }
        const after = powersOf(await heldBy(app, coalition.members()))
        const gained = [...after].filter((power) => !before.has(power))
        assert.deepEqual(
          gained,
          [],
          JSON.stringify({ own, attempts: attempts.map(([one]) => one) }),
        )
        // What was given to others was theirs to give.
        const given2 = powersOf(await heldBy(app, [coalition.ids().victim]))
        const handed = [...given2].filter((power) => !others.has(power) && !before.has(power))
        assert.deepEqual(handed, [])
        await clearCoalition(app, coalition)
      }),
      { numRuns: 80 },
    )
    t.diagnostic(`${counts.tried} attempts, ${counts.done} of them let`)
    assert.ok(counts.done > counts.tried / 20)
  })
})

const type = 'application/json'

interface Handing {
  readonly title: string
  readonly line: string
  readonly body: (right: Right) => object
}

/** The ways of handing a right on web/ to somebody. */
const handings: readonly Handing[] = [
  ...['web/', 'web/app', 'web/new', 'web/*', 'web/**-dev'].map((where) => ({
    title: `a grant on ${where}`,
    line: 'POST /api/v1/grants',
    body: (actions: Right) => ({ who: 'user:friend', where, actions }),
  })),
  ...['web/', 'web/app'].map((where) => ({
    title: `a robot for ${where}`,
    line: 'POST /api/v1/robots',
    body: (right: Right) => ({ name: 'new', scopes: [`${where}:${right}`] }),
  })),
]

suite('whoever administers a namespace', () => {
  test('hands on each right that they have, in every way, and no other', async (t) => {
    const app = await anApp(t)
    await makeRepository(app, 'web/app')
    const friend = await anAccount(app, 'friend')
    let cells = 0
    for (const held of rights) {
      const own = rights.filter((one) => one === held || one === 'admin')
      const given = [{ place: 'web/', rights: own }]
      const { as } = await anAccount(app, `with-${held}`, { given })
      const scoped = await anAccount(app, `scoped-${held}`, {
        given: [{ place: '*', rights }],
        scopes: [`web/:${own.join()}`],
      })
      for (const right of rights) {
        for (const { title, line, body } of handings) {
          for (const by of [as, scoped.as]) {
            const answer = await ask(app, line, { as: by, body: JSON.stringify(body(right)), type })
            // A narrowed token makes no accounts.
            const may = own.includes(right) && !(by === scoped.as && line.endsWith('robots'))
            const cell = `${title}: ${right} by whoever has ${own.join()}: ${answer.text}`
            assert.equal(answer.status, may ? 201 : 403, cell)
            cells += 1
            if (answer.status === 201) await undo(app, answer)
          }
        }
      }
    }
    assert.deepEqual(await heldBy(app, [friend.id]), [])
    t.diagnostic(`${cells} cells`)
  })

  test('widens no grant, were it their own, and takes none away that is wider', async (t) => {
    const app = await anApp(t)
    const ann = await anAccount(app, 'ann')
    const own = await giveMore(app, ann, { place: 'web/', rights: ['pull', 'admin'] })
    const bea = await anAccount(app, 'bea')
    const wider = await giveMore(app, bea, { place: 'web/app', rights: ['pull', 'delete'] })
    const same = await giveMore(app, bea, { place: 'web/new', rights: ['pull'] })
    const ask1 = async (line: string, body?: object) => {
      const sent = body === undefined ? {} : { body: JSON.stringify(body), type }
      return (await ask(app, line, { as: ann.as, ...sent })).status
    }
    for (const right of rights.filter((one) => one !== 'pull' && one !== 'admin')) {
      assert.equal(
        await ask1(`PATCH /api/v1/grants/${own}`, { actions: `pull,${right},admin` }),
        403,
      )
      assert.equal(await ask1(`PATCH /api/v1/grants/${same}`, { actions: right }), 403)
    }
    assert.equal(await ask1(`PATCH /api/v1/grants/${wider}`, { actions: 'pull' }), 403)
    assert.equal(await ask1(`DELETE /api/v1/grants/${wider}`), 403)
    assert.equal(await ask1(`PATCH /api/v1/grants/${same}`, { actions: 'pull,admin' }), 200)
    assert.equal(await ask1(`DELETE /api/v1/grants/${same}`), 204)
  })
  test('hands nothing on for longer than they have it', async (t) => {
    const app = await anApp(t)
    const ann = await anAccount(app, 'ann')
    await anAccount(app, 'friend')
    const expiresAt = Date.now() + 3_600_000
    const own = await app.metadata.write(async (tx) =>
      give(tx, { kind: 'principal', id: ann.id }, { place: 'web/', rights, expiresAt }),
    )
    const { as } = ann
    const body = JSON.stringify({ who: 'user:friend', where: 'web/', actions: 'owner' })
    const patch = `PATCH /api/v1/grants/${own}`
    const prolonged = await ask(app, patch, { as, body: '{"expiresAt":null}', type })
    const handed = await ask(app, 'POST /api/v1/grants', { as, body, type })
    const robot = JSON.stringify({ name: 'ci', scopes: ['web/:owner'] })
    const made = await ask(app, 'POST /api/v1/robots', { as, body: robot, type })
    assert.deepEqual([prolonged.status, handed.status, made.status], [403, 403, 403])
  })
})

suite('a token with scopes', () => {
  test('makes no administrators, were it one’s of all', async (t) => {
    const app = await anApp(t)
    const all = await anAccount(app, 'all', { admin: true, scopes: ['*:owner'] })
    const eve = await anAccount(app, 'eve')
    assert.equal((await ask(app, 'GET /api/v1/users', { as: all.as })).status, 403)
    const body = JSON.stringify({ who: 'user:eve', where: '*', actions: 'owner' })
    await ask(app, 'POST /api/v1/grants', { as: all.as, body, type })
    assert.equal((await ask(app, 'GET /api/v1/users', { as: eve.as })).status, 403)
  })
})

suite('a robot that owns a namespace', () => {
  test('makes no robots and no tokens, and gets no other secret of its own', async (t) => {
    const app = await anApp(t)
    const given = [{ place: 'web/', rights }]
    const { as } = await anAccount(app, 'ci', { kind: 'robot', given })
    for (const [line, body] of [
      ['POST /api/v1/robots', { name: 'new' }],
      ['POST /api/v1/robots', { name: 'new', scopes: ['web/:pull'] }],
      ['POST /api/v1/robots/ci/rotate', {}],
      ['POST /api/v1/tokens', { name: 'x' }],
      ['POST /api/v1/tokens', { for: 'robot:ci', name: 'x' }],
      ['PUT /api/v1/account/password', { current: 'x', password: 'a password of good length' }],
      ['POST /api/v1/users', { name: 'new', password: 'a password of good length', admin: true }],
    ] as const) {
      const answer = await ask(app, line, { as, body: JSON.stringify(body), type })
      assert.ok(answer.status === 403 || answer.status === 422, `${line}: ${answer.text}`)
      assert.ok(!answer.text.includes('carrel_'), line)
    }
    const own = await ask(app, 'GET /api/v1/tokens', { as })
    const [token] = (own.json() as { items: { id: number }[] }).items
    const rotate = `POST /api/v1/tokens/${token?.id ?? 0}/rotate`
    assert.equal((await ask(app, rotate, { as, body: '{}', type })).status, 422)
  })
})

async function undo(app: TestApp, { text }: Answer): Promise<void> {
  const { id, where, name } = JSON.parse(text) as { id?: number; where?: string; name: string }
  const line = where === undefined ? `robots/${name}` : `grants/${id}`
  assert.equal((await ask(app, `DELETE /api/v1/${line}`, { as: 'admin' })).status, 204)
}

function withAdmin(one: Given): Given {
  const all: readonly Right[] = [...one.rights, 'admin']
  return { place: one.place, rights: rights.filter((right) => all.includes(right)) }
}
