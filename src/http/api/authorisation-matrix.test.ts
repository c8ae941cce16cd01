// Every operation of the management API × every kind of caller, with ids and names that are the caller's own, somebody
// else's, or not there. The rules are those of test-support/matrix-needs.ts and not taken from the code. Nothing can be
// written meanwhile: whoever may do something is answered that it could not be kept.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hasQuery, pathParameters } from '../../contract/operation.ts'
import { operations, type OperationName } from '../../contract/operations.ts'
import { anApp, ask, type Answer, type TestApp } from '../test-support/app.ts'
import { federateJob, makeCallers } from '../test-support/callers.ts'
import type { Caller } from '../test-support/matrix-model.ts'
import { expectedOf, self, type ApiOutcome } from '../test-support/matrix-needs.ts'
import type { OperationRow, Rows } from '../test-support/matrix-operation.ts'
import { matrixOperations } from '../test-support/matrix-operations.ts'
import { makeWorld, type World } from '../test-support/matrix-people.ts'
import { freezable, makeThings, type Switch } from '../test-support/matrix-things.ts'
import { createApi } from './api.ts'
import { problemReply } from './problem-reply.ts'

const hiddenDetail = 'There is nothing of that name here that you may see.'

interface Matrix {
  readonly app: TestApp
  readonly world: World
  readonly callers: readonly Caller[]
  readonly rows: Rows
}

async function aMatrix(t: Parameters<typeof anApp>[0]): Promise<Matrix> {
  const freeze: Switch = { isFrozen: false }
  const state: { job: number } = { job: 0 }
  const app = await anApp(t, {
    metadata: freezable(freeze),
    signIn: () => ({ federate: federateJob(() => state.job) }),
  })
  const world = await makeWorld(app)
  state.job = world.people.get('job')?.id ?? 0
  const callers = await makeCallers(app, world)
  const rows = matrixOperations(await makeThings(app, world, callers))
  // Passwords get a better hash when they are first used.
  for (const { authorization: as, isSlow } of callers) {
    if (isSlow !== true && as?.startsWith('Basic ') === true) await ask(app, 'GET /v2/', { as })
  }
  freeze.isFrozen = true
  return { app, world, callers, rows }
}

interface Line {
  readonly line: string
  readonly body?: string
}

function lineOf(name: OperationName, { input }: OperationRow): Line {
  const { method, path } = operations[name]
  const rest = new Map(Object.entries(input))
  let address = `/api/v1${path}`
  for (const parameter of pathParameters(path)) {
    const text = encodeURIComponent(String(rest.get(parameter.name)))
    rest.delete(parameter.name)
    address = address.replace(`{${parameter.name}${parameter.rest ? '...' : ''}}`, text)
  }
  if (!hasQuery(method)) {
    return { line: `${method} ${address}`, body: JSON.stringify(Object.fromEntries(rest)) }
  }
  const query = new URLSearchParams()
  for (const [key, value] of rest) query.set(key, String(value))
  const asked = rest.size === 0 ? '' : `?${query.toString()}`
  return { line: `${method} ${address}${asked}` }
}

async function askApi(app: TestApp, { line, body }: Line, as: string | undefined): Promise<Answer> {
  return ask(app, line, {
    ...(as !== undefined && { as }),
    ...(body !== undefined && { body, type: 'application/json' }),
  })
}

function outcomeOf(status: number, text: string): ApiOutcome {
  if (status === 401) return '401'
  if (status === 403) return '403'
  return status === 404 && text.includes(hiddenDetail) ? '404 hidden' : 'ran'
}

function yesOf(name: OperationName, { yes }: OperationRow): readonly number[] {
  return yes ?? [operations[name].method === 'GET' ? 200 : 503]
}

function everyRow(rows: Rows): readonly (readonly [OperationName, OperationRow])[] {
  return Object.entries(rows).flatMap(([name, all]) =>
    all.map((row) => [name as OperationName, row] as const),
  )
}

suite('each operation, for each caller', () => {
  test('is in the table, and nothing else', async (t) => {
    const { rows } = await aMatrix(t)
    assert.deepEqual(Object.keys(rows).toSorted(), Object.keys(operations).toSorted())
    for (const [name, all] of Object.entries(rows)) assert.ok(all.length > 0, name)
  })

  test('decides as the rules say, and hides all that is hidden behind one answer', async (t) => {
    const { app, world, callers, rows } = await aMatrix(t)
    const counts = { cells: 0, yes: 0 }
    const hidden = new Set<string>()
    for (const [index, [name, row]] of everyRow(rows).entries()) {
      const line = lineOf(name, row)
      for (const caller of callers) {
        if (caller.isSlow === true && index > 0) continue
        const answer = await askApi(app, line, caller.authorization)
        const outcome = outcomeOf(answer.status, answer.text)
        const wanted = expectedOf(caller, row.need, world)
        const cell = `${caller.title}: ${name} ${line.line} ${line.body ?? ''}`
        assert.equal(outcome, wanted, `${cell}: ${answer.status} ${answer.text}`)
        if (wanted === 'ran') {
          const isGood = yesOf(name, row).includes(answer.status)
          assert.ok(isGood, `${cell}: ${answer.status} ${answer.text}`)
          counts.yes += 1
        }
        if (outcome === '404 hidden') {
          hidden.add(JSON.stringify({ text: answer.text, headers: answer.headers }))
        }
        if (outcome === '401') assert.ok(answer.headers['www-authenticate'], cell)
        counts.cells += 1
      }
    }
    t.diagnostic(`${callers.length} callers, ${everyRow(rows).length} requests`)
    t.diagnostic(`${counts.cells} cells, ${counts.yes} yes`)
    assert.ok(counts.cells > 10_000)
    assert.ok(counts.yes > 1000)
    assert.equal(hidden.size, 1)
  })
})

test('whoever runs commands beside the data may do everything but what takes an account', async (t) => {
  const { app, rows } = await aMatrix(t)
  const { metadata } = app
  const passwords = { hash: async () => '', verify: async () => false }
  const api = createApi({ metadata, passwords, forgetPrincipal: () => undefined })
  const captured: Parameters<typeof api.handle>[0][] = []
  const capturing = {
    app: {
      handle: async (request: (typeof captured)[0]) => (captured.push(request), { status: 200 }),
    },
  }
  for (const [name, row] of everyRow(rows)) {
    const { line, body } = lineOf(name, row)
    await ask(capturing, line, body === undefined ? {} : { body, type: 'application/json' })
    const request = captured.pop()
    assert.ok(request)
    const reply = await api
      .handle(request, async () => ({ kind: 'operator' }))
      .catch((error: unknown) => problemReply(error, 'request-1'))
    const wanted = row.operator ?? (row.need === self ? '403' : 'ran')
    const outcome = outcomeOf(reply.status, typeof reply.body === 'string' ? reply.body : '')
    assert.equal(outcome, wanted, `${line} ${body ?? ''}: ${String(reply.body)}`)
  }
})
