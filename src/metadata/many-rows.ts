// Statements that write many rows at once: one round trip to the database for up to 64 rows.
import type { Compilable, Kysely } from 'kysely'
import type { Transaction } from './metadata-store.ts'
import { query, type Query } from './query.ts'
import type { Schema } from './schema.ts'

/** Parameters of several rows: `subject3` is the subject of the fourth. */
export type Slots = Readonly<Record<string, unknown>>

/** Many rows are written by few statements: most go in the largest block. */
const blockSizes = [64, 8, 1] as const

export interface Block {
  readonly size: number
  readonly statement: Query<Slots, unknown>
}

/** `build` makes the statement for so many rows. */
export function blocks(build: (db: Kysely<Schema>, rows: readonly Slots[]) => Compilable): Block[] {
  return blockSizes.map((size) => ({
    size,
    statement: query<Slots>()((db, p) => build(db, Array.from({ length: size }, slotsOf(p)))),
  }))
}

function slotsOf(p: Slots): (_: unknown, row: number) => Slots {
  return (_, row) => new Proxy({}, { get: (__, name) => p[`${String(name)}${row}`] })
}

/** Writes the rows in their order; returns how many were changed. */
export async function runBlocks(
  tx: Transaction,
  from: readonly Block[],
  rows: readonly object[],
): Promise<number> {
  let changed = 0
  let done = 0
  for (const { size, statement } of from) {
    for (; rows.length - done >= size; done += size) {
      changed += await tx.run(statement, slotValues(rows.slice(done, done + size)))
    }
  }
  return changed
}

function slotValues(rows: readonly object[]): Slots {
  const values: Record<string, unknown> = {}
  for (const [row, fields] of rows.entries()) {
    for (const [name, value] of Object.entries(fields)) values[`${name}${row}`] = value
  }
  return values
}
