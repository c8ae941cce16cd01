// Giving rights in tests, straight to the database: also what nobody could give, such as a grant that is over.
import { parsePlace } from '../../auth/place.ts'
import { insertGrant, type GrantHolder } from '../../metadata/grants.ts'
import type { Transaction } from '../../metadata/metadata-store.ts'
import { insertNamespace } from '../../metadata/namespaces.ts'
import { findRepository } from '../../metadata/repositories.ts'
import { parseRepositoryName } from '../../oci/reference.ts'
import { rights, type Right } from './matrix-model.ts'

export interface GrantToGive {
  readonly place: string
  readonly rights: readonly Right[]
  readonly expiresAt?: number
}

/** On a repository that is there it is bound to that one; otherwise it waits. Returns its id. */
export async function give(
  tx: Transaction,
  holder: GrantHolder,
  { place: text, rights: given, expiresAt }: GrantToGive,
): Promise<number> {
  const place = parsePlace(text)
  if (place.kind === 'namespace') {
    await insertNamespace(tx, { name: text.slice(0, -1), createdBy: undefined })
  }
  const repository =
    place.kind === 'repository' ? await findRepository(tx, parseRepositoryName(text)) : undefined
  return insertGrant(tx, {
    holder,
    placeKind: place.kind,
    place: text,
    repositoryId: repository?.id,
    actions: rights.filter((right) => given.includes(right)).join(','),
    reason: '',
    grantedBy: undefined,
    expiresAt,
  })
}
