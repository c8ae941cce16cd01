import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AuditRecord } from '../metadata/audit.ts'
import { canonicalRow, firstHash, sealOf } from './chain.ts'

// Few letters, and those that JSON is made of: so that texts that could be taken for one another come up often.
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', '[', ']', 'null', '1'), maxLength: 4 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
)
const number = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.maxSafeInteger())
const row = fc.record<AuditRecord & { seq: number }>({
  seq: number,
  id: number,
  at: number,
  event: text,
  actorId: fc.option(number),
  actor: text,
  subject: text,
  address: fc.option(text),
  detail: text,
})

function canonical({ seq, ...record }: AuditRecord & { readonly seq: number }): string {
  return canonicalRow(record, seq)
}

test('two different rows never have the same canonical form', () => {
  const seen = new Map<string, object>()
  fc.assert(
    fc.property(row, (one) => {
      const form = canonical(one)
      const known = seen.get(form)
      if (known !== undefined) assert.deepEqual({ ...known }, { ...one })
      seen.set(form, one)
    }),
    { numRuns: 3000 },
  )
})

test('text that moves from one field to the next is another row', () => {
  fc.assert(
    fc.property(row, text, text, (one, left, right) => {
      fc.pre(right !== '')
      const before = canonical({ ...one, actor: left + right, subject: 'x' })
      assert.notEqual(canonical({ ...one, actor: left, subject: `${right}x` }), before)
      assert.notEqual(canonical({ ...one, actor: `${left}","${right}`, subject: 'x' }), before)
    }),
    { numRuns: 500 },
  )
})

test('what only a hand can have put in a column looks like nothing else', () => {
  const base = { id: 1, at: 2, event: 'e', actor: 'a', subject: 's', address: null, detail: '{}' }
  const values = [null, 1, '1', 1.5, Infinity, -Infinity, NaN, 2 ** 53, Buffer.from('1'), 1n, true]
  const forms = values.map((actorId) => canonicalRow({ ...base, actorId } as never, 1))
  assert.equal(new Set(forms).size, values.length)
  const bytes = canonicalRow({ ...base, actorId: null, subject: Buffer.from('s') } as never, 1)
  assert.notEqual(bytes, canonicalRow({ ...base, actorId: null }, 1))
})

test('a seal is SHA-256 over the seal before and the row, as anybody can compute', () => {
  const record = {
    id: 12,
    at: 1_750_000_000_000,
    event: 'grant.added',
    actorId: null,
    actor: 'älice',
    subject: 'web/',
    address: '192.0.2.1',
    detail: '{"a":1}',
  }
  const previous = firstHash('an-installation')
  assert.equal(
    previous,
    createHash('sha256').update('["carrel-audit-1","an-installation"]').digest('hex'),
  )
  const form = '[1,12,1750000000000,"grant.added",null,"älice","web/","192.0.2.1","{\\"a\\":1}"]'
  assert.equal(canonicalRow(record, 1), form)
  assert.equal(
    sealOf(previous, record, 1),
    createHash('sha256').update(previous).update(form).digest('hex'),
  )
})
