import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bench } from './bench.ts'
import { runWork } from './run-work.ts'
import type { Subject } from './subjects/subject.ts'
import type { Line, Work } from './work.ts'

const subject = (kind: Subject['kind'], name: string) => ({ kind, name, title: name }) as Subject
const subjects = [subject('carrel', 'carrel'), subject('peer', 'zot')]

const line: Line = {
  title: 'speed',
  figure: 'speed',
  unit: '',
  digits: 0,
  better: 'more',
  carrel: 'bearer',
  peers: 'open',
}

function benchOf(rounds: number, interrupted = new AbortController().signal): Bench {
  return { options: { rounds }, interrupted, say: () => undefined } as unknown as Bench
}

/** Writes down what happens; `turn` gives the figure of a subject's turn. */
function workOf(events: string[], turn: (name: string, count: number) => number): Work {
  return {
    name: 'w',
    about: 'w',
    lines: [line],
    async open(_, { subject: { name }, login }) {
      let count = 0
      events.push(`open ${name} ${login}`)
      return {
        async warmUp() {
          events.push(`warm ${name}`)
        },
        async turn() {
          count += 1
          events.push(`turn ${name}`)
          return { speed: turn(name, count) }
        },
        async [Symbol.asyncDispose]() {
          events.push(`close ${name}`)
        },
      }
    },
  }
}

test('all are warm before the first turn, and turns alternate', async () => {
  const events: string[] = []
  const work = workOf(events, (name, count) => (name === 'zot' ? 10 : 20) + count)
  const outcomes = await runWork(benchOf(3), work, subjects)
  assert.deepEqual(events.slice(0, 4), [
    'open carrel bearer',
    'warm carrel',
    'open zot open',
    'warm zot',
  ])
  assert.deepEqual(
    events.slice(4, 10),
    Array.from({ length: 3 }, () => ['turn carrel', 'turn zot']).flat(),
  )
  assert.deepEqual(events.slice(10).toSorted(), ['close carrel', 'close zot'])
  assert.deepEqual(
    outcomes.map(({ medians }) => medians),
    [{ speed: 22 }, { speed: 12 }],
  )
})

test('who fails once has no more turns and the others go on', async () => {
  const events: string[] = []
  const work = workOf(events, (name, count) => {
    if (name === 'zot' && count === 2) throw new Error('500 to GET')
    return count
  })
  const [carrel, zot] = await runWork(benchOf(3), work, subjects)
  assert.equal(carrel?.failure, undefined)
  assert.equal(carrel?.turns.length, 3)
  assert.equal(zot?.failure, '500 to GET')
  assert.equal(events.filter((event) => event === 'turn zot').length, 2)
})

test('a run that is interrupted closes what it opened', async () => {
  const events: string[] = []
  const interruption = new AbortController()
  const work = workOf(events, () => {
    interruption.abort()
    throw new Error('the process was killed')
  })
  await assert.rejects(runWork(benchOf(2, interruption.signal), work, subjects), {
    name: 'AbortError',
  })
  assert.deepEqual(events.slice(-2).toSorted(), ['close carrel', 'close zot'])
})
