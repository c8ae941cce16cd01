import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RequestedRange } from './byte-range.ts'
import { parseContentRange, parseRange } from './byte-range.ts'

const whole: RequestedRange = { kind: 'whole' }
const unsatisfiable: RequestedRange = { kind: 'unsatisfiable' }

function range(start: number, end: number): RequestedRange {
  return { kind: 'range', start, end }
}

const cases: readonly (readonly [
  header: string | undefined,
  size: number,
  expected: RequestedRange,
])[] = [
  [undefined, 4000, whole],
  ['bytes=0-99', 4000, range(0, 99)],
  ['bytes=0-0', 4000, range(0, 0)],
  ['bytes=100-', 4000, range(100, 3999)],
  ['bytes=-100', 4000, range(3900, 3999)],
  ['bytes=-5000', 4000, range(0, 3999)],
  ['bytes=2000-5000', 4000, range(2000, 3999)],
  ['bytes=0-99999999999999999999999', 4000, range(0, 3999)],
  ['BYTES=1-2', 4000, range(1, 2)],
  ['bytes= 1-2 ', 4000, range(1, 2)],
  ['bytes=500-0', 4000, unsatisfiable],
  ['bytes=4000-', 4000, unsatisfiable],
  ['bytes=4000-4001', 4000, unsatisfiable],
  ['bytes=99999999999999999999999-', 4000, unsatisfiable],
  ['bytes=-0', 4000, unsatisfiable],
  ['bytes=0-', 0, unsatisfiable],
  ['bytes=-1', 0, whole],
  ['bytes=-0', 0, unsatisfiable],
  ['bytes=0-1,5-6', 4000, whole],
  ['bytes=0-1,', 4000, whole],
  ['bytes=-', 4000, whole],
  ['bytes=', 4000, whole],
  ['bytes', 4000, whole],
  ['', 4000, whole],
  ['bytes=a-b', 4000, whole],
  ['bytes=1.5-2', 4000, whole],
  ['bytes=--1', 4000, whole],
  ['bytes=0x1-2', 4000, whole],
  ['lines=0-1', 4000, whole],
  ['0-1', 4000, whole],
]

for (const [header, size, expected] of cases) {
  test(`the range ${header ?? 'that is missing'} of ${size} bytes is ${expected.kind}`, () => {
    assert.deepEqual(parseRange(header, size), expected)
  })
}

test('a range selects the bytes that counting them one by one selects', () => {
  const bound = fc.option(fc.nat(12), { nil: undefined })
  fc.assert(
    fc.property(bound, bound, fc.nat(10), (first, last, size) => {
      const all = Array.from({ length: size }, (_, index) => index)
      let selected: readonly number[]
      if (first !== undefined) {
        selected = all.filter((index) => index >= first && index <= (last ?? Infinity))
      } else {
        selected = all.filter((index) => index >= size - (last ?? 0))
      }
      const parsed = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, size)
      if (parsed.kind === 'range') {
        assert.deepEqual(all.slice(parsed.start, parsed.end + 1), selected)
        assert(parsed.start <= parsed.end && parsed.end < size)
      } else if (parsed.kind === 'unsatisfiable') {
        assert.deepEqual(selected, [])
      } else {
        const nothingAsked = first === undefined && last === undefined
        assert(nothingAsked || size === 0)
      }
    }),
    { numRuns: 1000 },
  )
})

test('no header makes a range beyond the content', () => {
  const text = fc.string({ unit: fc.constantFrom('0', '9', '-', ',', ' ', '=', 'b', 'x') })
  fc.assert(
    fc.property(text, fc.nat(20), (rest, size) => {
      const parsed = parseRange(`bytes=${rest}`, size)
      if (parsed.kind === 'range') {
        assert(parsed.start >= 0 && parsed.start <= parsed.end && parsed.end < size)
      }
    }),
  )
})

const contentRanges: readonly (readonly [
  header: string | undefined,
  expected: ReturnType<typeof parseContentRange>,
])[] = [
  [undefined, undefined],
  ['0-9', { start: 0, end: 9 }],
  ['10-10', { start: 10, end: 10 }],
  ['bytes 0-9/*', { start: 0, end: 9 }],
  ['bytes 0-9/10', { start: 0, end: 9 }],
  ['bytes 0-9/11', { start: 0, end: 9 }],
  ['Bytes 5-9/10', { start: 5, end: 9 }],
  ['bytes 0-9/9', 'invalid'],
  ['9-0', 'invalid'],
  ['', 'invalid'],
  ['0', 'invalid'],
  ['-9', 'invalid'],
  ['0-', 'invalid'],
  ['0-9/10', 'invalid'],
  ['bytes=0-9', 'invalid'],
  ['bytes */10', 'invalid'],
  ['0-9,10-19', 'invalid'],
  [' 0-9', 'invalid'],
  ['+0-9', 'invalid'],
  ['0-1e3', 'invalid'],
  ['0-99999999999999999999', 'invalid'],
]

for (const [header, expected] of contentRanges) {
  test(`the position of a chunk ${header ?? 'without header'} is read`, () => {
    assert.deepEqual(parseContentRange(header), expected)
  })
}

test('a position comes back in all three notations', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (start, length) => {
      const end = start + length
      for (const header of [
        `${start}-${end}`,
        `bytes ${start}-${end}/*`,
        `bytes ${start}-${end}/${end + 1}`,
      ]) {
        assert.deepEqual(parseContentRange(header), { start, end })
      }
    }),
  )
})
