// Grants: giving, changing and taking away rights. Whether the actor may is decided before, by the place and by what is
// handed on. Administrators of the installation are so by themselves and not by a grant: no change here locks them out.
import { parseActions, readActions, type GrantedAction } from '../auth/action.ts'
import { isExpired } from '../auth/held-grant.ts'
import { namespaceOfPlace, parsePlace, type Place } from '../auth/place.ts'
import { appendAudit, type AuditEntry } from '../metadata/audit.ts'
import {
  findGrantById,
  hasExpiredGrants,
  listGrants as listGrantRows,
  removeExpiredGrants,
  type GrantRow,
  type GrantSubject,
} from '../metadata/grant-rows.ts'
import {
  bindStrayGrants,
  changeGrant as changeGrantRow,
  hasStrayGrants,
  insertGrant,
  removeGrant as removeGrantRow,
} from '../metadata/grants.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { findRepository } from '../metadata/repositories.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { Actor } from './actor.ts'
import { grantOf, type Grant } from './grant-view.ts'
import { ensureNamespace } from './namespaces.ts'
import { longestReason, requireOneLine } from './one-line.ts'
import { Refusal } from './refusal.ts'
import { shrunkActions } from './shrink-actions.ts'
import { findSubject, formatSubject } from './subjects.ts'

export interface GrantsDeps {
  readonly metadata: MetadataStore
}

export interface NewGrant {
  /** As in `user:ann`. */
  readonly who: string
  /** As in `web/app`. */
  readonly where: string
  /** A role, or actions with commas between. */
  readonly actions: string
  readonly reason?: string | undefined
  /** Milliseconds since 1970; left out, it does not end by itself. */
  readonly expiresAt?: number | undefined
}

/**
 * Gives it. What is there already, and is the same, is answered with. For a repository that does not exist the grant
 * waits until there is one.
 *
 * @throws {Refusal} invalid, not-found for who, exists for another grant of the same on the same place
 */
export async function addGrant(
  { metadata }: GrantsDeps,
  actor: Actor,
  { who, where, actions: written, reason, expiresAt }: NewGrant,
): Promise<Grant> {
  const place = requirePlace(where)
  const actions = requireActions(written)
  requireOneLine(reason ?? '', { what: 'reason', longest: longestReason })
  requireFuture(expiresAt)
  return metadata.write(async (tx) => {
    const subject = await findSubject(tx, who)
    requireGivable(subject, actions)
    const held = await findHeld(tx, subject, place)
    if (held !== undefined && isSame(held, { actions, reason, expiresAt })) return grantOf(held)
    if (held !== undefined) throw alreadyThere(held)
    const repositoryId = await preparePlace(tx, actor, { place, subject })
    const id = await insertGrant(tx, {
      holder: subject,
      placeKind: place.kind,
      place: place.text,
      repositoryId,
      actions: actions.join(','),
      reason: reason ?? '',
      grantedBy: actor.id,
      expiresAt,
    })
    const row = await requireGrant(tx, id)
    await appendAudit(tx, entryOf('grant.added', actor, row))
    return grantOf(row)
  })
}

export interface GrantChange {
  readonly id: number
  /** A role, or actions with commas between. */
  readonly actions?: string | undefined
  /** Takes away the actions that nobody ever used, instead. */
  readonly shrinkToUsed?: boolean | undefined
  readonly reason?: string | undefined
  readonly expiresAt?: number | 'never' | undefined
  readonly expect?: ((current: Grant) => void) | undefined
}

/** What is left out stays. @throws {Refusal} not-found, invalid */
export async function changeGrant(
  { metadata }: GrantsDeps,
  actor: Actor,
  change: GrantChange,
): Promise<Grant> {
  const { id, reason, expiresAt, expect, shrinkToUsed = false } = change
  const asked = change.actions === undefined ? undefined : requireActions(change.actions)
  if (reason !== undefined) requireOneLine(reason, { what: 'reason', longest: longestReason })
  if (expiresAt !== 'never') requireFuture(expiresAt)
  return metadata.write(async (tx) => {
    const before = await requireGrant(tx, id)
    expect?.(grantOf(before))
    const actions = shrinkToUsed ? usedActions(before) : (asked ?? readActions(before.actions))
    requireGivable(before.subject, actions)
    const after = {
      id,
      actions: actions.join(','),
      reason: reason ?? before.reason,
      expiresAt: expiresAt === 'never' ? undefined : (expiresAt ?? before.expiresAt),
    }
    if (areSameTerms(before, after)) return grantOf(before)
    await changeGrantRow(tx, after)
    const row = await requireGrant(tx, id)
    const event = shrinkToUsed ? 'grant.shrunk' : 'grant.changed'
    await appendAudit(tx, entryOf(event, actor, row, before))
    return grantOf(row)
  })
}

/** @throws {Refusal} not-found */
export async function removeGrant(
  { metadata }: GrantsDeps,
  actor: Actor,
  { id, expect }: { readonly id: number; readonly expect?: (current: Grant) => void },
): Promise<void> {
  await metadata.write(async (tx) => {
    const row = await requireGrant(tx, id)
    expect?.(grantOf(row))
    await removeGrantRow(tx, id)
    await appendAudit(tx, entryOf('grant.removed', actor, row))
  })
}

/** @throws {Refusal} not-found */
export async function showGrant(
  { metadata }: { readonly metadata: Reader },
  id: number,
): Promise<Grant> {
  return grantOf(await requireGrant(metadata, id))
}

const expiredAtOnce = 200

/** The installation itself, where it does something that nobody asked for. */
const itself: Actor = { id: undefined, name: 'carrel' }

/**
 * Regular work: removes grants that are over, and tells the audit log. `more`: call again.
 * Until then they allow nothing either.
 */
export async function expireGrants(
  { metadata }: GrantsDeps,
  now: number = Date.now(),
): Promise<{ readonly expired: number; readonly more: boolean }> {
  // Most of the time there is nothing, and nothing is written then.
  const areStray = metadata.dialect === 'postgres' && (await hasStrayGrants(metadata))
  if (!areStray && !(await hasExpiredGrants(metadata, now))) return { expired: 0, more: false }
  return metadata.write(async (tx) => {
    if (areStray) await bindStrayGrants(tx)
    const expired = await removeExpiredGrants(tx, now, expiredAtOnce)
    for (const row of expired) await appendAudit(tx, entryOf('grant.expired', itself, row))
    return { expired: expired.length, more: expired.length === expiredAtOnce }
  })
}

/** @throws {Refusal} invalid */
export function requirePlace(where: string): Place {
  try {
    return parsePlace(where)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new Refusal(
      'invalid',
      `nothing can be granted on ${JSON.stringify(where.slice(0, 100))}`,
      {
        why: cause.message,
        cause,
      },
    )
  }
}

function requireActions(written: string): readonly GrantedAction[] {
  try {
    return parseActions(written)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new Refusal('invalid', `${JSON.stringify(written.slice(0, 100))} cannot be granted`, {
      why: cause.message,
      cause,
    })
  }
}

/** What a Date can be. */
const latestTime = 8.64e15

function requireFuture(expiresAt: number | undefined): void {
  if (expiresAt === undefined) return
  if (expiresAt > Date.now() && expiresAt <= latestTime) return
  throw new Refusal('invalid', 'the grant would have ended already', {
    why: 'its expiry lies in the past',
    fix: '--expires 90d',
  })
}

/** What nobody should be able to do without a name stays with those who have one. */
function requireGivable(subject: GrantSubject, actions: readonly GrantedAction[]): void {
  const isPull = actions.every((action) => action === 'pull')
  if (subject.kind === 'anonymous' && !isPull) {
    throw new Refusal('invalid', 'anonymous can be given pull only', {
      why: 'what anybody on the network changes, nobody answers for',
      fix: 'carrel grant add signed-in WHERE writer',
    })
  }
  if (subject.kind === 'signed-in' && actions.includes('admin')) {
    throw new Refusal('invalid', 'signed-in cannot be given admin', {
      why: 'whoever has an account could then give and take all rights there',
      fix: 'carrel grant add team:NAME WHERE owner',
    })
  }
}

/** One that is over counts no more, and is told to be so now. */
async function findHeld(
  tx: Transaction,
  subject: GrantSubject,
  place: Place,
): Promise<GrantRow | undefined> {
  const filter = { holder: subject, place: place.text }
  const [held] = await listGrantRows(tx, filter, { after: 0, limit: 1 })
  if (held === undefined || !isExpired(held, Date.now())) return held
  await removeGrantRow(tx, held.id)
  await appendAudit(tx, entryOf('grant.expired', itself, held))
  return undefined
}

function isSame(
  held: GrantRow,
  {
    actions,
    reason,
    expiresAt,
  }: { readonly actions: readonly GrantedAction[] } & Pick<NewGrant, 'reason' | 'expiresAt'>,
): boolean {
  return (
    readActions(held.actions).join(',') === actions.join(',') &&
    held.expiresAt === expiresAt &&
    (reason === undefined || reason === held.reason)
  )
}

function areSameTerms(one: Terms, other: Terms): boolean {
  return (
    one.actions === other.actions &&
    one.reason === other.reason &&
    one.expiresAt === other.expiresAt
  )
}

function alreadyThere(held: GrantRow): Refusal {
  const { id, who, where, role, actions } = grantOf(held)
  return new Refusal('exists', `${who} has a grant on ${where} already: ${id}`, {
    why: `it gives ${role ?? actions.join(',')}`,
    fix: `carrel grant edit ${id}`,
  })
}

/** Returns the id of the repository that is meant, where there is one. */
async function preparePlace(
  tx: Transaction,
  actor: Actor,
  { place, subject }: { readonly place: Place; readonly subject: GrantSubject },
): Promise<number | undefined> {
  if (place.kind === 'namespace') {
    await ensureNamespace(tx, actor, { name: namespaceOfPlace(place), subject })
  }
  if (place.kind !== 'repository' || !isRepositoryName(place.text)) return undefined
  return (await findRepository(tx, place.text))?.id
}

function usedActions(row: GrantRow): readonly GrantedAction[] {
  const left = shrunkActions(readActions(row.actions), readActions(row.actionsUsed))
  if (left.length > 0) return left
  throw new Refusal('invalid', `nothing would be left of grant ${row.id}`, {
    why: 'nobody ever used it',
    fix: `carrel grant rm ${row.id}`,
  })
}

async function requireGrant(reader: Reader, id: number): Promise<GrantRow> {
  const found = Number.isSafeInteger(id) ? await findGrantById(reader, id) : undefined
  if (found !== undefined) return found
  throw new Refusal('not-found', `there is no grant ${id}`, { fix: 'carrel grant ls' })
}

/** With what was before, for a change. */
function entryOf(
  event: Extract<AuditEntry['event'], `grant.${string}`>,
  actor: Actor,
  row: GrantRow,
  before?: GrantRow,
): AuditEntry {
  return {
    event,
    actor,
    subject: formatSubject(row.subject),
    detail: {
      grant: row.id,
      where: row.place,
      ...termsOf(row),
      ...(before !== undefined && { before: termsOf(before) }),
    },
  }
}

type Terms = Pick<GrantRow, 'actions' | 'reason' | 'expiresAt'>

function termsOf({ actions, reason, expiresAt }: Terms) {
  return {
    actions,
    reason,
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
  }
}
