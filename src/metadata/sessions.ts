// Sessions: of a browser (web), of docker's identity token (refresh), and of a device that waits for a person
// (device-sessions.ts). A session is known by the SHA-256 of its secret, and only as the kind that it is. One that has
// expired is not found, whether or not its row was removed.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export type SessionKind = 'web' | 'refresh' | 'device'

/** Whatever its kind needs, kept as JSON. */
export type SessionDetail = Readonly<Record<string, unknown>>

export interface SessionRow {
  readonly id: number
  readonly kind: SessionKind
  /** Undefined only while a device waits. */
  readonly principalId: number | undefined
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly address: string | undefined
  readonly userAgent: string | undefined
  readonly detail: SessionDetail
}

const longestUserAgent = 300

const insert = query<{
  hash: string
  kind: string
  principalId: number
  now: number
  expiresAt: number
  address: string
  userAgent: string
  detail: string
}>()((db, p) =>
  db
    .insertInto('sessions')
    .values({
      hash: p.hash,
      kind: p.kind,
      principal_id: p.principalId,
      created_at: p.now,
      last_seen_at: p.now,
      expires_at: p.expiresAt,
      address: p.address,
      user_agent: p.userAgent,
      detail: p.detail,
    })
    .returning('id'),
)

export type NewSession = Pick<
  SessionRow,
  'kind' | 'principalId' | 'expiresAt' | 'address' | 'userAgent' | 'detail'
> & { readonly hash: string }

/** Returns its id. */
export async function insertSession(tx: Transaction, session: NewSession): Promise<number> {
  const made = await tx.one(insert, {
    ...session,
    principalId: session.principalId as number,
    now: Date.now(),
    address: session.address as string,
    userAgent: session.userAgent?.slice(0, longestUserAgent) as string,
    detail: JSON.stringify(session.detail),
  })
  if (made === undefined) throw new Error('the database did not tell the id of a new session')
  return made.id
}

const columns = [
  'id',
  'kind',
  'principal_id as principalId',
  'created_at as createdAt',
  'last_seen_at as lastSeenAt',
  'expires_at as expiresAt',
  'address',
  'user_agent as userAgent',
  'detail',
] as const

interface RawSession {
  readonly id: number
  readonly kind: string
  readonly principalId: number | null
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly address: string | null
  readonly userAgent: string | null
  readonly detail: string
}

// Without the time: then SQLite's rows that were read may be kept.
const byHash = query<{ hash: string; kind: string }>()((db, p) =>
  db.selectFrom('sessions').select(columns).where('hash', '=', p.hash).where('kind', '=', p.kind),
)

export async function findSession(
  reader: Reader,
  { kind, hash }: { readonly kind: SessionKind; readonly hash: string },
): Promise<SessionRow | undefined> {
  const raw = await reader.one(byHash, { kind, hash })
  return raw === undefined || raw.expiresAt <= Date.now() ? undefined : rowOf(raw)
}

const touch = query<{ id: number; at: number; address: string; expiresAt: number }>()((db, p) =>
  db
    .updateTable('sessions')
    .set({ last_seen_at: p.at, address: p.address, expires_at: p.expiresAt })
    .where('id', '=', p.id)
    .where('last_seen_at', '<', p.at)
    .where('expires_at', '>', p.at),
)

/**
 * The session was used: from now on it ends at `expiresAt`, which the caller makes of how long it may be idle and how
 * long it may last at all. Only moves forward; returns false when it was seen later already, or has ended.
 */
export async function touchSession(
  tx: Transaction,
  seen: {
    readonly id: number
    readonly at: number
    readonly address: string | undefined
    readonly expiresAt: number
  },
): Promise<boolean> {
  return (await tx.run(touch, { ...seen, address: seen.address as string })) === 1
}

const end = query<{ id: number; principalId: number }>()((db, p) =>
  db.deleteFrom('sessions').where('id', '=', p.id).where('principal_id', '=', p.principalId),
)

/** Returns false when the principal has no such session. */
export async function endSession(
  tx: Transaction,
  session: { readonly id: number; readonly principalId: number },
): Promise<boolean> {
  return (await tx.run(end, session)) === 1
}

const endAll = query<{ principalId: number; except: number }>()((db, p) =>
  db.deleteFrom('sessions').where('principal_id', '=', p.principalId).where('id', '<>', p.except),
)

/** Sessions of all kinds, one left out (the one that asks; 0 leaves out none). Returns how many. */
export async function endSessionsOf(
  tx: Transaction,
  principalId: number,
  except = 0,
): Promise<number> {
  return tx.run(endAll, { principalId, except })
}

const page = query<{ principalId: number; now: number; after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('sessions')
    .select(columns)
    .where('principal_id', '=', p.principalId)
    .where('expires_at', '>', p.now)
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
)

/** At most `limit` of the principal's sessions after the one with the id `after` (0 for the first page), by id. */
export async function listSessions(
  reader: Reader,
  principalId: number,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly SessionRow[]> {
  const rows = await reader.all(page, { principalId, now: Date.now(), after, limit })
  return rows.map(rowOf)
}

const removeExpired = query<{ now: number; limit: number }>()((db, p) =>
  db
    .deleteFrom('sessions')
    .where('id', 'in', (of) =>
      of
        .selectFrom('sessions')
        .select('id')
        .where('expires_at', '<=', p.now)
        .orderBy('expires_at')
        .limit(p.limit),
    ),
)

/** At most `limit`; returns how many. */
export async function removeExpiredSessions(tx: Transaction, limit: number): Promise<number> {
  return tx.run(removeExpired, { now: Date.now(), limit })
}

function rowOf(raw: RawSession): SessionRow {
  return {
    id: raw.id,
    kind: raw.kind as SessionKind,
    principalId: raw.principalId ?? undefined,
    createdAt: raw.createdAt,
    lastSeenAt: raw.lastSeenAt,
    expiresAt: raw.expiresAt,
    address: raw.address ?? undefined,
    userAgent: raw.userAgent ?? undefined,
    detail: JSON.parse(raw.detail) as SessionDetail,
  }
}
