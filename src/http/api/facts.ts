// What a decision has to know, looked up for whatever the permission speaks of.
import { decide, type Decision, type Facts, type Permission } from '../../auth/authorize.ts'
import type { Identity } from '../../auth/identity.ts'
import type { Reader } from '../../metadata/metadata-store.ts'
import { findPrincipalByName } from '../../metadata/principals.ts'
import { findRepository } from '../../metadata/repositories.ts'
import { isRepositoryName } from '../../oci/reference.ts'
import { findStanding } from '../../metadata/team-members.ts'
import type { Needs } from './handler.ts'

export interface Judged {
  readonly wanted: Permission
  readonly decision: Decision
}

/** Of several permissions, the one that settled it. */
export async function judge(reader: Reader, identity: Identity, needs: Needs): Promise<Judged> {
  if ('resource' in needs) return judgeOne(reader, identity, needs)
  const isAny = 'anyOf' in needs
  const [first, ...others] = isAny ? needs.anyOf : needs.allOf
  let judged = await judgeOne(reader, identity, first)
  for (const wanted of others) {
    if (judged.decision.allowed === isAny) return judged
    judged = await judgeOne(reader, identity, wanted)
  }
  return judged
}

async function judgeOne(reader: Reader, identity: Identity, wanted: Permission): Promise<Judged> {
  const facts = await loadFacts(reader, identity, wanted)
  return { wanted, decision: decide(identity, wanted, facts) }
}

async function loadFacts(
  reader: Reader,
  identity: Identity,
  { resource }: Permission,
): Promise<Facts> {
  switch (resource.type) {
    case 'repository':
      return { repository: await findRepository(reader, resource.name) }
    case 'place': {
      const { kind, text } = resource.place
      if (kind !== 'repository' || !isRepositoryName(text)) return { repository: undefined }
      return { repository: await findRepository(reader, text) }
    }
    case 'team': {
      if (identity.kind !== 'principal') return { repository: undefined }
      const asked = { team: resource.name, principalId: identity.id }
      return { repository: undefined, team: await findStanding(reader, asked) }
    }
    case 'principal':
      return { repository: undefined, principal: await findPrincipalByName(reader, resource.name) }
    default:
      return { repository: undefined }
  }
}
