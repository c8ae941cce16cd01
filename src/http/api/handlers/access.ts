// /api/v1/access
import { explainAccess, type Explanation } from '../../../access/explain.ts'
import { parseSubject } from '../../../access/subjects.ts'
import { decide, type Permission } from '../../../auth/authorize.ts'
import type { Identity } from '../../../auth/identity.ts'
import type { Place } from '../../../auth/place.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { findRepository } from '../../../metadata/repositories.ts'
import type { Reader } from '../../../metadata/metadata-store.ts'
import { parseRepositoryName } from '../../../oci/reference.ts'
import { given } from '../given.ts'
import type { Handlers, Needs } from '../handler.ts'
import { grantOutput, onPlace } from './grants.ts'

export const accessHandlers: Handlers<OperationOf<'access'>> = {
  'access.explain': {
    needs: ({ who, repository }) => aboutSomebody(who, repository),
    async run({ deps, identity, input }) {
      const explanation = await explainAccess(deps, input)
      const mayKnow = await maySee(deps.metadata, identity, input.repository)
      return explanationOutput(explanation, mayKnow)
    },
  },
}

/** About oneself (or a robot that one made), or as an administrator of the repository. */
function aboutSomebody(who: string, repository: string): Needs {
  const subject = parseSubject(who)
  const administering = onPlace(placeOfRepository(repository), [])
  if (subject === undefined || !('name' in subject) || subject.kind === 'team') {
    return administering
  }
  const oneself: Permission = {
    action: 'pull',
    resource: { type: 'principal', name: subject.name },
  }
  return { anyOf: [oneself, administering] }
}

/** @throws {OciError} NAME_INVALID */
function placeOfRepository(repository: string): Place {
  return { kind: 'repository', text: parseRepositoryName(repository) }
}

/** Otherwise asking about oneself would tell which repositories there are. */
async function maySee(reader: Reader, identity: Identity, text: string): Promise<boolean> {
  const name = parseRepositoryName(text)
  const repository = await findRepository(reader, name)
  const pulling = { action: 'pull', resource: { type: 'repository', name } } as const
  const administering = onPlace(placeOfRepository(name), [])
  return (
    decide(identity, pulling, { repository }).allowed ||
    decide(identity, administering, { repository: undefined }).allowed
  )
}

function explanationOutput(explanation: Explanation, mayKnow: boolean): OutputOf<'access.explain'> {
  const { by, exists, ways, fix, who, repository, action, allowed, because } = explanation
  const { needed, memberships } = explanation
  return {
    who,
    repository,
    action,
    ...(mayKnow && { exists }),
    allowed,
    because,
    ...(by !== undefined && (typeof by === 'string' ? { by } : { by: 'grant', grantId: by.id })),
    ways: ways.map(({ kind, message, via, grant }) => ({
      kind,
      message,
      ...given({ via }),
      ...(grant !== undefined && { grant: grantOutput(grant) }),
    })),
    needed,
    ...given({ fix }),
    memberships,
  }
}
