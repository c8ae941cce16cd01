import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { LoginAttempts } from '../metadata/login-attempts.ts'
import { giveBack, takeAttempt, windowMs, type Budget } from './login-throttle-budgets.ts'

const minute = 60_000
const start = 1_700_000_000_000

/** Attempts at these times, in order; tells at which of them one was evaluated. */
function evaluatedAt(budget: Budget, times: readonly number[]): readonly number[] {
  let counter: LoginAttempts | undefined
  const evaluated: number[] = []
  for (const now of times) {
    const taken = takeAttempt(budget, counter, now)
    if (taken.attempts === undefined) {
      assert.ok(taken.refusedUntil > now, 'refused until now or earlier')
      continue
    }
    counter = taken.attempts
    evaluated.push(now)
  }
  return evaluated
}

/** Milliseconds between attempts, from none to longer than every window. */
const gaps = fc.array(
  fc.oneof(fc.nat({ max: 2000 }), fc.nat({ max: 5 * minute }), fc.nat({ max: 40 * minute })),
  { minLength: 20, maxLength: 300 },
)

function timesOf(steps: readonly number[]): readonly number[] {
  let now = start
  return steps.map((step) => (now += step))
}

function mostWithin(times: readonly number[], spanMs: number): number {
  let most = 0
  for (const first of times) {
    most = Math.max(most, times.filter((at) => at >= first && at < first + spanMs).length)
  }
  return most
}

test('no 15 minutes, wherever they begin, hold more than 10 attempts of strangers on an account', () => {
  fc.assert(
    fc.property(gaps, (steps) => {
      const evaluated = evaluatedAt('account', timesOf(steps))
      assert.ok(mostWithin(evaluated, 15 * minute) <= 10)
    }),
    { numRuns: 300 },
  )
})

test('strangers have 10 attempts on an account again when 15 minutes have passed since the last', () => {
  const burst = Array.from({ length: 12 }, (_, number) => start + number)
  const last = start + 9
  const again = [last + windowMs - 1, last + windowMs, last + windowMs + 1]
  const evaluated = evaluatedAt('account', [...burst, ...again])
  assert.deepEqual(evaluated, [...burst.slice(0, 10), ...again.slice(1)])
})

test('an address has 100 attempts in 15 minutes from its first on', () => {
  const flood = Array.from({ length: 200 }, (_, number) => start + number * 1000)
  const evaluated = evaluatedAt('address', [...flood, start + windowMs - 1, start + windowMs])
  assert.deepEqual(evaluated, [...flood.slice(0, 100), start + windowMs])
})

test('an address that is wrong once in ten minutes is never refused', () => {
  const times = Array.from({ length: 400 }, (_, number) => start + number * 10 * minute)
  assert.equal(evaluatedAt('address', times).length, 400)
})

test('a client has 10 attempts, then one after pauses of 1, 2, 4, 8 and then always 15 minutes', () => {
  const seconds = Array.from({ length: 90 * 60 }, (_, number) => start + number * 1000)
  const evaluated = evaluatedAt('client', seconds)
  const rest = evaluated.slice(9)
  const pauses = rest.slice(1).map((at, index) => (at - (rest[index] ?? 0)) / minute)
  assert.deepEqual(evaluated.slice(0, 10), seconds.slice(0, 10))
  assert.deepEqual(pauses, [1, 2, 4, 8, 15, 15, 15, 15])
})

test('a client that stays away for a window after its pause begins anew', () => {
  const burst = Array.from({ length: 10 }, () => start)
  const early = start + minute + windowMs - 1
  assert.equal(evaluatedAt('client', [...burst, early, early]).length, 11)
  const late = start + minute + windowMs
  const anew = Array.from({ length: 10 }, () => late)
  assert.equal(evaluatedAt('client', [...burst, ...anew]).length, 20)
})

test('an attempt that is given back leaves the counter as if it had not been', () => {
  for (const budget of ['address', 'account', 'client'] as const) {
    const one = takeAttempt(budget, undefined, start).attempts
    assert.equal(giveBack(budget, one, start), undefined)
    let counter = one
    for (let number = 2; number <= 10; number += 1) {
      counter = takeAttempt(budget, counter, start).attempts
    }
    const back = giveBack(budget, counter, start)
    assert.equal(back?.count, 9)
    assert.equal(takeAttempt(budget, back, start).refusedUntil, undefined, budget)
  }
})

test('giving back never makes more attempts than there were', () => {
  const step = fc.constantFrom('take', 'take', 'give back', 'wait')
  const budget = fc.constantFrom<Budget>('address', 'account')
  fc.assert(
    fc.property(budget, fc.array(step, { maxLength: 400 }), (of, steps) => {
      const limit = of === 'address' ? 100 : 10
      let now = start
      let counter: LoginAttempts | undefined
      let held = 0
      for (const action of steps) {
        if (action === 'wait') now += 100
        if (action === 'take') {
          const { attempts } = takeAttempt(of, counter, now)
          if (attempts !== undefined) held += 1
          counter = attempts ?? counter
        }
        if (action === 'give back' && held > 0) {
          counter = giveBack(of, counter, now)
          held -= 1
        }
        assert.ok(held <= limit)
        assert.equal(counter?.count ?? 0, held)
      }
    }),
    { numRuns: 200 },
  )
})

test('giving back after the window has ended changes nothing that counts', () => {
  const counter = takeAttempt('account', undefined, start).attempts
  assert.equal(giveBack('account', counter, start + windowMs), undefined)
  assert.equal(giveBack('account', undefined, start), undefined)
})

test('a counter that a wrong clock wrote far ahead does not lock anybody out for years', () => {
  const year = 365 * 24 * 60 * minute
  for (const budget of ['address', 'account', 'client'] as const) {
    const wrong = { count: 1000, windowEndsAt: start + year, blockedUntil: start + year }
    assert.equal(takeAttempt(budget, wrong, start).attempts?.count, 1)
  }
})
