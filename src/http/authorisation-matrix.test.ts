// Every route × every kind of caller × every kind of repository, against rules that are written anew for this
// (test-support/matrix-model.ts) and not taken from the code. A route that is not in the table fails the test.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Method } from './route.ts'
import type { ResourceKind } from './target.ts'
import { anApp, ask, type Answer, type TestApp } from './test-support/app.ts'
import { federateJob, makeCallers } from './test-support/callers.ts'
import { makeRepository } from './test-support/content.ts'
import type { Caller } from './test-support/matrix-model.ts'
import { makeWorld, type World } from './test-support/matrix-people.ts'
import {
  expectedAnswer,
  expectedOutcome,
  matrixRows,
  outcomeOf,
  type Row,
} from './test-support/matrix-routes.ts'

async function aWorld(t: Parameters<typeof anApp>[0]) {
  const state: { job: number } = { job: 0 }
  const app = await anApp(t, { signIn: () => ({ federate: federateJob(() => state.job) }) })
  const world = await makeWorld(app)
  state.job = world.people.get('job')?.id ?? 0
  return { app, world, callers: await makeCallers(app, world) }
}

function keysOf(app: TestApp): string[] {
  return Object.entries(app.routes).flatMap(([resource, routes]) =>
    Object.keys(routes).map((method) => `${resource} ${method}`),
  )
}

interface Asking {
  readonly name: string
  readonly image: string
  readonly as: string | undefined
}

async function askRow(app: TestApp, method: string, row: Row, who: Asking): Promise<Answer> {
  const address = row.address.replaceAll('NAME', who.name).replace('IMAGE', who.image)
  const { body, fromPage } = row
  return ask(app, `${method} ${address}`, {
    ...(who.as !== undefined && { as: who.as }),
    ...(fromPage === true && { headers: { origin: 'https://registry.test' } }),
    ...(body !== undefined && { body }),
  })
}

test('every route is in the table, and nothing else', async (t) => {
  const app = await anApp(t)
  assert.deepEqual(keysOf(app).toSorted(), Object.keys(matrixRows).toSorted())
})

suite('each route, for each caller and each repository', () => {
  test('decides as the rules say', async (t) => {
    const { app, world, callers } = await aWorld(t)
    const counts = { cells: 0, yes: 0 }
    for (const [index, repository] of world.repositories.entries()) {
      for (const caller of callers) {
        // Once through all routes is enough for what is refused before anything is looked up.
        if (caller.isSlow === true && index > 0) continue
        const rows = Object.entries(matrixRows).flatMap(([route, all]) =>
          all
            .filter((row) => row.address.includes('NAME') || index === 0)
            .map((row) => ({ route, row })),
        )
        for (const { route, row } of rows) {
          const cell = { app, world, caller, repository, route, row }
          counts.cells += 1
          if ((await checkCell(cell)) === 'ran') counts.yes += 1
        }
      }
    }
    t.diagnostic(`${callers.length} callers, ${world.repositories.length} repositories`)
    t.diagnostic(`${counts.cells} cells, ${counts.yes} yes`)
    assert.ok(counts.cells > 40_000)
    assert.ok(counts.yes > counts.cells / 10)
    assert.deepEqual(app.faults, [])
  })

  test('changes nothing where it refuses, and the cells themselves change nothing', async (t) => {
    const { app, world } = await aWorld(t)
    const as = 'admin'
    const before = (await ask(app, 'GET /v2/_catalog', { as })).text
    for (const { name } of world.repositories) {
      for (const [route, rows] of Object.entries(matrixRows)) {
        const method = route.split(' ')[1] ?? ''
        for (const row of rows) await askRow(app, method, row, { name, image: world.image, as })
      }
    }
    assert.equal((await ask(app, 'GET /v2/_catalog', { as })).text, before)
    for (const { name, id } of world.repositories) {
      if (id === undefined) continue
      const tags = await ask(app, `GET /v2/${name}/tags/list`, { as })
      assert.deepEqual(tags.json(), { name, tags: ['v1'] })
    }
  })

  test('is open to everybody in open mode, on whatever repository', async (t) => {
    const app = await anApp(t, { open: true })
    for (const visibility of ['private', 'internal', 'public', 'missing'] as const) {
      const name = `team/${visibility}`
      if (visibility !== 'missing') await makeRepository(app, name, visibility)
      for (const [route, rows] of Object.entries(matrixRows)) {
        const method = route.split(' ')[1] ?? ''
        for (const row of rows.filter((one) => !isOfAccounts(one))) {
          const { outcome } = expectedAnswer(route, row, 'ran', { name, visibility })
          for (const as of [undefined, 'alice', 'Bearer x', 'nonsense']) {
            const answer = await askRow(app, method, row, { name, image: 'v1', as })
            assert.equal(outcomeOf(answer), outcome, `${as}: ${route}`)
          }
        }
      }
    }
  })
})

/** There are no accounts in open mode. */
function isOfAccounts({ need, address, fromPage }: Row): boolean {
  return (
    need === 'self' ||
    need === 'administrator' ||
    fromPage === true ||
    address.startsWith('/api/v1/device')
  )
}

async function checkCell({
  app,
  world,
  caller,
  repository,
  route,
  row,
}: {
  readonly app: TestApp
  readonly world: World
  readonly caller: Caller
  readonly repository: World['repositories'][number]
  readonly route: string
  readonly row: Row
}) {
  const method = route.split(' ')[1] ?? ''
  const who = { name: repository.name, image: world.image, as: caller.authorization }
  const answer = await askRow(app, method, row, who)
  const decided = expectedOutcome(caller, row, repository, world.everybody)
  const wanted = expectedAnswer(route, row, decided, repository, caller.holder !== undefined)
  const outcome = outcomeOf(answer)
  if (outcome !== wanted.outcome || answer.status !== wanted.status) {
    const cell = `${caller.title}: ${method} ${row.address} on ${repository.name}`
    assert.deepEqual({ outcome, status: answer.status }, wanted, `${cell}: ${answer.text}`)
  }
  return decided
}

test('in open mode nobody signs in, and nobody is somebody', async (t) => {
  const app = await anApp(t, { open: true })
  for (const [route, rows] of Object.entries(matrixRows)) {
    for (const row of rows.filter(isOfAccounts)) {
      const who = { name: '', image: '', as: 'alice' }
      const answer = await askRow(app, route.split(' ')[1] ?? '', row, who)
      assert.ok([303, 401, 403, 415].includes(answer.status), `${route}: ${answer.status}`)
      assert.ok(!answer.headers['set-cookie']?.includes('carrel_session'), route)
    }
  }
})

test('a method that a resource does not have is refused to everybody alike', async (t) => {
  const { app, world, callers } = await aWorld(t)
  const methods: readonly Method[] = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE']
  const addresses = new Map<string, string>()
  for (const [route, [row]] of Object.entries(matrixRows)) {
    addresses.set(route.split(' ')[0] ?? '', row?.address ?? '')
  }
  let cells = 0
  for (const [resource, address] of addresses) {
    const routes = app.routes[resource as ResourceKind]
    for (const method of methods.filter((one) => !Object.hasOwn(routes, one))) {
      for (const { title, authorization: as } of callers) {
        const row: Row = { need: 'nothing', address, yes: 405 }
        const who = { name: 'alice/private', image: world.image, as }
        const answer = await askRow(app, method, row, who)
        assert.equal(answer.status, 405, `${title}: ${method} ${address}`)
        cells += 1
      }
    }
  }
  t.diagnostic(`${cells} cells`)
  assert.ok(cells > 1000)
})
