// Every row of a log of 10,000 is tampered with in every way. What comes before such a row is untouched and was checked
// already, so each check begins there; it goes on until something is found, or to the end of the log.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { AnchoredHeads } from './anchored-heads.ts'
import { firstHash, sealOf } from './chain.ts'
import { createChainCheck, type ChainEnd } from './chain-check.ts'
import type { AuditProblem, AuditProblemKind } from './problems.ts'
import { installationId, sealedRows } from './test-support/logs.ts'
import type { SealedRecord } from '../metadata/audit-seals.ts'

const count = 10_000
const start = { seq: 0, hash: firstHash(installationId) }

interface Checked {
  /** The rows before, which are as they were. */
  readonly after: ChainEnd
  readonly rows: Iterable<SealedRecord>
  readonly head?: ChainEnd | undefined
  readonly heads?: AnchoredHeads
}

/** The first problem there is. */
function findFirst({ after, rows, head, heads }: Checked): AuditProblemKind | undefined {
  let found: AuditProblemKind | undefined
  const check = createChainCheck({
    after,
    ...(heads && { heads }),
    report: ({ kind }) => {
      found ??= kind
    },
  })
  for (const row of rows) {
    check.add(row)
    if (found !== undefined) return found
  }
  check.end(head)
  return found
}

/** The rows from `index` on, without copying the log. */
function* from(rows: readonly SealedRecord[], index: number): Generator<SealedRecord> {
  for (let at = index; at < rows.length; at += 1) yield rows[at] as SealedRecord
}

function anchored(...heads: readonly SealedRecord[]): AnchoredHeads {
  const bySeq = new Map(heads.map(({ seq, hash, at }) => [seq, { hash, at }]))
  return { bySeq, last: heads.at(-1), count: heads.length }
}

void suite('of 10,000 sealed rows', () => {
  const rows = sealedRows(count)
  const head = rows.at(-1) as SealedRecord
  const before = (index: number): ChainEnd => rows[index - 1] ?? start
  const row = (index: number): SealedRecord => rows[index] as SealedRecord

  function* withRows(index: number, skipped: number, ...changed: readonly SealedRecord[]) {
    yield* changed
    yield* from(rows, index + skipped)
  }

  test('none is complained of when all are as they were', () => {
    assert.equal(findFirst({ after: start, rows, head, heads: anchored(row(77), head) }), undefined)
  })

  test('what is wrong is told once', () => {
    const told = (changed: readonly SealedRecord[]): string => {
      const problems: string[] = []
      const report = ({ kind, seq }: AuditProblem): void => {
        problems.push(`${kind} ${seq}`)
      }
      const check = createChainCheck({ after: start, report })
      for (const one of changed) check.add(one)
      check.end(changed.at(-1))
      return problems.join(', ')
    }
    const few = rows.slice(0, 20)
    assert.equal(told(few), '')
    assert.equal(told(few.with(9, { ...row(9), actor: 'bob' })), 'changed 10')
    assert.equal(told(few.toSpliced(9, 1)), 'missing 10')
    assert.equal(told(few.toSpliced(9, 3)), 'missing 10')
    assert.equal(told(few.toSpliced(9, 0, row(9))), 'order 10')
    assert.equal(told(few.toSpliced(15, 0, row(9))), 'order 10')
    assert.equal(told(few.toSpliced(5, 1).toSpliced(9, 0, row(5))), 'missing 6, order 6')
  })

  test('every edit of every field of every row is found', () => {
    for (let index = 0; index < count; index += 1) {
      const one = row(index)
      const edits: Partial<Record<keyof SealedRecord, unknown>>[] = [
        { id: one.id + 1 },
        { at: one.at - 1 },
        { event: 'image.pulled' },
        { actorId: one.actorId === null ? 1 : null },
        { actor: `${one.actor} ` },
        { subject: one.subject.slice(1) },
        { address: one.address === null ? '' : null },
        { detail: `${one.detail} ` },
        { seq: one.seq + 0.5 },
        { seq: String(one.seq) },
        { seq: null },
        { hash: null },
        { hash: row((index + 1) % count).hash },
      ]
      for (const edit of edits) {
        const changed = { ...one, ...edit } as SealedRecord
        const found = findFirst({ after: before(index), rows: withRows(index, 1, changed), head })
        assert.ok(found, `entry ${one.seq}: ${JSON.stringify(edit)}`)
      }
    }
  })

  test('every row that was edited and sealed again is found by the next one, or by the head', () => {
    for (let index = 0; index < count; index += 1) {
      const edited = { ...row(index), subject: 'web/other' }
      const hash = sealOf(before(index).hash ?? '', edited, edited.seq)
      const changed = withRows(index, 1, { ...edited, hash })
      assert.equal(findFirst({ after: before(index), rows: changed, head }), 'changed')
    }
  })

  test('every removed row is found, also when the later ones move up', () => {
    for (let index = 0; index < count; index += 1) {
      const removed = { after: before(index), rows: from(rows, index + 1), head }
      assert.equal(findFirst(removed), index === count - 1 ? 'truncated' : 'missing')
      if (index === count - 1) continue
      const next = { ...row(index + 1), seq: index + 1 }
      const moved = findFirst({ after: before(index), rows: withRows(index, 2, next), head })
      assert.equal(moved, 'changed')
    }
  })

  test('every two neighbours that change places are found, with their numbers and without', () => {
    for (let index = 0; index + 1 < count; index += 1) {
      const [one, next] = [row(index), row(index + 1)]
      const swapped = withRows(index, 2, { ...next, seq: one.seq }, { ...one, seq: next.seq })
      assert.equal(findFirst({ after: before(index), rows: swapped, head }), 'changed')
      const inOrder = withRows(index, 2, next, one)
      assert.equal(findFirst({ after: before(index), rows: inOrder, head }), 'missing')
    }
  })

  test('every row that is there twice is found', () => {
    for (let index = 0; index < count; index += 1) {
      const twice = withRows(index, 1, row(index), row(index))
      assert.equal(findFirst({ after: before(index), rows: twice, head }), 'order')
    }
  })

  test('every truncation is found by the head, or by an anchored one when the head went along', () => {
    const heads = anchored(head)
    for (let index = 0; index < count; index += 1) {
      const after = before(index)
      assert.equal(findFirst({ after, rows: [], head }), 'truncated')
      assert.equal(findFirst({ after, rows: [], head: after, heads }), 'truncated')
      assert.equal(findFirst({ after, rows: [], heads }), 'truncated')
      assert.equal(findFirst({ after, rows: [], head: after }), undefined)
    }
  })

  test('a row that was added and sealed is found between any two', () => {
    for (let index = 0; index < count; index += 1) {
      const added = { ...row(index), id: 999_999, subject: 'forged' }
      const hash = sealOf(before(index).hash ?? '', added, added.seq)
      const changed = withRows(index, 0, { ...added, hash })
      assert.ok(findFirst({ after: before(index), rows: changed, head }))
    }
  })

  test('a log that was written anew from some row on is found by an anchored head', () => {
    for (let index = 0; index < count; index += 1999) {
      let { hash } = before(index)
      const rewritten = rows.slice(index).map((old, offset) => {
        const changed = { ...old, subject: offset === 0 ? 'web/other' : old.subject }
        hash = sealOf(hash ?? '', changed, changed.seq)
        return { ...changed, hash }
      })
      const all = { after: before(index), rows: rewritten, head: rewritten.at(-1) }
      assert.equal(findFirst(all), undefined)
      assert.equal(findFirst({ ...all, heads: anchored(head) }), 'anchor')
    }
  })
})
