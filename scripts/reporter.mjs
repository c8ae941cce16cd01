// The test reporter of `npm test`: what a person reads on the screen, and one record per test in
// the file that CARREL_TEST_RECORDS names, from which scripts/test.mjs adds up the totals. Records
// are appended as tests end, so that a process that dies half-way still has counted what it did.
import fs from 'node:fs'
import path from 'node:path'
import { inspect, styleText } from 'node:util'

const slowMs = 5000

/** @param {AsyncIterable<{ type: string, data: any }>} events what node:test tells */
export default async function* report(events) {
  const eachTest = process.env.CARREL_TEST_LINES === 'tests'
  let file = newFile(undefined)
  for await (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message
    // Figures that tests tell; the counts at the end of a run are told by scripts/test.mjs.
    if (type === 'test:diagnostic' && data.file !== undefined) yield `  ℹ ${data.message}\n`
    if (type !== 'test:pass' && type !== 'test:fail') continue
    // A suite's fate is that of its tests, but for its own hooks.
    if (data.details.type === 'suite' && !failedItself(type, data)) continue

    const result = resultOf(type, data)
    record({ result, name: data.name, file: shortPath(data.file) })
    if (!eachTest && data.file !== file.path) {
      yield summaryOf(file)
      file = newFile(data.file)
    }
    file.counts[result] += 1
    file.ms += data.nesting === 0 ? data.details.duration_ms : 0
    if (eachTest || result !== 'passed') yield lineOf(result, data)
    if (result === 'failed') yield reasonOf(data)
  }
  if (!eachTest) yield summaryOf(file)
}

function newFile(filePath) {
  return { path: filePath, ms: 0, counts: { passed: 0, failed: 0, skipped: 0 } }
}

function resultOf(type, data) {
  // A test marked as still to do may fail without harm; it has not passed either.
  if (data.skip !== undefined || data.todo !== undefined) return 'skipped'
  return type === 'test:pass' ? 'passed' : 'failed'
}

function failedItself(type, data) {
  return type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed'
}

function record(entry) {
  const target = process.env.CARREL_TEST_RECORDS
  if (target !== undefined) fs.appendFileSync(target, `${JSON.stringify(entry)}\n`)
}

function summaryOf({ path: filePath, ms, counts }) {
  if (filePath === undefined) return ''
  const mark = counts.failed > 0 ? styleText('red', '✖') : styleText('green', '✔')
  const total = counts.passed + counts.failed + counts.skipped
  const slow = ms > slowMs ? `, ${(ms / 1000).toFixed(1)} s` : ''
  return `${mark} ${shortPath(filePath)} (${total} ${total === 1 ? 'test' : 'tests'}${slow})\n`
}

function lineOf(result, data) {
  const mark = { passed: '✔', failed: '✖', skipped: '–' }[result]
  const color = { passed: 'green', failed: 'red', skipped: 'yellow' }[result]
  const why = data.skip ?? data.todo
  const reason =
    result === 'skipped' ? ` (skipped${typeof why === 'string' ? `: ${why}` : ''})` : ''
  const ms = Math.round(data.details.duration_ms)
  const time = result === 'passed' && ms >= 100 ? ` (${(ms / 1000).toFixed(1)} s)` : ''
  return `${'  '.repeat(data.nesting + 1)}${styleText(color, mark)} ${data.name}${reason}${time}\n`
}

function reasonOf(data) {
  const error = data.details.error
  const where = `${shortPath(data.file)}:${data.line}`
  const text = inspect(error?.cause ?? error, { colors: process.stdout.isTTY })
  const indent = '  '.repeat(data.nesting + 2)
  return `${[where, ...text.split('\n')].map((line) => indent + line).join('\n')}\n`
}

function shortPath(filePath) {
  return filePath === undefined ? '' : path.relative(process.cwd(), filePath)
}
