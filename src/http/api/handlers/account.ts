// /api/v1/account: who am I, and my password.
import { grantOf } from '../../../access/grant-view.ts'
import { isExpired } from '../../../auth/held-grant.ts'
import type { PrincipalIdentity } from '../../../auth/identity.ts'
import { formatTokenScope } from '../../../auth/token-scope.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { setPassword } from '../../../installation/users.ts'
import { findGrantById } from '../../../metadata/grant-rows.ts'
import type { Reader } from '../../../metadata/metadata-store.ts'
import { findPrincipalById } from '../../../metadata/principals.ts'
import { listTeamsOf } from '../../../metadata/team-members.ts'
import { given } from '../given.ts'
import { ownAccount, signedIn, type Handlers } from '../handler.ts'
import { times } from '../moment.ts'
import { checkOwnPassword } from '../own-password.ts'
import { hidden } from '../problem-error.ts'
import { grantOutput } from './grants.ts'

type Account = OutputOf<'account.show'>

const most = 500

export const accountHandlers: Handlers<OperationOf<'account'>> = {
  'account.show': {
    needs: signedIn,
    run: async ({ deps: { metadata }, identity }) =>
      identity.kind === 'principal'
        ? metadata.read(async (reader) => accountOf(reader, identity))
        : {
            name: identity.kind,
            kind: 'operator',
            admin: true,
            teams: [],
            grants: [],
            totp: false,
          },
  },
  'account.password': {
    needs: ownAccount,
    async run({ deps, actor, identity, input: { current, password } }) {
      if (identity.kind !== 'principal') throw hidden()
      const { id, name } = identity
      const address = actor.address ?? ''
      await checkOwnPassword(deps, identity, { path: 'current', password: current, address })
      await setPassword(deps, actor, { name, password })
      deps.forgetPrincipal(id)
    },
  },
}

async function accountOf(reader: Reader, identity: PrincipalIdentity): Promise<Account> {
  const { id, name, principalKind, provider, admin, token } = identity
  const row = await findPrincipalById(reader, id)
  if (row === undefined) throw hidden()
  const teams = await listTeamsOf(reader, id)
  const { displayName } = row
  return {
    name,
    kind: principalKind,
    ...given({ displayName }),
    provider,
    admin,
    teams: teams.slice(0, most).map((team) => team.name),
    grants: await grantsOf(reader, identity),
    totp: row.secondFactor,
    ...(token !== undefined && { token: tokenOutput(token) }),
  }
}

function tokenOutput({ id, scopes, expiresAt }: NonNullable<PrincipalIdentity['token']>) {
  const written = scopes?.map(formatTokenScope)
  return { id, ...given({ scopes: written }), ...times({ expiresAt }) }
}

async function grantsOf(reader: Reader, { grants }: PrincipalIdentity): Promise<Account['grants']> {
  const now = Date.now()
  const shown: Account['grants'][number][] = []
  for (const held of grants.filter((grant) => !isExpired(grant, now)).slice(0, most)) {
    const row = await findGrantById(reader, held.id)
    if (row !== undefined) shown.push(grantOutput(grantOf(row)))
  }
  return shown
}
