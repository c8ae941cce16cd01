// What a token is given: of what was asked, the part that the identity has a right to (a partial or empty grant is
// no error; distribution's token specification). Decided by the one authorisation function, like everything else.
import { isRepositoryName } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { ResourceScope } from '../oci/scope.ts'
import { decide } from './authorize.ts'
import type { Action, RepositoryRecord } from './authorize.ts'
import type { Identity, TokenAccess } from './identity.ts'

export interface GrantDeps {
  findRepository(name: RepositoryName): Promise<RepositoryRecord | undefined>
}

// What a token may carry for a repository, in this order. Never `admin`: settings are not changed with a token
// that lies about in clients.
const grantable = ['pull', 'push', 'delete'] as const satisfies readonly Action[]

// A token travels in a header, which proxies cut at 8 KiB: what does not fit is not granted, and the client asks
// for it again when it needs it. bearer.test.ts measures the largest token that these allow.
const maxEntries = 32
const maxNameCharacters = 3000

export async function grantScopes(
  deps: GrantDeps,
  identity: Identity,
  wanted: readonly ResourceScope[],
): Promise<readonly TokenAccess[]> {
  const granted: TokenAccess[] = []
  let nameCharacters = 0
  for (const scope of wanted) {
    if (granted.length === maxEntries) break
    if (nameCharacters + scope.name.length > maxNameCharacters) continue
    const access = await grant(deps, identity, scope)
    if (access === undefined) continue
    granted.push(access)
    nameCharacters += scope.name.length
  }
  return granted
}

async function grant(
  deps: GrantDeps,
  identity: Identity,
  { type, name, actions }: ResourceScope,
): Promise<TokenAccess | undefined> {
  if (type === 'registry' && name === 'catalog' && actions.includes('*')) {
    const wanted = { action: 'pull', resource: { type: 'catalog' } } as const
    if (!decide(identity, wanted, { repository: undefined }).allowed) return undefined
    return { type, repositoryId: undefined, name, actions: ['*'] }
  }
  if (type !== 'repository' || !isRepositoryName(name)) return undefined
  const asked = grantable.filter((action) => actions.includes(action) || actions.includes('*'))
  if (asked.length === 0) return undefined
  const repository = await deps.findRepository(name)
  const granted = asked.filter(
    (action) => decide(identity, { action, resource: { type, name } }, { repository }).allowed,
  )
  if (granted.length === 0) return undefined
  return { type, repositoryId: repository?.id, name, actions: granted }
}
