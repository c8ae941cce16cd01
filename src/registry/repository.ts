// Repositories come into being with the first push, as visible as their namespace says, or beforehand on purpose.
import { queueForJournal } from '../metadata/journal-queue.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { defaultVisibilityFor, insertNamespace } from '../metadata/namespaces.ts'
import { findRepository, insertRepository, type RepositoryRow } from '../metadata/repositories.ts'
import { namespaceOf, type RepositoryName } from '../oci/reference.ts'

/** The repository of that name; made now when there is none. The caller may push to it. */
export async function ensureRepository(
  metadata: MetadataStore,
  name: RepositoryName,
  createdBy: number | undefined,
): Promise<RepositoryRow> {
  return metadata.write(async (tx) => makeRepository(tx, name, createdBy))
}

/** The same within a transaction. */
export async function makeRepository(
  tx: Transaction,
  name: RepositoryName,
  createdBy: number | undefined,
): Promise<RepositoryRow> {
  const namespace = namespaceOf(name)
  if (namespace !== undefined) await insertNamespace(tx, { name: namespace, createdBy })
  const visibility = await defaultVisibilityFor(tx, name)
  const isNew = await insertRepository(tx, { name, visibility, createdBy })
  const repository = await findRepository(tx, name)
  if (repository === undefined) throw new Error(`repository ${name} vanished while it was made`)
  if (isNew) await queueForJournal(tx, [{ kind: 'repository', repositoryId: repository.id }])
  return repository
}
