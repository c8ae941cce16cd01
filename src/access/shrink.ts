// Shrinking a grant to what it was used for; shrink-actions.ts says what that is.
import { readActions, type GrantedAction } from '../auth/action.ts'
import { appendAudit } from '../metadata/audit.ts'
import { findGrantById, type GrantRow } from '../metadata/grant-rows.ts'
import { changeGrant } from '../metadata/grants.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import type { Actor } from './actor.ts'
import { grantOf, type Grant } from './grant-view.ts'
import { Refusal } from './refusal.ts'
import { shrunkActions } from './shrink-actions.ts'
import { formatSubject } from './subjects.ts'

export interface ShrunkGrant {
  readonly grant: Grant
  /** None: it was no broader than used. */
  readonly dropped: readonly GrantedAction[]
}

/** @throws {Refusal} not-found; invalid for a grant that was never used */
export async function shrinkGrant(
  { metadata }: { readonly metadata: MetadataStore },
  actor: Actor,
  id: number,
  { expect }: { readonly expect?: (current: Grant) => void } = {},
): Promise<ShrunkGrant> {
  return metadata.write(async (tx) => {
    const row = Number.isSafeInteger(id) ? await findGrantById(tx, id) : undefined
    if (row === undefined) {
      throw new Refusal('not-found', `there is no grant ${id}`, { fix: 'carrel grant ls' })
    }
    expect?.(grantOf(row))
    return shrinkInTransaction(tx, actor, row)
  })
}

/** `review`: the access review in which it was decided. */
export async function shrinkInTransaction(
  tx: Transaction,
  actor: Actor,
  row: GrantRow,
  review?: number,
): Promise<ShrunkGrant> {
  const before = readActions(row.actions)
  const actions = shrunkActions(before, readActions(row.actionsUsed))
  if (actions.length === 0) throw neverUsed(row)
  const dropped = before.filter((action) => !actions.includes(action))
  if (dropped.length === 0) return { grant: grantOf(row), dropped }
  const { id, reason, expiresAt } = row
  const after = { id, actions: actions.join(','), reason, expiresAt }
  await changeGrant(tx, after)
  await appendAudit(tx, {
    event: 'grant.shrunk',
    actor,
    subject: formatSubject(row.subject),
    detail: {
      grant: id,
      where: row.place,
      actions: after.actions,
      dropped: dropped.join(','),
      ...(review !== undefined && { review }),
    },
  })
  const left = await findGrantById(tx, id)
  if (left === undefined) throw new Error(`the grant ${id} is gone after it was shrunk`)
  return { grant: grantOf(left), dropped }
}

function neverUsed({ id }: GrantRow): Refusal {
  return new Refusal('invalid', `nothing would be left of grant ${id}`, {
    why: 'it was never used; remove it instead',
    fix: `carrel grant rm ${id}`,
  })
}
