// What a robot or a trust rule is given when it is made: `web/app:pull,push` becomes a grant on web/app.
import { sortActions, type GrantedAction } from '../auth/action.ts'
import { parseTokenScope } from '../auth/token-scope.ts'
import type { Permission } from '../auth/permission.ts'
import { namespaceOfPlace, type Place } from '../auth/place.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { GrantSubject } from '../metadata/grant-rows.ts'
import { insertGrant } from '../metadata/grants.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { findRepository } from '../metadata/repositories.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import type { Actor } from './actor.ts'
import { ensureNamespace } from './namespaces.ts'
import { Refusal } from './refusal.ts'
import { formatSubject } from './subjects.ts'

export interface FirstGrant {
  readonly place: Place
  readonly actions: readonly GrantedAction[]
}

const mostGrants = 100

/** One for each place. @throws {Refusal} invalid */
export function readFirstGrants(scopes: readonly string[]): readonly FirstGrant[] {
  if (scopes.length > mostGrants) {
    throw new Refusal('invalid', `${scopes.length} scopes are too many`, {
      why: `at most ${mostGrants} are given at once`,
    })
  }
  const grants = new Map<string, FirstGrant>()
  for (const scope of scopes) {
    const { place, actions } = parse(scope)
    const before = grants.get(place.text)?.actions ?? []
    grants.set(place.text, { place, actions: sortActions([...before, ...actions]) })
  }
  return [...grants.values()]
}

function parse(scope: string): FirstGrant {
  try {
    return parseTokenScope(scope)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new Refusal('invalid', cause.message, { fix: '--scope web/app:pull,push', cause })
  }
}

/** What it takes to give each: nobody gives what they do not have themselves, nor where they do not administer. */
export function permissionsToGive(grants: readonly FirstGrant[]): readonly Permission[] {
  return grants.map(({ place, actions }) => ({
    action: 'admin',
    // They have no end of their own.
    resource: { type: 'place', place, giving: actions, until: Infinity },
  }))
}

export interface FirstHolder {
  readonly subject: GrantSubject
  readonly reason: string
}

/** That the actor may give all of this was decided before. The holder was made in this very transaction. */
export async function giveFirstGrants(
  tx: Transaction,
  actor: Actor,
  { subject, reason }: FirstHolder,
  grants: readonly FirstGrant[],
): Promise<void> {
  for (const { place, actions } of grants) {
    if (place.kind === 'namespace') {
      await ensureNamespace(tx, actor, { name: namespaceOfPlace(place), subject })
    }
    const repository =
      place.kind === 'repository'
        ? await findRepository(tx, parseRepositoryName(place.text))
        : undefined
    const grant = await insertGrant(tx, {
      holder: subject,
      placeKind: place.kind,
      place: place.text,
      repositoryId: repository?.id,
      actions: actions.join(','),
      reason,
      grantedBy: actor.id,
      expiresAt: undefined,
    })
    await appendAudit(tx, {
      event: 'grant.added',
      actor,
      subject: formatSubject(subject),
      detail: { grant, where: place.text, actions: actions.join(','), reason },
    })
  }
}
