import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csvLine, jsonLine, parseJsonLine } from './export-line.ts'
import { exportAudit, type ExportOptions } from './export.ts'
import { anInstallation, collect, fill, installationId, sealedRows } from './test-support/logs.ts'
import { verifyExport } from './verify.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { SealedRecord } from '../metadata/audit-seals.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { removeRows } from '../metadata/suite-cases/audit-tampering.ts'

async function linesOf(
  metadata: MetadataStore,
  options: Omit<ExportOptions, 'format'> = {},
): Promise<string[]> {
  const text = await collect(exportAudit(metadata, { format: 'jsonl', ...options }))
  return text.split('\n').slice(0, -1)
}

const kinds = (report: Awaited<ReturnType<typeof verifyExport>>): string[] =>
  report.problems.map(({ kind }) => kind)

test('an export has every sealed row with all of its fields, and is checked without the database', async (t) => {
  const metadata = await anInstallation(t)
  await fill(metadata, 1203)
  await metadata.write(async (tx) =>
    appendAudit(tx, { event: 'login.failed', actor: { name: 'who' }, subject: 'unsealed' }),
  )
  const lines = await linesOf(metadata)
  assert.equal(lines.length, 1203)
  const fields = JSON.parse(lines[1] ?? '') as Record<string, unknown>
  assert.equal(fields['previous'], (JSON.parse(lines[0] ?? '') as typeof fields)['hash'])
  assert.deepEqual(
    { ...fields, previous: '', hash: '', id: 0 },
    {
      seq: 2,
      id: 0,
      at: 1_750_000_000_001,
      event: 'image.pushed',
      actorId: 2,
      actor: 'alice',
      subject: 'web/app-1',
      address: null,
      detail: { number: 1 },
      previous: '',
      hash: '',
    },
  )
  for (const id of [installationId, undefined]) {
    const { ok, entries, from, to } = await verifyExport(lines, { installationId: id })
    assert.deepEqual([ok, entries, from, to], [true, 1203, 1, 1203])
  }
  assert.deepEqual(kinds(await verifyExport(lines, { installationId: 'another' })), [
    'changed',
    'changed',
  ])
})

test('a line that was changed, removed, moved, added or said in other words is found in an export', async (t) => {
  const metadata = await anInstallation(t)
  await fill(metadata, 20)
  const lines = await linesOf(metadata)
  const changed = (index: number, ...others: readonly string[]): string[] =>
    lines.toSpliced(index, 1, ...others)
  const line = lines[7] ?? ''
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['changed', changed(7, line.replace('alice', 'bob'))],
    ['changed', changed(0, (lines[0] ?? '').replace('stranger', 'bob'))],
    ['changed', changed(19, (lines[19] ?? '').replace('alice', 'bob'))],
    ['missing', changed(7)],
    ['missing', lines.slice(1)],
    ['order', changed(7, line, line)],
    ['order', changed(7).toSpliced(9, 0, line)],
    ['unreadable', changed(7, line, 'nonsense')],
    ['unreadable', changed(7, line.replace('{', '{"subject":"another",'))],
    ['unreadable', changed(7, line.replace('{', '{ '))],
    ['unreadable', changed(7, line.replace('"hash"', '"more":1,"hash"'))],
    ['unreadable', changed(7, 'null')],
    ['unreadable', changed(7, '{}')],
  ]
  assert.deepEqual(kinds(await verifyExport(lines)), [])
  for (const [kind, tampered] of cases) {
    const found = kinds(await verifyExport(tampered))
    assert.ok(found.includes(kind), `${kind}: ${found.join(' ')}`)
  }
  const { hash = '' } = (parseJsonLine(lines[19] ?? '') ?? { row: {} }).row as Partial<SealedRecord>
  const head = JSON.stringify({ seq: 20, hash, at: 1, kid: 'k', signature: 's' })
  assert.deepEqual(kinds(await verifyExport(lines, { heads: [head] })), [])
  assert.deepEqual(kinds(await verifyExport(lines.slice(0, 19), { heads: [head] })), ['truncated'])
})

test('an export ends with the row that was the last one when it began', async (t) => {
  const metadata = await anInstallation(t)
  await fill(metadata, 600)
  const texts = exportAudit(metadata, { format: 'jsonl' })
  const first = await texts.next()
  await fill(metadata, 50)
  const lines = `${first.value as string}${await collect(texts)}`.split('\n')
  assert.equal(lines.length, 601)
})

test('a row that is missing in the table is missing in the export, and nothing else is wrong', async (t) => {
  const metadata = await anInstallation(t)
  await fill(metadata, 9)
  await metadata.write(async (tx) => tx.run(removeRows, { from: 4, to: 5 }))
  const lines = await linesOf(metadata)
  assert.equal(lines.length, 7)
  assert.deepEqual(kinds(await verifyExport(lines)), ['missing'])
})

test('an export of some rows is checked row by row', async (t) => {
  const metadata = await anInstallation(t)
  await fill(metadata, 60)
  const some = await linesOf(metadata, {
    event: 'login.',
    subject: 'web/app-3',
    since: 1_750_000_000_010,
  })
  const seqs = some.map((line) => parseJsonLine(line)?.row.seq)
  assert.deepEqual(seqs, [25, 46])
  assert.deepEqual(kinds(await verifyExport(some)), ['missing', 'missing'])
  assert.deepEqual(kinds(await verifyExport(some, { part: true, installationId })), [])
  const tampered = some.with(1, (some[1] ?? '').replace('app-3', 'app-4'))
  assert.deepEqual(kinds(await verifyExport(tampered, { part: true })), ['changed'])
  const later = await linesOf(metadata, { afterSeq: 57 })
  assert.equal(later.length, 3)
  assert.deepEqual(kinds(await verifyExport(later, { part: true })), [])
  const unlinked = later.map((line) => line.replace(/"previous":"[0-9a-f]+",/, ''))
  assert.deepEqual(kinds(await verifyExport(unlinked, { part: true })), ['changed'])
  assert.deepEqual(await linesOf(metadata, { afterSeq: 60 }), [])
})

test('what somebody put in the table by hand is exported as it is, on one line, and found', () => {
  const [row] = sealedRows(1)
  assert.ok(row)
  const odd = ['{"a": 1}', '{"a":1,"a":2}', 'nonsense\nmore', '"text"', 'null', '5', '[1]', '']
  for (const detail of odd) {
    const line = jsonLine({ row: { ...row, detail }, previous: undefined })
    assert.ok(!line.includes('\n'))
    assert.equal(parseJsonLine(line)?.row.detail, detail)
  }
  const bytes = { ...row, subject: Buffer.from('x') as unknown as string }
  assert.ok(jsonLine({ row: bytes, previous: 'p' }))
})

test('CSV has a head, and no field that a spreadsheet would run or that breaks the line', async (t) => {
  const metadata = await anInstallation(t)
  await fill(metadata, 2)
  const lines = (await collect(exportAudit(metadata, { format: 'csv' }))).split('\r\n')
  assert.equal(lines.length, 4)
  assert.match(
    lines[0] ?? '',
    /^seq,id,at,event,actor_id,actor,subject,address,detail,previous,hash$/,
  )
  assert.match(
    lines[1] ?? '',
    /^1,\d+,2025-06-15T15:06:40\.000Z,login\.failed,,stranger,web\/app-0,192\.0\.2\.7,"{""number"":0}",[0-9a-f]{64},[0-9a-f]{64}$/,
  )
  const [row] = sealedRows(1)
  assert.ok(row)
  const field = (subject: string): string =>
    csvLine({ row: { ...row, subject }, previous: '' })
      .slice(csvLine({ row: { ...row, subject: '' }, previous: '' }).indexOf(',,192') + 1)
      .replace(/,192.*$/s, '')
  assert.equal(field('=1+1'), "'=1+1")
  assert.equal(field('+1'), "'+1")
  assert.equal(field('-1'), "'-1")
  assert.equal(field('@SUM(A1)'), "'@SUM(A1)")
  assert.equal(field('\t=1'), "'\ufffd=1")
  assert.equal(field('=HYPERLINK("x","y")'), `"'=HYPERLINK(""x"",""y"")"`)
  assert.equal(field('a\r\nb'), 'a\ufffd\ufffdb')
  assert.equal(field('a=b'), 'a=b')
})
