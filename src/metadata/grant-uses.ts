// When and for what grants were used. It is noted now and then for many grants at once, by several writers.
import { sql } from 'kysely'
import { blocks, runBlocks, type Slots } from './many-rows.ts'
import type { Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface GrantUse {
  readonly grantId: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly actions: readonly string[]
}

const readAtOnce = 64

const known = query<Slots>()((db, p) =>
  db
    .selectFrom('grants')
    .select(['id', 'last_used_at as lastUsedAt', 'actions_used as actionsUsed'])
    .where(
      'id',
      'in',
      Array.from({ length: readAtOnce }, (_, slot) => p[`id${slot}`] as number),
    ),
)

interface UseColumns {
  readonly column1: number
  readonly column2: number
  readonly column3: string
}

// Both dialects call the columns of VALUES so; the casts tell PostgreSQL what the parameters are.
const note = blocks((db, rows) =>
  db
    .updateTable('grants')
    .from(
      sql<UseColumns>`(values ${sql.join(
        rows.map(
          ({ id, at, actions }) =>
            sql`(cast(${id} as bigint), cast(${at} as bigint), cast(${actions} as text))`,
        ),
      )})`.as('used'),
    )
    .set((row) => ({
      last_used_at: row.ref('used.column2'),
      actions_used: row.ref('used.column3'),
    }))
    .whereRef('grants.id', '=', 'used.column1'),
)

/**
 * Times only go forward, and actions only come to those that are known. What tells nothing new writes nothing, and
 * grants are taken in the order of their ids, so that several who note at once hardly meet. Use `durable: false`.
 */
export async function noteGrantUses(tx: Transaction, uses: readonly GrantUse[]): Promise<void> {
  const merged = mergeUses(uses)
  const ids = [...merged.keys()].toSorted((a, b) => a - b)
  for (let first = 0; first < ids.length; first += readAtOnce) {
    const news: { id: number; at: number; actions: string }[] = []
    for (const row of await tx.all(known, idSlots(ids.slice(first, first + readAtOnce)))) {
      const use = merged.get(row.id)
      if (use === undefined) continue
      const before = row.actionsUsed === '' ? [] : row.actionsUsed.split(',')
      const actions = [...new Set([...before, ...use.actions])]
      const at = Math.max(row.lastUsedAt ?? 0, use.at)
      if (at === row.lastUsedAt && actions.length === before.length) continue
      news.push({ id: row.id, at, actions: actions.join(',') })
    }
    news.sort((a, b) => a.id - b.id)
    await runBlocks(tx, note, news)
  }
}

interface MergedUse {
  readonly at: number
  readonly actions: Iterable<string>
}

function mergeUses(uses: readonly GrantUse[]): ReadonlyMap<number, MergedUse> {
  const merged = new Map<number, MergedUse>()
  for (const { grantId, at, actions } of uses) {
    const other = merged.get(grantId)
    merged.set(grantId, {
      at: Math.max(at, other?.at ?? 0),
      actions: new Set([...(other?.actions ?? []), ...actions]),
    })
  }
  return merged
}

/** Filled up with the last one: a statement has a fixed number of parameters. */
function idSlots(ids: readonly number[]): Slots {
  const slots: Record<string, number | undefined> = {}
  for (let slot = 0; slot < readAtOnce; slot += 1) slots[`id${slot}`] = ids[slot] ?? ids.at(-1)
  return slots
}
