// /api/v1/sessions. People see and end their own, administrators those of everybody.
import { endSession, endSessions, listSessions, type Session } from '../../../access/sessions.ts'
import { findSubject } from '../../../access/subjects.ts'
import { principalId, type Identity } from '../../../auth/identity.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { findSessionOwner } from '../../../metadata/session-owners.ts'
import { given } from '../given.ts'
import { ownAccount, type ApiCall, type Handlers, type Needs } from '../handler.ts'
import { iso } from '../moment.ts'
import { ofPrincipal, principalNamed } from '../of-principal.ts'
import { pageById } from '../page.ts'
import { invalidInput } from '../problem-error.ts'

export const sessionHandlers: Handlers<OperationOf<'sessions'>> = {
  'sessions.list': {
    needs: (input) => ownOrOf(input.for),
    async run(call) {
      const { deps, input } = call
      const owner = await ownerOf(call)
      return pageById(input, {
        fetch: async (after, limit) => listSessions(deps, { principalId: owner.id, after, limit }),
        keyOf: ({ id }) => id,
        item: (session) => sessionOutput(session, owner.who, sessionOf(call.identity)),
      })
    },
  },
  'sessions.end': {
    async locate(reader, { id }) {
      const owner = await findSessionOwner(reader, id)
      return owner && ofPrincipal(owner.name)
    },
    run: async ({ deps, actor, input }) => endSession(deps, actor, input),
  },
  'sessions.endAll': {
    needs: (input) => ownOrOf(input.for),
    async run(call) {
      const owner = await ownerOf(call)
      return { ended: await endSessions(call.deps, call.actor, { principalId: owner.id }) }
    },
  },
}

function ownOrOf(who: string | undefined): Needs {
  return who === undefined ? ownAccount() : ofPrincipal(principalNamed(who))
}

async function ownerOf({
  deps: { metadata },
  identity,
  input,
}: ApiCall<'sessions.list' | 'sessions.endAll'>) {
  const own = principalId(identity)
  if (input.for === undefined && own !== undefined && identity.kind === 'principal') {
    return { id: own, who: `${identity.principalKind}:${identity.name}` }
  }
  const subject = input.for === undefined ? undefined : await findSubject(metadata, input.for)
  if (subject !== undefined && input.for !== undefined && 'id' in subject) {
    return { id: subject.id, who: input.for }
  }
  throw invalidInput([{ path: 'for', message: 'Write whose: user:NAME.' }])
}

/** The one that this request came with. */
function sessionOf(identity: Identity): number | undefined {
  return identity.kind === 'principal' ? identity.session : undefined
}

function sessionOutput(
  session: Session,
  who: string,
  current: number | undefined,
): OutputOf<'sessions.list'>['items'][number] {
  const { id, kind, createdAt, lastSeenAt, expiresAt, address, userAgent } = session
  return {
    id,
    kind,
    for: who,
    current: id === current,
    createdAt: iso(createdAt),
    lastSeenAt: iso(lastSeenAt),
    expiresAt: iso(expiresAt),
    ...given({ address, userAgent }),
  }
}
