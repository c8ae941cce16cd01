// Ways in which somebody who can write the database changes the audit log, and what is found of each.
import type { AuditProblemKind } from '../../audit/problems.ts'
import { appendAudit } from '../audit.ts'
import { moveAuditHead, readSealed } from '../audit-seals.ts'
import type { Transaction } from '../metadata-store.ts'
import { query } from '../query.ts'

export const removeRows = query<{ from: number; to: number }>()((db, p) =>
  db.deleteFrom('audit').where('seq', '>=', p.from).where('seq', '<=', p.to),
)
const removeAll = query<object>()((db) => db.deleteFrom('audit'))
const removeHead = query<object>()((db) =>
  db.deleteFrom('settings').where('key', '=', 'audit.head'),
)
const edit = {
  at: query<{ seq: number }>()((db, p) =>
    db.updateTable('audit').set({ at: 1 }).where('seq', '=', p.seq),
  ),
  event: query<{ seq: number }>()((db, p) =>
    db.updateTable('audit').set({ event: 'image.pulled' }).where('seq', '=', p.seq),
  ),
  actorId: query<{ seq: number }>()((db, p) =>
    db.updateTable('audit').set({ actor_id: 99 }).where('seq', '=', p.seq),
  ),
  actor: query<{ seq: number }>()((db, p) =>
    db.updateTable('audit').set({ actor: 'bob' }).where('seq', '=', p.seq),
  ),
  subject: query<{ seq: number }>()((db, p) =>
    db.updateTable('audit').set({ subject: 'web/other' }).where('seq', '=', p.seq),
  ),
  address: query<{ seq: number }>()((db, p) =>
    db.updateTable('audit').set({ address: '198.51.100.1' }).where('seq', '=', p.seq),
  ),
  detail: query<{ seq: number }>()((db, p) =>
    db.updateTable('audit').set({ detail: '{}' }).where('seq', '=', p.seq),
  ),
  hash: query<{ seq: number }>()((db, p) =>
    db
      .updateTable('audit')
      .set({ hash: '0'.repeat(64) })
      .where('seq', '=', p.seq),
  ),
}
const renumber = query<{ from: number; to: number }>()((db, p) =>
  db.updateTable('audit').set({ seq: p.to }).where('seq', '=', p.from),
)
const unseal = query<{ seq: number }>()((db, p) =>
  db.updateTable('audit').set({ seq: null }).where('seq', '=', p.seq),
)

const forge = query<object>()((db) =>
  db
    .updateTable('audit')
    .set({ seq: 21, hash: 'f'.repeat(64) })
    .where('seq', 'is', null),
)

/** Then the log is as before the first entry. */
export async function removeLog(tx: Transaction): Promise<void> {
  await tx.run(removeAll, {})
  await tx.run(removeHead, {})
}

type Tampering = readonly [
  title: string,
  found: AuditProblemKind,
  tamper: (tx: Transaction) => Promise<unknown>,
]

/** Of a log with 20 entries. */
export const tamperings: readonly Tampering[] = [
  ...Object.entries(edit).map(([field, statement]): Tampering => [
    `the ${field} of a row`,
    'changed',
    async (tx) => tx.run(statement, { seq: 9 }),
  ]),
  ['a row removed', 'missing', async (tx) => tx.run(removeRows, { from: 9, to: 9 })],
  ['the first rows removed', 'missing', async (tx) => tx.run(removeRows, { from: 1, to: 4 })],
  ['the last row removed', 'truncated', async (tx) => tx.run(removeRows, { from: 20, to: 20 })],
  ['all rows removed', 'truncated', async (tx) => tx.run(removeAll, {})],
  ['a row that lost its seal', 'missing', async (tx) => tx.run(unseal, { seq: 9 })],
  ['the end forgotten', 'head', async (tx) => tx.run(removeHead, {})],
  [
    'the end moved back',
    'head',
    async (tx) => {
      const [row] = await readSealed(tx, { afterSeq: 14, limit: 1 })
      await moveAuditHead(tx, { seq: 15, hash: row?.hash ?? '', at: 1 })
    },
  ],
  [
    'two rows that changed places',
    'changed',
    async (tx) => {
      await tx.run(renumber, { from: 9, to: 1000 })
      await tx.run(renumber, { from: 10, to: 9 })
      await tx.run(renumber, { from: 1000, to: 10 })
    },
  ],
  [
    'a row removed and the later ones moved up',
    'changed',
    async (tx) => {
      await tx.run(removeRows, { from: 9, to: 9 })
      for (let seq = 10; seq <= 20; seq += 1) await tx.run(renumber, { from: seq, to: seq - 1 })
      const [last] = await readSealed(tx, { afterSeq: 18, limit: 1 })
      await moveAuditHead(tx, { seq: 19, hash: last?.hash ?? '', at: 1 })
    },
  ],
  [
    'a row of somebody else at the end',
    'head',
    async (tx) => {
      await appendAudit(tx, {
        event: 'grant.added',
        actor: { name: 'alice' },
        subject: 'forged',
        at: 1,
      })
      await tx.run(forge, {})
    },
  ],
]
