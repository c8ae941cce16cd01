// The report of who may do what: every grant with why, by whom, since when, until when and for what it was used, and what
// is allowed without a grant: to administrators, and on repositories that are internal or public.
import type { GrantedAction } from '../auth/action.ts'
import { containsPlace, type Place } from '../auth/place.ts'
import type { GrantRow } from '../metadata/grant-rows.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { PrincipalRow } from '../metadata/principals.ts'
import type { RepositoryRow } from '../metadata/repositories.ts'
import { grantOf, unusedAfterMs, type Grant, type GrantFlag } from './grant-view.ts'
import { requirePlace } from './grants.ts'
import { eachAdministrator, eachGrant, eachOpenRepository, placeOf } from './review-sources.ts'
import { isBroaderThanUsed } from './shrink-actions.ts'

/** One reason for which somebody may do something somewhere. */
export interface ReviewedRight {
  readonly kind: 'grant' | 'administrator' | 'visibility'
  /** As in `user:ann`, `team:web`, `signed-in`. */
  readonly who: string
  readonly where: string
  /** Of an administrator: everything, and not by grants. */
  readonly actions: readonly GrantedAction[]
  readonly since: number
  readonly lastUsedAt: number | undefined
  readonly flags: readonly GrantFlag[]
  /** Where it is one. */
  readonly grant: Grant | undefined
}

export interface ReviewQuery {
  /** This place, and all within it. */
  readonly where?: string | undefined
  /** Only what has each of these. */
  readonly flags?: readonly GrantFlag[] | undefined
  /** What is younger than this is not judged by its use. */
  readonly unusedMs?: number | undefined
  readonly now?: number | undefined
}

interface Asked {
  readonly place: Place
  readonly flags: readonly GrantFlag[]
  readonly unusedMs: number
  readonly now: number
}

const everywhere: Place = { kind: 'installation', text: '*' }

/** Grants in the order in which they were given, then administrators and repositories by name. */
export async function* reviewAccess(
  { metadata }: { readonly metadata: Reader },
  query: ReviewQuery = {},
): AsyncGenerator<ReviewedRight> {
  const { where, flags = [], unusedMs = unusedAfterMs, now = Date.now() } = query
  const place = where === undefined ? everywhere : requirePlace(where)
  const asked: Asked = { place, flags, unusedMs, now }
  const matches = (right: ReviewedRight) => flags.every((flag) => right.flags.includes(flag))
  for await (const row of eachGrant(metadata)) {
    const right = rightOfGrant(row, asked)
    if (containsPlace(place, placeOf(row)) && matches(right)) yield right
  }
  for await (const row of eachAdministrator(metadata)) {
    const right = rightOfAdministrator(row, asked)
    if (place.kind === 'installation' && matches(right)) yield right
  }
  for await (const row of eachOpenRepository(metadata)) {
    const right = rightOfVisibility(row)
    if (isIn(place, row) && matches(right)) yield right
  }
}

/**
 * Like those of a grant anywhere, but by a window of one's own; and what was given or changed within it is judged
 * neither for not being used nor for being broader than used.
 */
export function reviewFlags(
  grant: Grant,
  { unusedMs, now }: { readonly unusedMs: number; readonly now: number },
): readonly GrantFlag[] {
  const { lastUsedAt, grantedAt, changedAt, actions, actionsUsed } = grant
  const begin = now - unusedMs
  const isOld = grantedAt < begin
  const isBroad = changedAt < begin && isBroaderThanUsed(actions, actionsUsed)
  return [
    ...(isOld && lastUsedAt === undefined ? (['never-used'] as const) : []),
    ...(isOld && (lastUsedAt ?? 0) < begin ? (['unused'] as const) : []),
    ...(isBroad ? (['broader-than-used'] as const) : []),
    ...grant.flags.filter((flag) => flag === 'no-expiry' || flag === 'disabled-holder'),
  ]
}

function rightOfGrant(row: GrantRow, asked: Asked): ReviewedRight {
  const grant = grantOf(row, asked.now)
  const { who, where, actions, grantedAt, lastUsedAt } = grant
  const flags = reviewFlags(grant, asked)
  return { kind: 'grant', who, where, actions, since: grantedAt, lastUsedAt, flags, grant }
}

/** A right of this kind does not end by itself, and what it was used for is not told apart. */
function rightOfAdministrator(row: PrincipalRow, { unusedMs, now }: Asked): ReviewedRight {
  const { name, createdAt, lastSeenAt, disabled } = row
  const begin = now - unusedMs
  const isOld = createdAt < begin
  const flags: GrantFlag[] = []
  if (isOld && lastSeenAt === undefined) flags.push('never-used')
  if (isOld && (lastSeenAt ?? 0) < begin) flags.push('unused')
  flags.push('no-expiry')
  if (disabled) flags.push('disabled-holder')
  return {
    kind: 'administrator',
    who: `user:${name}`,
    where: '*',
    actions: [],
    since: createdAt,
    lastUsedAt: lastSeenAt,
    flags,
    grant: undefined,
  }
}

function rightOfVisibility({ name, visibility, createdAt }: RepositoryRow): ReviewedRight {
  return {
    kind: 'visibility',
    who: visibility === 'public' ? 'anonymous' : 'signed-in',
    where: name,
    actions: ['pull'],
    since: createdAt,
    lastUsedAt: undefined,
    flags: ['no-expiry'],
    grant: undefined,
  }
}

function isIn(place: Place, { name }: RepositoryRow): boolean {
  return containsPlace(place, { kind: 'repository', text: name })
}
