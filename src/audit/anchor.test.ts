import assert from 'node:assert/strict'
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { anchorHead } from './anchor.ts'
import { collectHeads, headsFileName, parseHead, readHeadLines } from './anchored-heads.ts'
import { aFolder, aKey, anInstallation, fill } from './test-support/logs.ts'
import { verifyAudit } from './verify.ts'
import { findAuditHead, moveAuditHead, readSealed } from '../metadata/audit-seals.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { query } from '../metadata/query.ts'
import { removeLog } from '../metadata/suite-cases/audit-tampering.ts'

interface Anchored {
  readonly metadata: MetadataStore
  readonly folder: string
  readonly key: ReturnType<typeof aKey>
  readonly anchor: () => ReturnType<typeof anchorHead>
  readonly lines: () => Promise<string[]>
  readonly verify: () => ReturnType<typeof verifyAudit>
}

async function anAnchoredLog(t: TestContext): Promise<Anchored> {
  const metadata = await anInstallation(t)
  const folder = await aFolder(t)
  const key = aKey('first')
  return {
    metadata,
    folder,
    key,
    anchor: async () => anchorHead({ metadata, folder, sign: key.sign }),
    lines: async () => (await readFile(join(folder, headsFileName), 'utf8')).split('\n'),
    verify: async () => verifyAudit(metadata, { heads: readHeadLines(folder), keys: [key] }),
  }
}

const removeFrom = query<{ from: number }>()((db, p) =>
  db.deleteFrom('audit').where('seq', '>=', p.from),
)

test('a head is anchored when it moved, and each is a line that the log agrees with', async (t) => {
  const { metadata, folder, anchor, lines, verify } = await anAnchoredLog(t)
  assert.equal(await anchor(), undefined)
  await fill(metadata, 5)
  const first = await anchor()
  assert.equal(first?.seq, 5)
  assert.equal(await anchor(), undefined)
  await fill(metadata, 3)
  const second = await anchor()
  assert.equal(second?.hash, (await findAuditHead(metadata))?.hash)
  assert.deepEqual((await lines()).slice(0, 2).map(parseHead), [first, second])
  assert.equal((await lines()).length, 3)
  assert.equal((await stat(join(folder, headsFileName))).mode & 0o777, 0o600)
  const report = await verify()
  assert.deepEqual(
    [report.problems, report.heads, report.signaturesChecked, report.to],
    [[], 2, true, 8],
  )
})

test('rows removed at the end together with the head are found by an anchored one', async (t) => {
  const { metadata, anchor, verify } = await anAnchoredLog(t)
  await fill(metadata, 9)
  await anchor()
  await metadata.write(async (tx) => {
    await tx.run(removeFrom, { from: 7 })
    const [last] = await readSealed(tx, { afterSeq: 5, limit: 1 })
    await moveAuditHead(tx, { seq: 6, hash: last?.hash ?? '', at: 1 })
  })
  assert.equal((await verifyAudit(metadata)).ok, true)
  assert.deepEqual(
    (await verify()).problems.map(({ kind }) => kind),
    ['truncated'],
  )
  // Other rows took their numbers.
  await fill(metadata, 9)
  assert.deepEqual(
    (await verify()).problems.map(({ kind, seq }) => [kind, seq]),
    [['anchor', 9]],
  )
  await anchor()
  assert.equal((await verify()).problems.length, 1)
})

test('a head of another log with as many rows is anchored, and does not fit the one before', async (t) => {
  const { metadata, anchor, verify } = await anAnchoredLog(t)
  await fill(metadata, 4)
  await anchor()
  await metadata.write(removeLog)
  await fill(metadata, 4)
  assert.equal((await anchor())?.seq, 4)
  assert.deepEqual(
    (await verify()).problems.map(({ kind }) => kind),
    ['anchor', 'anchor'],
  )
})

test('a line that a crash left unfinished is no problem, before the next head and after', async (t) => {
  const { metadata, folder, anchor, lines, verify } = await anAnchoredLog(t)
  await fill(metadata, 2)
  const whole = (await anchor()) && (await lines())[0]
  await appendFile(join(folder, headsFileName), (whole ?? '').slice(0, 60))
  assert.deepEqual((await verify()).problems, [])
  await fill(metadata, 2)
  await anchor()
  assert.equal((await lines()).length, 3)
  assert.deepEqual([(await verify()).problems, (await verify()).heads], [[], 2])
  await writeFile(join(folder, headsFileName), '{"seq"')
  await anchor()
  assert.deepEqual(
    (await lines()).map((line) => parseHead(line)?.seq),
    [4, undefined],
  )
})

test('a head that was changed, that another key signed, or that is no head, is told', async (t) => {
  const { metadata, folder, anchor, lines, verify, key } = await anAnchoredLog(t)
  await fill(metadata, 2)
  await anchor()
  const [line = ''] = await lines()
  const head = parseHead(line)
  assert.ok(head)
  const stranger = aKey('first')
  const signature = Buffer.from(stranger.sign(Buffer.from('x')).signature).toString('base64url')
  const lines2 = [
    { ...head, at: head.at + 1 },
    { ...head, hash: 'f'.repeat(64) },
    { ...head, seq: 1 },
    { ...head, kid: 'second' },
    { ...head, signature: '' },
    { ...head, signature },
    { ...head, at: 1e17 },
    'nonsense',
  ]
  for (const changed of lines2) {
    const text = typeof changed === 'string' ? changed : JSON.stringify(changed)
    await writeFile(join(folder, headsFileName), `${text}\n${line}\n`)
    const { problems } = await verify()
    assert.deepEqual([problems.map(({ kind }) => kind), text], [['anchor'], text])
  }
  await writeFile(join(folder, headsFileName), `\n${line}\n`)
  assert.deepEqual((await verify()).problems, [])
  const other = await verifyAudit(metadata, {
    heads: [line],
    keys: [{ ...stranger, kid: 'first' }],
  })
  assert.deepEqual(
    other.problems.map(({ kind }) => kind),
    ['anchor'],
  )
  const unsigned = await verifyAudit(metadata, { heads: [line] })
  assert.deepEqual([unsigned.ok, unsigned.heads, unsigned.signaturesChecked], [true, 1, false])
  assert.equal(key.kid, 'first')
})

test('two heads of one entry that differ are told without any rows', async () => {
  const problems: string[] = []
  const line = (hash: string) => JSON.stringify({ seq: 3, hash, at: 1, kid: 'k', signature: 's' })
  const heads = await collectHeads({ heads: [line('a'), line('b'), line('a')] }, (problem) => {
    problems.push(problem.message)
  })
  assert.match(problems.join('\n'), /^Two anchored heads tell of different entries 3.*$/)
  assert.equal(heads.count, 3)
})

test('the head that vouches for most rows counts, wherever it stands', async () => {
  const line = (seq: number) => JSON.stringify({ seq, hash: 'a', at: 1, kid: 'k', signature: 's' })
  const heads = await collectHeads({ heads: [line(3), line(5), line(4)] }, () => assert.fail())
  assert.equal(heads.last?.seq, 5)
})
