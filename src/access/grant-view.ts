// A grant as people and the API see it, with what is worth a look.
import { readActions, roleNames, roles, sortActions } from '../auth/action.ts'
import type { GrantedAction, Role } from '../auth/action.ts'
import type { GrantRow } from '../metadata/grant-rows.ts'
import { isBroaderThanUsed } from './shrink-actions.ts'
import { formatSubject } from './subjects.ts'

/**
 * never-used: not once. unused: neither used nor given within 90 days. broader-than-used: it was used, but has actions
 * that nobody used. no-expiry: it does not end by itself. disabled-holder: its holder can do nothing at present.
 */
export type GrantFlag =
  | 'never-used'
  | 'unused'
  | 'broader-than-used'
  | 'no-expiry'
  | 'disabled-holder'

export interface Grant {
  readonly id: number
  /** As in `user:ann`, `team:web`, `signed-in`. */
  readonly who: string
  /** As in `*`, `/`, `web/`, `web/app`, `web/*-dev`. */
  readonly where: string
  /** The role that has exactly these actions. */
  readonly role: Role | undefined
  readonly actions: readonly GrantedAction[]
  readonly reason: string
  readonly grantedAt: number
  /** Undefined for what a command beside the data gave; `#7` when the giver is gone. */
  readonly grantedBy: string | undefined
  readonly expiresAt: number | undefined
  readonly lastUsedAt: number | undefined
  /** Those of its actions that were ever used. */
  readonly actionsUsed: readonly GrantedAction[]
  /** It is for a repository that does not exist yet, and holds from when there is one of that name. */
  readonly waiting: boolean
  readonly changedAt: number
  readonly flags: readonly GrantFlag[]
}

export const unusedAfterMs = 90 * 24 * 60 * 60 * 1000

export function grantOf(row: GrantRow, now: number = Date.now()): Grant {
  const actions = readActions(row.actions)
  const used = readActions(row.actionsUsed).filter((action) => actions.includes(action))
  const { grantedBy: giver } = row
  return {
    id: row.id,
    who: formatSubject(row.subject),
    where: row.place,
    role: roleOf(actions),
    actions,
    reason: row.reason,
    grantedAt: row.grantedAt,
    grantedBy: giver && (giver.name ?? `#${giver.id}`),
    expiresAt: row.expiresAt,
    lastUsedAt: row.lastUsedAt,
    actionsUsed: used,
    waiting: row.placeKind === 'repository' && row.repositoryId === undefined,
    changedAt: row.changedAt,
    flags: flagsOf(row, { actions, used, now }),
  }
}

function roleOf(actions: readonly GrantedAction[]): Role | undefined {
  const text = sortActions(actions).join(',')
  return roleNames.find((role) => roles[role].join(',') === text)
}

function flagsOf(
  { lastUsedAt, grantedAt, expiresAt, subjectDisabled }: GrantRow,
  {
    actions,
    used,
    now,
  }: {
    readonly actions: readonly GrantedAction[]
    readonly used: readonly GrantedAction[]
    readonly now: number
  },
): readonly GrantFlag[] {
  const flags: GrantFlag[] = []
  if (lastUsedAt === undefined) flags.push('never-used')
  if ((lastUsedAt ?? grantedAt) < now - unusedAfterMs) flags.push('unused')
  if (isBroaderThanUsed(actions, used)) flags.push('broader-than-used')
  if (expiresAt === undefined) flags.push('no-expiry')
  if (subjectDisabled) flags.push('disabled-holder')
  return flags
}
