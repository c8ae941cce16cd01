// Sign-ins that last: of browsers (a secret in a cookie), of docker (its identity token). A browser's session ends when
// it is idle for 8 hours, and after 7 days in any case.
import { hashSecret, makeSecret, readSecret } from '../auth/secret-format.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { findPrincipalById } from '../metadata/principals.ts'
import { findSessionOwner } from '../metadata/session-owners.ts'
import {
  endSession as endSessionRow,
  endSessionsOf as endSessionRowsOf,
  findSession,
  insertSession,
  listSessions as listSessionRows,
  touchSession,
  type SessionRow,
} from '../metadata/sessions.ts'
import type { Actor } from './actor.ts'
import { Refusal } from './refusal.ts'
import type { TokenOwner } from './token-view.ts'

export interface SessionsDeps {
  readonly metadata: MetadataStore
}

const hourMs = 60 * 60_000
export const idleMs = 8 * hourMs
export const longestSessionMs = 7 * 24 * hourMs
/** So often at most a session's last use is written down. */
const noteEveryMs = 60_000

export type Session = Omit<SessionRow, 'detail'>

/** The secret goes into a cookie. Whoever signs in gets a new one, never one that they came with. */
export async function startSession(
  { metadata }: SessionsDeps,
  actor: Actor & { readonly id: number },
  { userAgent }: { readonly userAgent: string | undefined },
): Promise<{ readonly id: number; readonly secret: string; readonly expiresAt: number }> {
  const secret = makeSecret('session')
  const expiresAt = Date.now() + idleMs
  const id = await metadata.write(async (tx) => {
    const made = await insertSession(tx, {
      kind: 'web',
      hash: hashSecret(secret),
      principalId: actor.id,
      expiresAt,
      address: actor.address,
      userAgent,
      detail: {},
    })
    await appendAudit(tx, {
      event: 'session.started',
      actor,
      subject: `user:${actor.name}`,
      detail: { session: made },
    })
    return made
  })
  return { id, secret, expiresAt }
}

/**
 * The session that a cookie's secret opens. That its principal may still sign in is for the caller to look at: who was
 * disabled has no session any more, but another node may not have heard yet.
 */
export async function useSession(
  { metadata }: SessionsDeps,
  secret: string,
  { address }: { readonly address: string | undefined },
): Promise<{ readonly id: number; readonly principalId: number } | undefined> {
  if (readSecret(secret)?.kind !== 'session') return undefined
  const session = await findSession(metadata, { kind: 'web', hash: hashSecret(secret) })
  if (session?.principalId === undefined) return undefined
  const now = Date.now()
  if (now - session.lastSeenAt >= noteEveryMs) {
    const expiresAt = Math.min(now + idleMs, session.createdAt + longestSessionMs)
    const seen = { id: session.id, at: now, address, expiresAt }
    // Losing it in a power loss costs nobody anything.
    await metadata.write((tx) => touchSession(tx, seen), { durable: false })
  }
  return { id: session.id, principalId: session.principalId }
}

/** At most `limit` of one principal's sessions after the one with the id `after` (0 for the first page), by id. */
export async function listSessions(
  { metadata }: SessionsDeps,
  {
    principalId,
    ...page
  }: { readonly principalId: number; readonly after: number; readonly limit: number },
): Promise<readonly Session[]> {
  const rows = await listSessionRows(metadata, principalId, page)
  return rows.map(({ id, kind, createdAt, lastSeenAt, expiresAt, address, userAgent }) => {
    return { id, kind, principalId, createdAt, lastSeenAt, expiresAt, address, userAgent }
  })
}

/** Without `may`: whoever it belongs to. @throws {Refusal} not-found */
export async function endSession(
  { metadata }: SessionsDeps,
  actor: Actor,
  { id, may = () => true }: { readonly id: number; readonly may?: (owner: TokenOwner) => boolean },
): Promise<void> {
  await metadata.write(async (tx) => {
    const owner = await findSessionOwner(tx, id)
    // One that the caller may not end is as if it were not there.
    const ended =
      owner !== undefined && may(owner) && (await endSessionRow(tx, { id, principalId: owner.id }))
    if (!ended) {
      throw new Refusal('not-found', `there is no session ${id}`, { fix: 'carrel session ls' })
    }
    await appendAudit(tx, {
      event: 'session.ended',
      actor,
      subject: `${owner.kind}:${owner.name}`,
      detail: { session: id },
    })
  })
}

/** All of one principal but `except`; returns how many there were. @throws {Refusal} not-found */
export async function endSessions(
  { metadata }: SessionsDeps,
  actor: Actor,
  { principalId, except }: { readonly principalId: number; readonly except?: number | undefined },
): Promise<number> {
  return metadata.write((tx) => endSessionsOf(tx, actor, { principalId, except }))
}

/** The same in the transaction of what ends them: a password that is changed, a user who is disabled. */
export async function endSessionsOf(
  tx: Transaction,
  actor: Actor,
  { principalId, except }: { readonly principalId: number; readonly except?: number | undefined },
): Promise<number> {
  const owner = await findPrincipalById(tx, principalId)
  if (owner === undefined) throw new Refusal('not-found', 'there is no such account')
  const ended = await endSessionRowsOf(tx, principalId, except)
  if (ended > 0) {
    await appendAudit(tx, {
      event: 'session.ended',
      actor,
      subject: `${owner.kind}:${owner.name}`,
      detail: { sessions: ended, kept: except },
    })
  }
  return ended
}
