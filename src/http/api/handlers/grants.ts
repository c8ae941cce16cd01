// /api/v1/grants. Whoever administers a place sees and changes what was granted on it, and hands on there what they
// have themselves; everybody sees what they hold.
import { listGrants } from '../../../access/grant-list.ts'
import type { Grant } from '../../../access/grant-view.ts'
import {
  addGrant,
  changeGrant,
  removeGrant,
  requirePlace,
  showGrant,
} from '../../../access/grants.ts'
import { Refusal } from '../../../access/refusal.ts'
import { parseActions, readActions, type GrantedAction } from '../../../auth/action.ts'
import { decide, type Permission } from '../../../auth/authorize.ts'
import type { Identity } from '../../../auth/identity.ts'
import type { Place, PlaceKind } from '../../../auth/place.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { findGrantById, type GrantRow } from '../../../metadata/grant-rows.ts'
import type { Reader } from '../../../metadata/metadata-store.ts'
import { parseRepositoryName } from '../../../oci/reference.ts'
import { expecting } from '../etag.ts'
import { forgetHolder } from '../forget-holder.ts'
import { given } from '../given.ts'
import { seesAll, signedIn, type ApiCall, type Handlers } from '../handler.ts'
import { expiryOf, iso, ms, times } from '../moment.ts'
import { pageById } from '../page.ts'
import { invalidInput } from '../problem-error.ts'

export const grantHandlers: Handlers<OperationOf<'grants'>> = {
  'grants.list': { needs: signedIn, run: listOfGrants },
  'grants.create': {
    needs: ({ where, actions, expiresAt }) => {
      const until = expiresAt === undefined ? Infinity : ms(expiresAt)
      return onPlace(requirePlace(where), actionsOf(actions), until)
    },
    async run({ deps, actor, input: { expiresAt, ...grant } }) {
      const ends = expiresAt === undefined ? {} : { expiresAt: ms(expiresAt) }
      const made = await addGrant(deps, actor, { ...grant, ...ends })
      await forgetHolder(deps, made.who)
      return grantOutput(made)
    },
  },
  'grants.show': {
    locate: async (reader, { id }, identity) =>
      (await findVisible(reader, id, identity)) === undefined ? undefined : signedIn(),
    run: async ({ deps, input }) => grantOutput(await showGrant(deps, input.id)),
  },
  'grants.change': {
    async locate(reader, { id, actions, expiresAt }, identity) {
      const row = await findVisible(reader, id, identity)
      if (row === undefined) return undefined
      const asked = actions === undefined ? [] : actionsOf(actions)
      const asks = expiryOf(expiresAt)
      const ends = asks === undefined ? row.expiresAt : asks === 'never' ? undefined : asks
      // Taking away, and other words for the same, give nothing.
      const isGiving = actions !== undefined || expiresAt !== undefined
      const until = isGiving ? (ends ?? Infinity) : undefined
      return onPlace(placeOf(row), [...readActions(row.actions), ...asked], until)
    },
    async run({ deps, actor, input, expect }) {
      const { expiresAt, ...change } = input
      if (change.actions !== undefined && change.shrinkToUsed === true) {
        const message = 'It cannot be given together with actions.'
        throw invalidInput([{ path: 'shrinkToUsed', message }])
      }
      const ends = given({ expiresAt: expiryOf(expiresAt) })
      const expected = expecting(expect, grantOutput)
      const changed = await changeGrant(deps, actor, { ...change, ...ends, ...expected })
      await forgetHolder(deps, changed.who)
      return grantOutput(changed)
    },
  },
  'grants.remove': {
    async locate(reader, { id }, identity) {
      const row = await findVisible(reader, id, identity)
      return row && onPlace(placeOf(row), readActions(row.actions))
    },
    async run({ deps, actor, input: { id }, expect }) {
      const { who } = await showGrant(deps, id)
      await removeGrant(deps, actor, { id, ...expecting(expect, grantOutput) })
      await forgetHolder(deps, who)
    },
  },
}

async function listOfGrants({ deps, identity, input }: ApiCall<'grants.list'>) {
  const { unusedDays, limit: _, after: __, ...filters } = input
  const dayMs = 86_400_000
  const unusedSince = unusedDays === undefined ? undefined : Date.now() - unusedDays * dayMs
  const own = ownGrants(identity)
  const isVisible = ({ id }: Grant, place: Place, repositoryId: number | undefined) =>
    own.has(id) || administers(identity, place, repositoryId)
  const asked = { ...filters, unusedSince, isVisible }
  return pageById(input, {
    fetch: async (after, limit) =>
      listGrants(deps, { ...asked, after, limit }).catch((error: unknown) => {
        // Whether there is an account or team of that name is not for everybody to know.
        if (error instanceof Refusal && !seesAll(identity)) return []
        throw error
      }),
    keyOf: ({ id }) => id,
    item: grantOutput,
  })
}

/** `until`: for how long it is given; left out where nothing is. */
export function onPlace(
  place: Place,
  giving: readonly GrantedAction[],
  until?: number,
): Permission {
  return { action: 'admin', resource: { type: 'place', place, giving, until } }
}

/** @throws {Refusal} invalid */
export function actionsOf(written: string): readonly GrantedAction[] {
  try {
    return parseActions(written)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new Refusal('invalid', cause.message, { cause })
  }
}

/** Undefined also for a grant that the caller may not see: both are answered alike. */
async function findVisible(
  reader: Reader,
  id: number,
  identity: Identity,
): Promise<GrantRow | undefined> {
  const row = await findGrantById(reader, id)
  if (row === undefined) return undefined
  return ownGrants(identity).has(id) || administers(identity, placeOf(row), row.repositoryId)
    ? row
    : undefined
}

function ownGrants(identity: Identity): ReadonlySet<number> {
  return new Set(identity.kind === 'principal' ? identity.grants.map(({ id }) => id) : [])
}

/** A grant on a repository is on the one that is there now: it goes with its repository. */
function administers(identity: Identity, place: Place, id: number | undefined): boolean {
  const repository =
    id === undefined
      ? undefined
      : { id, name: parseRepositoryName(place.text), visibility: 'private' as const }
  return decide(identity, onPlace(place, []), { repository }).allowed
}

function placeOf({ placeKind, place }: GrantRow): Place {
  return { kind: placeKind as PlaceKind, text: place }
}

export function grantOutput(grant: Grant): OutputOf<'grants.show'> {
  const { id, who, where, role, actions, reason, grantedAt, grantedBy, expiresAt } = grant
  const { lastUsedAt, actionsUsed, waiting, changedAt, flags } = grant
  return {
    id,
    who,
    where,
    actions,
    ...given({ role }),
    reason,
    grantedAt: iso(grantedAt),
    ...given({ grantedBy }),
    ...times({ expiresAt, lastUsedAt }),
    actionsUsed,
    waiting,
    changedAt: iso(changedAt),
    flags,
  }
}
