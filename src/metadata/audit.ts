// The audit log: who did what to whom. A row is written in the transaction of the change itself, so neither can be
// without the other; soon after, rows are sealed in order (audit/seal.ts). Clients can fill the texts, so those are
// cut to length, and no character in them can break a line or turn one around.
import type { AuditEvent } from './audit-events.ts'
import { cleanAddress, cleanName, cleanSubject, fittingDetail } from './audit-text.ts'
import type { JsonValue } from './audit-text.ts'
import { blocks, runBlocks } from './many-rows.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface AuditEntry {
  /** Milliseconds since 1970; now, when left out. */
  readonly at?: number
  readonly event: AuditEvent
  readonly actor: {
    readonly id?: number | undefined
    readonly name: string
    readonly address?: string | undefined
  }
  /** What it was done to: a name, as people write it. */
  readonly subject: string
  /** Where the actor was; the actor's own, when left out. */
  readonly address?: string | undefined
  /** Never a secret. */
  readonly detail?: Readonly<Record<string, JsonValue | undefined>>
}

/** A row as the table has it, without its seal. */
export interface AuditRecord {
  readonly id: number
  readonly at: number
  readonly event: string
  readonly actorId: number | null
  readonly actor: string
  readonly subject: string
  readonly address: string | null
  /** JSON. */
  readonly detail: string
}

export interface AuditRow {
  readonly id: number
  readonly at: number
  readonly event: string
  readonly actor: { readonly id: number | undefined; readonly name: string }
  readonly subject: string
  readonly address: string | undefined
  readonly detail: Readonly<Record<string, JsonValue>>
  /** Undefined until the row is sealed. */
  readonly seq: number | undefined
  readonly hash: string | undefined
}

const insert = query<AuditValues>()((db, p) => db.insertInto('audit').values(columnsOf(p)))

const insertMany = blocks((db, rows) =>
  db.insertInto('audit').values(rows.map((row) => columnsOf(row as unknown as AuditValues))),
)

/** A row that is not written yet. */
export type AuditValues = Omit<AuditRecord, 'id'>

function columnsOf(p: AuditValues) {
  return {
    at: p.at,
    event: p.event,
    actor_id: p.actorId,
    actor: p.actor,
    subject: p.subject,
    address: p.address,
    detail: p.detail,
  }
}

/** Call it in the transaction of the change that it tells of. */
export async function appendAudit(tx: Transaction, entry: AuditEntry): Promise<void> {
  await tx.run(insert, auditValues(entry))
}

/** Several at once, in order. */
export async function appendAuditBatch(
  tx: Transaction,
  entries: readonly AuditEntry[],
): Promise<void> {
  await insertAudit(tx, entries.map(auditValues))
}

export async function insertAudit(tx: Transaction, rows: readonly AuditValues[]): Promise<void> {
  await runBlocks(tx, insertMany, rows)
}

/**
 * The entry as it is kept. Whatever it holds, both dialects can write it: one that they could not would undo the
 * change, or stop all that wait with it.
 */
export function auditValues({
  at,
  event,
  actor,
  subject,
  address,
  detail,
}: AuditEntry): AuditValues {
  const from = address ?? actor.address
  return {
    at: Number.isSafeInteger(at) ? (at as number) : Date.now(),
    event,
    actorId: Number.isSafeInteger(actor.id) ? (actor.id as number) : null,
    actor: cleanName(actor.name),
    subject: cleanSubject(subject),
    address: from === undefined ? null : cleanAddress(from),
    detail: detail === undefined ? '{}' : fittingDetail(detail),
  }
}

export interface AuditFilter {
  /** An event, or with a dot at its end all events that begin with it: `grant.` */
  readonly event?: string | undefined
  /** The name of the actor. */
  readonly actor?: string | undefined
  readonly subject?: string | undefined
  /** Milliseconds since 1970: from `since` on, and before `until`. */
  readonly since?: number | undefined
  readonly until?: number | undefined
}

export interface AuditPage extends AuditFilter {
  /** The id of the last row of the page before: newest first. */
  readonly before?: number | undefined
  /** The same, oldest first; with `before` it only says where to stop. */
  readonly after?: number | undefined
  readonly limit: number
}

export const recordColumns = [
  'id',
  'at',
  'event',
  'actor_id as actorId',
  'actor',
  'subject',
  'address',
  'detail',
] as const

interface ListParameters {
  readonly event: string
  readonly eventEnd: string
  readonly actor: string
  readonly subject: string
  readonly since: number
  readonly until: number
  readonly before: number
  readonly after: number
  readonly limit: number
}

/** Which conditions a listing has: each combination is a statement of its own, so that the indexes are used. */
interface Shape {
  readonly event: 'any' | 'one' | 'family'
  readonly actor: boolean
  readonly subject: boolean
  readonly time: boolean
  readonly newestFirst: boolean
}

function listing(shape: Shape) {
  return query<ListParameters>()((db, p) => {
    let rows = db
      .selectFrom('audit')
      .select([...recordColumns, 'seq', 'hash'])
      .where('id', '>', p.after)
      .where('id', '<', p.before)
    if (shape.event === 'one') rows = rows.where('event', '=', p.event)
    if (shape.event === 'family') {
      rows = rows.where('event', '>=', p.event).where('event', '<', p.eventEnd)
    }
    if (shape.actor) rows = rows.where('actor', '=', p.actor)
    if (shape.subject) rows = rows.where('subject', '=', p.subject)
    if (shape.time) rows = rows.where('at', '>=', p.since).where('at', '<', p.until)
    return rows.orderBy('id', shape.newestFirst ? 'desc' : 'asc').limit(p.limit)
  })
}

const listings = new Map<string, ReturnType<typeof listing>>()
for (const event of ['any', 'one', 'family'] as const) {
  for (let bits = 0; bits < 16; bits += 1) {
    const has = (bit: number): boolean => (bits & bit) !== 0
    const shape = { event, actor: has(1), subject: has(2), time: has(4), newestFirst: has(8) }
    listings.set(keyOf(shape), listing(shape))
  }
}

function keyOf({ event, actor, subject, time, newestFirst }: Shape): string {
  return `${event} ${actor} ${subject} ${time} ${newestFirst}`
}

/** Newest first, or oldest first when only `after` is given. Rows that are not sealed yet are among them. */
export async function listAudit(reader: Reader, page: AuditPage): Promise<readonly AuditRow[]> {
  const { event = '', actor, subject, since, until, before, after, limit } = page
  const family = event.endsWith('.')
  const shape: Shape = {
    event: event === '' ? 'any' : family ? 'family' : 'one',
    actor: actor !== undefined,
    subject: subject !== undefined,
    time: since !== undefined || until !== undefined,
    newestFirst: before !== undefined || after === undefined,
  }
  const statement = listings.get(keyOf(shape))
  if (statement === undefined) return []
  const rows = await reader.all(statement, {
    event: cleanName(event),
    // '/' is the character after '.'.
    eventEnd: `${cleanName(event).slice(0, -1)}/`,
    // Texts as they were written, so that what was cut or replaced then is found by what it was.
    actor: cleanName(actor ?? ''),
    subject: cleanSubject(subject ?? ''),
    since: since ?? Number.MIN_SAFE_INTEGER,
    until: until ?? Number.MAX_SAFE_INTEGER,
    before: before ?? Number.MAX_SAFE_INTEGER,
    after: after ?? 0,
    limit,
  })
  return rows.map(rowOf)
}

/** Whether listAudit with this filter would show the row. */
export function matchesAudit(record: AuditRecord, filter: AuditFilter): boolean {
  const { event = '', actor, subject, since, until } = filter
  if (event.endsWith('.') && !record.event.startsWith(event)) return false
  if (event !== '' && !event.endsWith('.') && record.event !== event) return false
  if (actor !== undefined && record.actor !== cleanName(actor)) return false
  if (subject !== undefined && record.subject !== cleanSubject(subject)) return false
  return (since === undefined || record.at >= since) && (until === undefined || record.at < until)
}

function rowOf(raw: AuditRecord & { seq: number | null; hash: string | null }): AuditRow {
  return {
    id: raw.id,
    at: raw.at,
    event: raw.event,
    actor: { id: raw.actorId ?? undefined, name: raw.actor },
    subject: raw.subject,
    address: raw.address ?? undefined,
    detail: detailOf(raw.detail),
    seq: raw.seq ?? undefined,
    hash: raw.hash ?? undefined,
  }
}

/** Somebody may have changed the table by hand: the log is still to be read then. */
function detailOf(text: string): AuditRow['detail'] {
  try {
    return JSON.parse(text) as AuditRow['detail']
  } catch {
    return { unreadable: text }
  }
}
