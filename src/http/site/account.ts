// /account: what the registry knows of whoever looks at it.
import { grantOf, type Grant } from '../../access/grant-view.ts'
import { listTokens } from '../../access/tokens.ts'
import { isExpired } from '../../auth/held-grant.ts'
import type { PrincipalIdentity } from '../../auth/identity.ts'
import { findGrantById } from '../../metadata/grant-rows.ts'
import type { MetadataStore, Reader } from '../../metadata/metadata-store.ts'
import { findPrincipalById } from '../../metadata/principals.ts'
import { listTeamsOf } from '../../metadata/team-members.ts'
import { HttpError } from '../http-error.ts'
import type { Reply } from '../reply.ts'
import { self, type Call, type Routes } from '../route.ts'
import { accountPage } from './page-account.ts'
import { contextOf, pageReply, type PageDeps } from './page-reply.ts'

export interface AccountDeps extends PageDeps {
  readonly metadata: MetadataStore
}

const mostTokens = 100
const mostGrants = 200

export function accountRoutes(deps: AccountDeps): Routes<'account'> {
  const run = async (call: Call) => showAccount(deps, call)
  return { GET: { needs: self, run }, HEAD: { needs: self, run } }
}

async function showAccount(deps: AccountDeps, call: Call): Promise<Reply> {
  const { metadata } = deps
  const { identity } = call
  const row =
    identity.kind === 'principal' ? await findPrincipalById(metadata, identity.id) : undefined
  if (identity.kind !== 'principal' || row === undefined) {
    throw new HttpError(404, 'There is no such account any more.')
  }
  const { id } = row
  const listed = await listTokens(
    { metadata },
    { principalId: id, after: 0, limit: mostTokens + 1 },
  )
  const tokens = listed.slice(0, mostTokens)
  const [teams, grants] = await metadata.read(async (reader) => [
    await listTeamsOf(reader, id),
    await grantsOf(reader, identity),
  ])
  return pageReply(
    accountPage({
      ...contextOf(deps, call),
      ...row,
      teams: teams.map(({ name }) => name),
      grants,
      tokens,
      moreTokens: listed.length > tokens.length,
    }),
  )
}

async function grantsOf(reader: Reader, { grants }: PrincipalIdentity): Promise<readonly Grant[]> {
  const now = Date.now()
  const shown: Grant[] = []
  for (const held of grants.filter((grant) => !isExpired(grant, now)).slice(0, mostGrants)) {
    const row = await findGrantById(reader, held.id)
    if (row !== undefined) shown.push(grantOf(row))
  }
  return shown
}
