// The seals of audit rows: a sequence without gaps, and hashes that each depend on all rows before. What they are made
// of is the business of audit/seal.ts; here are the rows. The head says where the sequence ends.
import { sql } from 'kysely'
import { recordColumns, type AuditRecord } from './audit.ts'
import { blocks, runBlocks } from './many-rows.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { ensureSetting, findSetting } from './settings.ts'

export interface SealedRecord extends AuditRecord {
  /** 1 for the first. */
  readonly seq: number
  /** SHA-256 in hexadecimal. */
  readonly hash: string
}

/** The last seal that was given: of the row `seq`, or with 0 of none. */
export interface AuditHead {
  readonly seq: number
  readonly hash: string
  /** Milliseconds since 1970. */
  readonly at: number
}

const headKey = 'audit.head'

const sealedPage = query<{ afterSeq: number; limit: number }>()((db, p) =>
  db
    .selectFrom('audit')
    .select([...recordColumns, 'seq', 'hash'])
    .where('seq', '>', p.afterSeq)
    .orderBy('seq')
    .limit(p.limit),
)

/** In the order of the sequence. */
export async function readSealed(
  reader: Reader,
  page: { readonly afterSeq: number; readonly limit: number },
): Promise<readonly SealedRecord[]> {
  // A row with a sequence number has a hash, unless somebody took it away: then it fits nothing.
  return (await reader.all(sealedPage, page)) as readonly SealedRecord[]
}

const lastSealed = query<object>()((db) =>
  db
    .selectFrom('audit')
    .select(['seq', 'hash'])
    .where('seq', 'is not', null)
    .orderBy('seq', 'desc')
    .limit(1),
)

export async function findLastSeal(
  reader: Reader,
): Promise<Pick<SealedRecord, 'seq' | 'hash'> | undefined> {
  return (await reader.one(lastSealed, {})) as Pick<SealedRecord, 'seq' | 'hash'> | undefined
}

const unsealedPage = query<{ limit: number }>()((db, p) =>
  db
    .selectFrom('audit')
    .select(recordColumns)
    .where('seq', 'is', null)
    .orderBy('id')
    .limit(p.limit),
)

/** In the order in which they were written, as far as there is one. */
export async function readUnsealed(reader: Reader, limit: number): Promise<readonly AuditRecord[]> {
  return reader.all(unsealedPage, { limit })
}

const unsealed = query<{ before: number }>()((db, p) =>
  db
    .selectFrom('audit')
    .select((row) => row.fn.countAll<number>().as('count'))
    .where('seq', 'is', null)
    .where('at', '<', p.before),
)

/** How many rows from before that time (milliseconds since 1970) have no seal. */
export async function countUnsealed(reader: Reader, before: number): Promise<number> {
  return Number((await reader.one(unsealed, { before }))?.count ?? 0)
}

interface Seal {
  readonly id: number
  readonly seq: number
  readonly hash: string
}

const seal = blocks((db, rows) => {
  const values = sql.join(
    rows.map(
      ({ id, seq, hash }) =>
        sql`(cast(${id} as bigint), cast(${seq} as bigint), cast(${hash} as text))`,
    ),
  )
  return db
    .updateTable('audit')
    .from(
      sql<{ column1: number; column2: number; column3: string }>`(values ${values})`.as('seals'),
    )
    .set((row) => ({ seq: row.ref('seals.column2'), hash: row.ref('seals.column3') }))
    .whereRef('audit.id', '=', 'seals.column1')
})

/** Only under lockAuditHead. Returns how many rows took their seals. */
export async function setSeals(tx: Transaction, seals: readonly Seal[]): Promise<number> {
  return runBlocks(tx, seal, seals)
}

const lock = query<{ key: string }>()((db, p) =>
  db
    .updateTable('settings')
    .set((row) => ({ value: row.ref('value') }))
    .where('key', '=', p.key),
)

/**
 * Until the transaction ends nobody else seals. `first` is the head that a log begins with.
 * Undefined when what is kept as the head is none.
 */
export async function lockAuditHead(
  tx: Transaction,
  first: () => Promise<AuditHead>,
): Promise<AuditHead | undefined> {
  if ((await tx.run(lock, { key: headKey })) > 0) return findAuditHead(tx)
  return headOf(await ensureSetting(tx, headKey, JSON.stringify(await first())))
}

/** Undefined when nothing was ever sealed, or what is kept as the head is none. */
export async function findAuditHead(reader: Reader): Promise<AuditHead | undefined> {
  return headOf(await findSetting(reader, headKey))
}

const move = query<{ key: string; value: string }>()((db, p) =>
  db.updateTable('settings').set({ value: p.value }).where('key', '=', p.key),
)

export async function moveAuditHead(tx: Transaction, head: AuditHead): Promise<void> {
  await tx.run(move, { key: headKey, value: JSON.stringify(head) })
}

function headOf(text: string | undefined): AuditHead | undefined {
  try {
    const head = JSON.parse(text ?? 'null') as Partial<AuditHead> | null
    if (!Number.isSafeInteger(head?.seq) || typeof head?.hash !== 'string') return undefined
    return { seq: head.seq as number, hash: head.hash, at: Number(head.at) }
  } catch {
    return undefined
  }
}
