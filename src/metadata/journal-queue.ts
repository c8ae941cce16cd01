// What the journal in the storage has yet to tell. Written in the transaction of the change, so that the journal can
// forget nothing; taken away when the journal holds it (journal/).
import type { Digest } from '../oci/digest.ts'
import { blocks, runBlocks } from './many-rows.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

/** One fact. Times are milliseconds since 1970; `by` is the id of a principal. */
export type JournalEntry =
  /** A repository is there, or changed; its fields are looked up when the journal is written. */
  | { readonly kind: 'repository'; readonly repositoryId: number }
  | { readonly kind: 'repository-deleted'; readonly repositoryId: number; readonly at: number }
  | { readonly kind: 'repository-purged'; readonly repositoryId: number }
  /** A manifest is there; its bytes are looked up when the journal is written. */
  | { readonly kind: 'manifest'; readonly repositoryId: number; readonly digest: Digest }
  | {
      readonly kind: 'manifest-deleted'
      readonly repositoryId: number
      readonly digest: Digest
      readonly at: number
    }
  | {
      readonly kind: 'tag'
      readonly repositoryId: number
      readonly tag: string
      /** Null: deleted. */
      readonly digest: Digest | null
      readonly at: number
      readonly by: number | null
    }

const insert = query<{ entries: string }>()((db, p) =>
  db.insertInto('journal_queue').values({ entries: p.entries }),
)

export async function queueForJournal(
  tx: Transaction,
  entries: readonly JournalEntry[],
): Promise<void> {
  if (entries.length > 0) await tx.run(insert, { entries: JSON.stringify(entries) })
}

const next = query<{ after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('journal_queue')
    .select(['id', 'entries'])
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
)

export interface QueuedEntries {
  readonly id: number
  readonly entries: readonly JournalEntry[]
}

/** The oldest, or those after an id; they stay until removed. */
export async function listJournalQueue(
  reader: Reader,
  limit: number,
  after: number = 0,
): Promise<readonly QueuedEntries[]> {
  const rows = await reader.all(next, { after, limit })
  return rows.map(({ id, entries }) => ({
    id,
    entries: JSON.parse(entries) as readonly JournalEntry[],
  }))
}

const remove = blocks((db, rows) =>
  db.deleteFrom('journal_queue').where(
    'id',
    'in',
    rows.map((row) => row['id'] as number),
  ),
)

export async function removeFromJournalQueue(
  tx: Transaction,
  ids: readonly number[],
): Promise<void> {
  await runBlocks(
    tx,
    remove,
    ids.map((id) => ({ id })),
  )
}

const one = query<{ id: number }>()((db, p) =>
  db.selectFrom('journal_queue').select('id').where('id', '=', p.id),
)

/** Whether this row still waits. */
export async function isQueuedForJournal(reader: Reader, id: number): Promise<boolean> {
  return (await reader.one(one, { id })) !== undefined
}

const ids = query<{ after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('journal_queue')
    .select('id')
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
)

/** Ids of everything that waits now. */
export async function listQueuedIds(reader: Reader): Promise<readonly number[]> {
  const all: number[] = []
  for (;;) {
    const rows = await reader.all(ids, { after: all.at(-1) ?? 0, limit: idsAtOnce })
    for (const { id } of rows) all.push(id)
    if (rows.length < idsAtOnce) return all
  }
}

const idsAtOnce = 10_000

const count = query<object>()((db) =>
  db.selectFrom('journal_queue').select((of) => of.fn.countAll<number>().as('count')),
)

export async function countJournalQueue(reader: Reader): Promise<number> {
  return Number((await reader.one(count, {}))?.count)
}
