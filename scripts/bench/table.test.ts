import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Login } from './door.ts'
import type { Outcome } from './run-work.ts'
import { tableText, type Report } from './table.ts'
import type { Line } from './work.ts'

const subjects = [
  { kind: 'carrel', name: 'carrel', title: 'Carrel 1' },
  { kind: 'peer', name: 'reg3', title: 'registry 3' },
  { kind: 'peer', name: 'zot', title: 'zot' },
] as const

const rate: Line = {
  title: 'reads',
  figure: 'perSecond',
  unit: '/s',
  digits: 0,
  better: 'more',
  carrel: 'bearer',
  peers: 'open',
}
const time: Line = {
  ...rate,
  title: 'time',
  figure: 'seconds',
  unit: ' s',
  digits: 2,
  better: 'less',
}

function outcome(
  subject: string,
  login: Login,
  medians: Outcome['medians'],
  failure?: string,
): Outcome {
  const more = failure === undefined ? {} : { failure }
  return { work: 'w', subject, login, turns: [medians], medians, ...more }
}

function rowsOf(lines: readonly Line[], outcomes: readonly Outcome[]): readonly string[] {
  const report: Report = { works: [{ name: 'w', lines }], subjects, outcomes }
  return tableText(report).split('\n').slice(2)
}

test('the ratio is that to the best peer, above 1 where Carrel is better', () => {
  const outcomes = [
    outcome('carrel', 'bearer', { perSecond: 15_000, seconds: 2 }),
    outcome('reg3', 'open', { perSecond: 4000, seconds: 3 }),
    outcome('zot', 'open', { perSecond: 10_000, seconds: 1 }),
  ]
  assert.deepEqual(rowsOf([rate, time], outcomes), [
    '| reads | **15,000/s** (1.50 ×) | 4,000/s | 10,000/s |',
    '| time | **2.00 s** (0.50 ×) | 3.00 s | 1.00 s |',
  ])
})

test('a contender that failed says so, has no figure and is nobody to compare with', () => {
  const outcomes = [
    outcome('carrel', 'bearer', { perSecond: 15_000 }),
    outcome('reg3', 'open', { perSecond: 4000 }),
    outcome('zot', 'open', { perSecond: 10_000 }, '404 to GET, 50 times | and more\nand more'),
  ]
  assert.deepEqual(rowsOf([rate], outcomes), [
    '| reads | **15,000/s** (3.75 ×) | 4,000/s | failed: 404 to GET, 50 times / and more |',
  ])
})

test('figures of another login are not compared', () => {
  const withPassword: Line = { ...rate, carrel: 'basic', peers: 'basic' }
  const outcomes = [
    outcome('carrel', 'bearer', { perSecond: 1 }),
    outcome('carrel', 'basic', { perSecond: 900 }),
    outcome('reg3', 'open', { perSecond: 4000 }),
    outcome('reg3', 'basic', { perSecond: 300 }),
  ]
  assert.deepEqual(rowsOf([withPassword], outcomes), ['| reads | **900/s** (3.00 ×) | 300/s | – |'])
})

test('a line that peers have no figure for shows the figure alone', () => {
  const { peers: _, ...alone } = time
  assert.deepEqual(rowsOf([alone], [outcome('carrel', 'bearer', { seconds: 1.234 })]), [
    '| time | 1.23 s | – | – |',
  ])
})
