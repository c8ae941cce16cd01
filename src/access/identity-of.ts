// Who somebody would be if they asked now: for explaining a decision without its being asked for.
import { readHeldGrants } from '../auth/held-grant.ts'
import type { Identity, PrincipalIdentity } from '../auth/identity.ts'
import type { GrantSubject } from '../metadata/grant-rows.ts'
import {
  grantsOfAnybody,
  grantsOfPrincipal,
  grantsOfSignedIn,
  grantsOfTeam,
} from '../metadata/grants.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { findPrincipalById, type PrincipalRow } from '../metadata/principals.ts'

/**
 * A principal with all that it holds, whether or not it can sign in at present. For a team and for `signed-in`, somebody
 * who holds just what all of those hold.
 *
 * @throws {Error} when there is no such principal (any more)
 */
export async function identityOfSubject(reader: Reader, subject: GrantSubject): Promise<Identity> {
  switch (subject.kind) {
    case 'anonymous':
      return { kind: 'anonymous', grants: readHeldGrants(await grantsOfAnybody(reader)) }
    case 'signed-in':
      return nobodyWith(readHeldGrants(await grantsOfSignedIn(reader)))
    case 'team':
      return nobodyWith(readHeldGrants(await grantsOfTeam(reader, subject.id)))
    case 'principal': {
      const row = await findPrincipalById(reader, subject.id)
      if (row === undefined) throw new Error(`there is no principal ${subject.id}`)
      return identityOfPrincipal(reader, row)
    }
  }
}

export async function identityOfPrincipal(
  reader: Reader,
  { id, name, kind, provider, admin }: PrincipalRow,
): Promise<PrincipalIdentity> {
  const grants = readHeldGrants(await grantsOfPrincipal(reader, id))
  return { kind: 'principal', id, name, principalKind: kind, provider, admin, grants }
}

/** Nobody has this id, and nobody can have this name. */
function nobodyWith(grants: PrincipalIdentity['grants']): PrincipalIdentity {
  const common = { principalKind: 'user', provider: 'local', admin: false } as const
  return { kind: 'principal', id: 0, name: '', ...common, grants }
}
