// Whoever guesses learns from the registry only that it did not work: an unknown user, a disabled one and a wrong
// password are answered alike, and take equally long (reliability.md B14, T38).
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test, type TestContext } from 'node:test'
import { addUser, apiOf, basic } from './support/access-api.ts'
import { createWire, quantile, type Answer } from './support/access-wire.ts'
import { startRegistry, type StartedRegistry } from './support/start-registry.ts'

const kinds = ['wrong password', 'unknown user', 'disabled user'] as const
type Kind = (typeof kinds)[number]

/** Of each kind. An account has ten guesses in 15 minutes, an address a hundred. */
const accounts = 32
const guessesPerAccount = 10
const guessesPerAddress = 90
const samples = { '/token': 200, '/v2/': 100 } as const
/** On a machine with nothing else to do it is a fraction of a millisecond. */
const largestDifferenceMs = 15

let registry: StartedRegistry

before(async () => {
  registry = await startRegistry({ postgres: false })
  const api = apiOf(registry, registry.authorization)
  for (let index = 0; index < accounts; index += 1) {
    await addUser(api, nameOf('wrong password', index))
    await addUser(api, nameOf('disabled user', index))
    await api.call('users.change', { name: nameOf('disabled user', index), disabled: true })
  }
})
after(async () => registry[Symbol.asyncDispose]())

const takeGuess = counter()

for (const path of ['/token', '/v2/'] as const) {
  test(`${path}: all that is wrong is answered alike, after the same time`, async (t) => {
    const answers = await guess(path, samples[path])
    const [first, ...others] = kinds.map((kind) => answers.get(kind) ?? [])
    const [shape] = new Set(first?.map(shapeOf))
    assert.match(shape ?? '', /^401 /)
    for (const some of [first, ...others]) {
      assert.deepEqual([...new Set(some?.map(shapeOf))], [shape])
    }
    compareTimes(t, answers)
  })
}

/** Interleaved, so that whatever else the machine does meanwhile is in all of them. */
async function guess(path: string, count: number): Promise<ReadonlyMap<Kind, readonly Answer[]>> {
  const answers = new Map<Kind, Answer[]>(kinds.map((kind) => [kind, []]))
  for (let index = 0; index < count; index += 1) {
    for (let turn = 0; turn < kinds.length; turn += 1) {
      const kind = kinds[(index + turn) % kinds.length] ?? 'unknown user'
      answers.get(kind)?.push(await takeGuess(kind, path))
    }
  }
  return answers
}

/** Each guess is at an account and from an address that have some left. */
function counter(): (kind: Kind, path: string) => Promise<Answer> {
  const counts = new Map<Kind, number>()
  let total = 0
  return async (kind, path) => {
    const count = counts.get(kind) ?? 0
    counts.set(kind, count + 1)
    total += 1
    const name = nameOf(kind, Math.floor(count / guessesPerAccount))
    const from = `127.0.5.${1 + Math.floor(total / guessesPerAddress)}`
    using wire = createWire(registry.port, { from })
    // The connection is there before the time is taken.
    await wire.ask('GET', '/readyz')
    const authorization = basic(name, randomBytes(12).toString('hex'))
    return await wire.ask('GET', path, { authorization })
  }
}

/** Of the same length in all kinds. */
function nameOf(kind: Kind, index: number): string {
  return `${kind.slice(0, 5).trim()}-${String(index).padStart(2, '0')}`
}

/** Status, headers in their order and spelling, and body; of headers that always differ the names alone. */
function shapeOf({ status, headers, headerNames, body }: Answer): string {
  const { date: _date, 'x-request-id': _id, ...values } = headers
  return `${status} ${headerNames.join(',')} ${JSON.stringify(values)} ${body.toString()}`
}

function compareTimes(t: TestContext, answers: ReadonlyMap<Kind, readonly Answer[]>): void {
  const medians = kinds.map((kind) => {
    const times = (answers.get(kind) ?? []).map(({ ms }) => ms)
    const [low, median, high] = [0.25, 0.5, 0.75].map((part) => quantile(times, part).toFixed(2))
    t.diagnostic(
      `${kind}: median ${median} ms (quartiles ${low} and ${high}), ${times.length} samples`,
    )
    return quantile(times, 0.5)
  })
  const difference = Math.max(...medians) - Math.min(...medians)
  t.diagnostic(`the medians differ by ${difference.toFixed(2)} ms`)
  assert.ok(difference < largestDifferenceMs, `the medians differ by ${difference} ms`)
}
