// Whoever gets a robot's secret can do what the robot can. So it is given only to those who could do all of it
// themselves, now: what the robot was given since, or its maker lost, counts too.
import { isAdministrator } from '../auth/authorize.ts'
import { findGrantOnPlace, isExpired, readHeldGrants } from '../auth/held-grant.ts'
import type { Identity } from '../auth/identity.ts'
import { formatTokenScope } from '../auth/token-scope.ts'
import { grantsOfPrincipal } from '../metadata/grants.ts'
import type { Reader } from '../metadata/metadata-store.ts'

/** What the principal may do (by its own grants, its teams and everybody's) and the identity may not: none is safe. */
export async function missingRights(
  reader: Reader,
  identity: Identity,
  principalId: number,
): Promise<readonly string[]> {
  const now = Date.now()
  if (isAdministrator(identity, now)) return []
  const own = identity.kind === 'principal' ? identity.grants : []
  const missing: string[] = []
  for (const grant of readHeldGrants(await grantsOfPrincipal(reader, principalId))) {
    if (isExpired(grant, now)) continue
    const { place, actions, repositoryId } = grant
    const asked = { place, repositoryId }
    const lacking = actions.filter(
      (action) => findGrantOnPlace(own, action, asked, now) === undefined,
    )
    if (lacking.length > 0) missing.push(formatTokenScope({ place, actions: lacking }))
  }
  return missing
}
