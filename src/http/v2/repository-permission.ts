// What the routes of a repository need.
import type { Action, Permission } from '../../auth/authorize.ts'
import type { RepositoryName } from '../../oci/reference.ts'

/** A route of a repository that needs this action on it. */
export function onRepository(action: Action) {
  return ({ name }: { readonly name: RepositoryName }): Permission => ({
    action,
    resource: { type: 'repository', name },
  })
}
