// Cases of the contract: the audit log, its seals, and what is found when somebody changes the table by hand.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { collect, anEntry, fill, giveId } from '../../audit/test-support/logs.ts'
import { exportAudit } from '../../audit/export.ts'
import { sealAudit } from '../../audit/seal.ts'
import { verifyAudit, verifyExport } from '../../audit/verify.ts'
import { appendAudit, appendAuditBatch, listAudit, type AuditEntry } from '../audit.ts'
import { countUnsealed, findAuditHead, readSealed } from '../audit-seals.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { ensureSetting, findSetting } from '../settings.ts'
import { openAt } from '../test-support/store-address.ts'
import { removeLog, removeRows, tamperings } from './audit-tampering.ts'
import type { Case } from './case.ts'

const alice = { id: 7, name: 'alice' }

async function append(store: MetadataStore, ...entries: readonly AuditEntry[]): Promise<void> {
  await store.write(async (tx) => appendAuditBatch(tx, entries))
}

async function subjects(
  store: MetadataStore,
  page: Omit<Parameters<typeof listAudit>[1], 'limit'>,
  limit = 50,
): Promise<string> {
  const rows = await listAudit(store, { ...page, limit })
  return rows.map(({ subject }) => subject).join(' ')
}

export const audit: readonly Case[] = [
  [
    'an audit row is there when its change is, and only then',
    async (store) => {
      const change = async (isBroken: boolean) =>
        store.write(async (tx) => {
          await ensureSetting(tx, 'changed', String(isBroken))
          await appendAudit(tx, { event: 'grant.added', actor: alice, subject: 'web/' })
          if (isBroken) throw new Error('broken')
        })
      await assert.rejects(change(true), /broken/)
      assert.deepEqual(await listAudit(store, { limit: 9 }), [])
      assert.equal(await findSetting(store, 'changed'), undefined)
      await change(false)
      assert.equal(await subjects(store, {}), 'web/')
    },
  ],
  [
    'an audit row says what was said, and when',
    async (store) => {
      const before = Date.now()
      const actor = { ...alice, address: '192.0.2.1' }
      const detail = { actions: ['pull', 'push'], until: null, more: { ok: true } }
      await store.write(async (tx) => {
        await appendAudit(tx, { event: 'grant.added', actor, subject: 'web/', detail })
        await appendAudit(tx, {
          event: 'login.failed',
          actor: { name: 'who' },
          subject: 'who',
          at: 5,
        })
      })
      const [second, first] = await listAudit(store, { limit: 9 })
      assert.ok(first && second)
      const { id, at, ...rest } = first
      assert.ok(id > 0 && at >= before && at <= Date.now())
      assert.deepEqual(rest, {
        event: 'grant.added',
        actor: alice,
        subject: 'web/',
        address: '192.0.2.1',
        detail,
        seq: undefined,
        hash: undefined,
      })
      assert.deepEqual(
        [second.at, second.actor, second.address, second.detail],
        [5, { id: undefined, name: 'who' }, undefined, {}],
      )
    },
  ],
  [
    'audit rows are listed by event, family of events, actor, subject and time',
    async (store) => {
      const bob = { name: 'bob' }
      await append(
        store,
        { event: 'team.created', actor: alice, subject: 'a', at: 10 },
        { event: 'team.member-added', actor: bob, subject: 'b', at: 20 },
        { event: 'token.created', actor: alice, subject: 'c', at: 30 },
        { event: 'team.created', actor: bob, subject: 'd', at: 40 },
        // No such events: their names are just beside those of the family.
        { event: 'team/' as 'team.created', actor: { name: 'x' }, subject: 'e', at: 50 },
        { event: 'team-' as 'team.created', actor: { name: 'x' }, subject: 'f', at: 50 },
      )
      assert.equal(await subjects(store, {}), 'f e d c b a')
      assert.equal(await subjects(store, { event: 'team.created' }), 'd a')
      assert.equal(await subjects(store, { event: 'team.' }), 'd b a')
      assert.equal(await subjects(store, { event: 'team' }), '')
      assert.equal(await subjects(store, { event: 'te.' }), '')
      assert.equal(await subjects(store, { actor: 'alice' }), 'c a')
      assert.equal(await subjects(store, { actor: 'alic_' }), '')
      assert.equal(await subjects(store, { actor: 'bob\0' }), '')
      assert.equal(await subjects(store, { subject: 'b' }), 'b')
      assert.equal(await subjects(store, { since: 20, until: 40 }), 'c b')
      assert.equal(await subjects(store, { since: 40 }), 'f e d')
      assert.equal(await subjects(store, { event: 'team.', actor: 'bob', until: 40 }), 'b')
      assert.equal(await subjects(store, { event: 'team.created', actor: 'bob', since: 1 }), 'd')
    },
  ],
  [
    'audit rows come in pages, from the newest or from the oldest',
    async (store) => {
      await append(store, ...Array.from({ length: 10 }, (_, number) => anEntry(number)))
      const seen: number[] = []
      let before: number | undefined
      for (let pages = 0; pages < 9; pages += 1) {
        const page = await listAudit(store, { before, limit: 4 })
        if (page.length === 0) break
        seen.push(...page.map(({ id }) => id))
        before = page.at(-1)?.id
      }
      assert.equal(seen.length, 10)
      assert.deepEqual(
        seen,
        seen.toSorted((one, other) => other - one),
      )
      const after = seen[6] ?? 0
      const rising = await listAudit(store, { after, limit: 4 })
      assert.deepEqual(
        rising.map(({ id }) => id),
        seen.slice(2, 6).toReversed(),
      )
      const between = await listAudit(store, { after, before: seen[1] ?? 0, limit: 9 })
      assert.deepEqual(
        between.map(({ id }) => id),
        seen.slice(2, 6),
      )
    },
  ],
  [
    'many audit rows written at once keep their order',
    async (store) => {
      const entries = Array.from({ length: 150 }, (_, number) => anEntry(number))
      await append(store, ...entries)
      const rows = await listAudit(store, { after: 0, limit: 200 })
      assert.deepEqual(
        rows.map(({ at, event, actor, subject, address, detail }) => ({
          at,
          event,
          actor: actor.id === undefined ? { name: actor.name } : actor,
          subject,
          address,
          detail,
        })),
        entries,
      )
    },
  ],
  [
    'texts that clients can fill are cut',
    async (store) => {
      const long = 'ü'.repeat(100_000)
      const actor = { name: long, address: long }
      const detail = { agent: long, list: Array.from({ length: 5 }, () => 'kept') }
      await append(store, { event: 'login.failed', actor, subject: long, detail })
      const many = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`"${n}`, 'ü']))
      await append(store, { event: 'login.failed', actor, subject: 'short', detail: many })
      const [second, first] = await listAudit(store, { limit: 9 })
      assert.ok(first && second)
      assert.equal(first.subject, `${'ü'.repeat(511)}…`)
      assert.equal(first.actor.name, `${'ü'.repeat(255)}…`)
      assert.equal(first.address, `${'ü'.repeat(127)}…`)
      assert.deepEqual(first.detail, { ...detail, agent: `${'ü'.repeat(255)}…` })
      assert.deepEqual(Object.keys(second.detail), ['cut', 'begin'])
      assert.ok(Buffer.byteLength(JSON.stringify(second.detail)) <= 8192)
      assert.equal((await listAudit(store, { subject: long, limit: 9 })).length, 1)
    },
  ],
  [
    'whatever an audit entry holds, it is written on one line',
    async (store) => {
      await giveId(store)
      const nasty = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.constantFrom('\0', 'a\r\nb', '\u2028', '\ud800', '\u202e'),
      )
      const entry = fc.record({
        at: fc.oneof(fc.integer(), fc.double()),
        event: fc.constant('login.failed' as const),
        actor: fc.record({ id: fc.oneof(fc.integer(), fc.double()), name: nasty }),
        subject: nasty,
        address: nasty,
        detail: fc.dictionary(nasty, fc.oneof(nasty, fc.array(nasty), fc.double())),
      })
      const entries = fc.array(entry, { minLength: 1, maxLength: 20 })
      let count = 0
      await fc.assert(
        fc.asyncProperty(entries, async (some) => {
          await append(store, ...some)
          count += some.length
        }),
        { numRuns: 40 },
      )
      await sealAudit(store)
      const text = await collect(exportAudit(store, { format: 'jsonl' }))
      assert.equal(text.split(/\r\n|[\n\v\f\r\x85\u2028\u2029]/).length - 1, count)
      const report = await verifyExport([text])
      assert.deepEqual([report.problems, report.entries], [[], count])
      assert.deepEqual((await verifyAudit(store)).problems, [])
    },
  ],
  [
    'audit rows are sealed in their order, batch after batch, and once',
    async (store) => {
      await giveId(store)
      await append(store, ...Array.from({ length: 1234 }, (_, number) => anEntry(number)))
      assert.equal(await sealAudit(store, { limit: 700 }), 700)
      assert.equal(await countUnsealed(store, Number.MAX_SAFE_INTEGER), 534)
      assert.equal(await sealAudit(store), 534)
      assert.equal(await sealAudit(store), 0)
      const rows = await readSealed(store, { afterSeq: 0, limit: 2000 })
      assert.deepEqual(
        rows.map(({ seq, detail }) => [seq, detail]),
        Array.from({ length: 1234 }, (_, number) => [number + 1, `{"number":${number}}`]),
      )
      assert.equal(new Set(rows.map(({ hash }) => hash)).size, 1234)
      const head = await findAuditHead(store)
      assert.deepEqual([head?.seq, head?.hash], [1234, rows.at(-1)?.hash])
      assert.ok((head?.at ?? 0) > Date.now() - 60_000)
      const report = await verifyAudit(store)
      assert.deepEqual(report, {
        ok: true,
        problems: [],
        problemCount: 0,
        entries: 1234,
        from: 1,
        to: 1234,
        unsealed: 0,
        heads: 0,
        signaturesChecked: false,
      })
    },
  ],
  [
    'while three write audit rows and two seal them, every row is sealed once',
    async (store, address) => {
      await giveId(store)
      await using second = await openAt(address)
      await using third = await openAt(address)
      let writing = 3
      const write = async (by: MetadataStore, who: string) => {
        for (let round = 0; round < 30; round += 1) {
          await Promise.all([
            by.write(async (tx) => appendAudit(tx, { ...anEntry(round), subject: who })),
            append(by, ...Array.from({ length: 9 }, () => ({ ...anEntry(round), subject: who }))),
          ])
        }
        writing -= 1
      }
      const seal = async (by: MetadataStore) => {
        while (writing > 0) {
          await sealAudit(by)
          await new Promise((resolve) => setTimeout(resolve, 2))
        }
      }
      await Promise.all([
        write(store, 'first'),
        write(second, 'second'),
        write(third, 'third'),
        seal(second),
        seal(third),
      ])
      await sealAudit(store)
      const report = await verifyAudit(store)
      assert.deepEqual([report.problems, report.entries, report.unsealed], [[], 900, 0])
      for (const subject of ['first', 'second', 'third']) {
        assert.equal((await listAudit(store, { subject, limit: 999 })).length, 300)
      }
    },
  ],
  [
    'every way of changing the audit table by hand is found',
    async (store) => {
      await giveId(store)
      for (const [title, found, tamper] of tamperings) {
        await store.write(removeLog)
        await fill(store, 20)
        assert.deepEqual((await verifyAudit(store)).problems, [], `before ${title}`)
        await store.write(tamper)
        const { ok, problems } = await verifyAudit(store)
        assert.equal(ok, false, title)
        assert.ok(
          problems.some(({ kind }) => kind === found),
          `${title}: ${JSON.stringify(problems)}`,
        )
        // Whatever happened, what comes later is sealed; and it does not hide what was done.
        await append(store, anEntry(30))
        assert.ok((await sealAudit(store)) > 0, title)
        if (found !== 'head') assert.equal((await verifyAudit(store)).ok, false, title)
      }
    },
  ],
  [
    'after rows were removed at the end, sealing goes on and the gap stays',
    async (store) => {
      await giveId(store)
      await fill(store, 20)
      await store.write(async (tx) => tx.run(removeRows, { from: 18, to: 20 }))
      await fill(store, 5)
      const { entries, to, problems } = await verifyAudit(store)
      assert.deepEqual([entries, to], [22, 25])
      assert.deepEqual(
        problems.map(({ kind, seq }) => [kind, seq]),
        [['missing', 18]],
      )
    },
  ],
  [
    'audit rows that nobody seals are told',
    async (store) => {
      await giveId(store)
      await append(store, { event: 'login.failed', actor: alice, subject: 'now' })
      const young = await verifyAudit(store)
      assert.deepEqual([young.ok, young.unsealed], [true, 1])
      const at = Date.now() - 61_000
      await append(store, { event: 'login.failed', actor: alice, subject: 'old', at })
      const old = await verifyAudit(store)
      assert.deepEqual([old.problems.map(({ kind }) => kind), old.unsealed], [['unsealed'], 2])
    },
  ],
]
