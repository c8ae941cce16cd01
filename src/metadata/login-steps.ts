// Sign-ins that take more than one request, between two of them: kept at the server for minutes, known by the SHA-256
// of a secret that one browser has. They are rows of the sessions table of a kind that opens nothing, and belong to
// nobody yet, so they are in nobody's list of sessions.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

const kind = 'login'

export interface LoginStep {
  /** SHA-256 of the secret, in hexadecimal. */
  readonly hash: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly address: string
  /** JSON. */
  readonly detail: string
}

const insert = query<LoginStep & { now: number }>()((db, p) =>
  db.insertInto('sessions').values({
    hash: p.hash,
    kind,
    principal_id: null,
    created_at: p.now,
    last_seen_at: p.now,
    expires_at: p.expiresAt,
    address: p.address,
    user_agent: null,
    detail: p.detail,
  }),
)

export async function insertLoginStep(tx: Transaction, step: LoginStep): Promise<void> {
  await tx.run(insert, { ...step, now: Date.now() })
}

const one = query<{ hash: string; now: number }>()((db, p) =>
  db
    .selectFrom('sessions')
    .select('detail')
    .where('hash', '=', p.hash)
    .where('kind', '=', kind)
    .where('expires_at', '>', p.now),
)

/** Its detail; undefined when there is none, or it has ended. */
export async function findLoginStep(reader: Reader, hash: string): Promise<string | undefined> {
  return (await reader.one(one, { hash, now: Date.now() }))?.detail
}

const take = query<{ hash: string }>()((db, p) =>
  db.deleteFrom('sessions').where('hash', '=', p.hash).where('kind', '=', kind),
)

/** As findLoginStep, and ends it: of all who take it, one gets it. */
export async function takeLoginStep(tx: Transaction, hash: string): Promise<string | undefined> {
  const detail = await findLoginStep(tx, hash)
  if (detail === undefined) return undefined
  return (await tx.run(take, { hash })) === 1 ? detail : undefined
}
