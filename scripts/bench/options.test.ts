import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOptions, usageText, UsageError } from './options.ts'

const named = (...names: readonly string[]) => names.map((name) => ({ name, about: `${name}!` }))
const choices = { works: named('manifest', 'blob', 'start'), subjects: named('carrel', 'zot') }

test('rows and subjects come in the order of the table, however they were asked for', () => {
  const options = parseOptions(
    ['--only', 'start,manifest', '--subjects', 'zot,carrel', '--secs=1', '--json', 'x.json'],
    choices,
  )
  assert.deepEqual(options?.only, ['manifest', 'start'])
  assert.deepEqual(options?.subjects, ['carrel', 'zot'])
  assert.equal(options?.seconds, 1)
  assert.equal(options?.json, 'x.json')
})

test('what cannot be meant is refused with what can', () => {
  const wrong = [
    [['--only', 'manifests'], /"manifests".*manifest, blob, start/],
    [['--subjects', 'harbor'], /"harbor".*carrel, zot/],
    [['--rounds', '1'], /--rounds is a whole number of at least 2, not 1/],
    [['--secs', '0.5'], /--secs/],
    [['--seconds', '1'], /--seconds/],
    [['manifest'], /manifest/],
  ] as const
  for (const [args, message] of wrong) {
    assert.throws(
      () => parseOptions(args, choices),
      (error) => error instanceof UsageError && message.test(error.message),
    )
  }
})

test('help names every option, row and subject', () => {
  const all = { ...choices, subjects: named('carrel', 'reg28', 'reg3', 'zot') }
  assert.equal(parseOptions(['--help'], all), undefined)
  for (const word of ['--secs', '--big', '--json', 'manifest!', 'reg28!']) {
    assert.ok(usageText(all).includes(word), word)
  }
})
