// What a credential narrows the rights of its bearer to. Both kinds can only take away.
import type { GrantedAction } from './action.ts'
import type { RepositoryRecord } from './authorize.ts'
import type { TokenAccess } from './identity.ts'
import type { Permission } from './permission.ts'
import { containsPlace } from './place.ts'
import type { TokenScope } from './token-scope.ts'

/** A registry token (JWT) is for repositories and the catalog; nothing else can be done with one. */
export function isWithinLimits(
  limits: readonly TokenAccess[],
  { resource, action }: Permission,
  repository: RepositoryRecord | undefined,
): boolean {
  switch (resource.type) {
    case 'nothing':
    case 'base':
      return true
    case 'catalog':
      return limits.some(
        ({ type, name, actions }) =>
          type === 'registry' && name === 'catalog' && actions.includes('*'),
      )
    case 'repository': {
      // Whoever may push to a name may make the repository of that name by it, and clients know no word for
      // moving a tag: whether that is allowed is for the rights to say.
      const carried = action === 'create' || action === 'overwrite' ? 'push' : action
      return limits.some(
        (access) =>
          access.type === 'repository' &&
          access.name === resource.name &&
          (access.repositoryId === undefined || access.repositoryId === repository?.id) &&
          access.actions.includes(carried),
      )
    }
    default:
      return false
  }
}

/** A token with scopes never manages accounts, tokens or the installation: it could widen itself by that. */
export function isWithinScopes(
  scopes: readonly TokenScope[],
  { resource, action }: Permission,
): boolean {
  switch (resource.type) {
    case 'nothing':
    case 'base':
    case 'signed-in':
    case 'catalog':
      return true
    case 'repository': {
      const needed = action === 'create' ? 'push' : action
      return scopes.some((scope) => scope.actions.includes(needed) && scope.test(resource.name))
    }
    case 'place': {
      // Whoever gets admin on everything can make accounts and tokens, which a token with scopes never does.
      if (resource.place.kind === 'installation' && resource.giving.includes('admin')) return false
      const needed: readonly GrantedAction[] = ['admin', ...resource.giving]
      return needed.every((one) =>
        scopes.some(
          (scope) => scope.actions.includes(one) && containsPlace(scope.place, resource.place),
        ),
      )
    }
    default:
      return false
  }
}
