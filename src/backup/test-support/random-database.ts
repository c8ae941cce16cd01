// Rows at random for every table that a database has, whatever it is: what the schema allows, backups must carry.
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { digestOf } from '../../oci/digest.ts'

interface ColumnFact {
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly pk: number
}

interface ReferenceFact {
  readonly id: number
  readonly table: string
  readonly from: string
  readonly to: string | null
}

type Row = Record<string, unknown>

/** A stream of choices that a seed decides. */
export interface Dice {
  readonly whole: (below: number) => number
  readonly chance: (share: number) => boolean
  readonly text: () => string
  readonly bytes: () => Buffer
}

export function diceOf(seed: number): Dice {
  // PostgreSQL has no zero byte in texts, and neither has what Carrel writes.
  const texts = fc.sample(
    fc
      .string({ unit: 'binary', maxLength: 30 })
      .filter((text) => text.isWellFormed() && !text.includes('\0')),
    { seed, numRuns: 200 },
  )
  const blobs = fc.sample(fc.uint8Array({ maxLength: 200 }), { seed, numRuns: 50 })
  let state = seed >>> 0
  const next = (): number => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (below: number): number => Math.floor(next() * below)
  return {
    whole,
    chance: (share) => next() < share,
    text: () => `${texts[whole(texts.length)]}${whole(1e6)}`,
    bytes: () => Buffer.from(blobs[whole(blobs.length)] ?? []),
  }
}

export interface RandomBlob {
  readonly key: string
  readonly bytes: Buffer
}

/** Fills every table; returns the objects that blobs are said to have in the storage. */
export function fillAtRandom(file: string, dice: Dice, rowsOfEach = 12): readonly RandomBlob[] {
  const db = new DatabaseSync(file)
  db.exec('PRAGMA foreign_keys = ON; BEGIN')
  const stored: RandomBlob[] = []
  const names = (
    db
      .prepare(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite%' and name <> 'migrations'",
      )
      .all() as { name: string }[]
  ).map(({ name }) => name)
  const filled = new Set<string>()
  const fill = (table: string): void => {
    if (filled.has(table)) return
    filled.add(table)
    const references = db
      .prepare(`select * from pragma_foreign_key_list('${table}')`)
      .all() as unknown as ReferenceFact[]
    for (const { table: target } of references) fill(target)
    for (let count = 0; count < rowsOfEach; count += 1) {
      const row = randomRow(db, table, references, dice)
      if (row === undefined) continue
      if (table === 'blobs') stored.push(...asBlob(row, dice))
      insert(db, table, row)
    }
  }
  for (const name of names) fill(name)
  // Ids that were given out and taken back.
  for (const { name } of db.prepare('select name from sqlite_sequence').all()) {
    db.prepare('update sqlite_sequence set seq = seq + ? where name = ?').run(
      dice.whole(50),
      name as string,
    )
  }
  db.exec('COMMIT')
  db.close()
  return stored
}

function randomRow(
  db: DatabaseSync,
  table: string,
  references: readonly ReferenceFact[],
  dice: Dice,
): Row | undefined {
  const row: Row = {}
  const columns = db
    .prepare(`select * from pragma_table_info('${table}')`)
    .all() as unknown as ColumnFact[]
  for (const id of new Set(references.map((reference) => reference.id))) {
    const parts = references.filter((reference) => reference.id === id)
    const isOptional = parts.every(({ from }) =>
      columns.some(({ name, notnull, pk }) => name === from && notnull === 0 && pk === 0),
    )
    if (isOptional && dice.chance(0.5)) continue
    const parent = pickParent(db, parts, row, dice)
    if (parent === undefined) return undefined
    for (const [index, { from }] of parts.entries()) row[from] = parent[`v${index}`]
  }
  for (const { name, type, notnull, pk } of columns) {
    if (
      name in row ||
      references.some(({ from }) => from === name) ||
      (pk === 1 && type === 'INTEGER' && name === 'id')
    )
      continue
    if (name === 'id' && type.toLowerCase() === 'integer') continue
    if (notnull === 0 && pk === 0 && dice.chance(0.4)) continue
    row[name] = valueOf(type, dice)
  }
  return row
}

function pickParent(
  db: DatabaseSync,
  parts: readonly ReferenceFact[],
  row: Row,
  dice: Dice,
): Row | undefined {
  const fixed = parts.filter(({ from }) => from in row)
  const list = parts.map(({ to }, index) => `"${to ?? 'id'}" as v${index}`).join(', ')
  const where = fixed.map(({ to }) => `"${to ?? 'id'}" = ?`).join(' and ')
  const rows = db
    .prepare(`select ${list} from "${parts[0]?.table}"${where === '' ? '' : ` where ${where}`}`)
    .all(...(fixed.map(({ from }) => row[from]) as never[])) as Row[]
  return rows[dice.whole(rows.length)]
}

function valueOf(type: string, dice: Dice): unknown {
  if (type.toLowerCase() === 'blob') return dice.bytes()
  if (type.toLowerCase() === 'integer') return dice.whole(dice.chance(0.1) ? 2 ** 53 : 1e13)
  return dice.text()
}

/** A blob's bytes are those of its digest; they lie in the row, or in the storage. */
function asBlob(row: Row, dice: Dice): readonly RandomBlob[] {
  const bytes = Buffer.concat([dice.bytes(), Buffer.from(dice.text())])
  const isInRow = dice.chance(0.3)
  const digest = digestOf(bytes, dice.chance(0.1) ? 'sha512' : 'sha256')
  const key = `blobs/sha256/ab/${digest.replace(':', '-')}.00000000`
  Object.assign(row, {
    digest,
    size: bytes.length,
    content: isInRow ? bytes : null,
    storage_key: isInRow ? null : key,
    ...('damaged_at' in row && { damaged_at: null }),
  })
  return isInRow ? [] : [{ key, bytes }]
}

function insert(db: DatabaseSync, table: string, row: Row): void {
  const names = Object.keys(row)
  const list = names.map((name) => `"${name}"`).join(', ')
  db.prepare(
    // Two of a kind where one is allowed: the second is left out.
    `insert or ignore into "${table}" (${list}) values (${names.map(() => '?').join(', ')})`,
  ).run(...(names.map((name) => row[name]) as never[]))
}
