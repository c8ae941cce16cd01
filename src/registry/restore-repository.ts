// A deleted repository back under its name: the same id, so that everything in it is there as it was.
import type { RepositoryName } from '../oci/reference.ts'
import { appendAudit, type AuditEntry } from '../metadata/audit.ts'
import { findDeletedRepository, showRepositoryAgain } from '../metadata/deleted-repositories.ts'
import { queueForJournal } from '../metadata/journal-queue.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { insertNamespace } from '../metadata/namespaces.ts'
import { findRepository } from '../metadata/repositories.ts'
import { namespaceOf } from '../oci/reference.ts'

export type RepositoryRestored =
  | {
      readonly kind: 'restored'
      readonly id: number
      /** Of its own grants, how many came back and how many ended with their holders or by themselves. */
      readonly grants: number
      readonly grantsEnded: number
    }
  /** There is a repository of this name now. */
  | { readonly kind: 'taken' }
  /** None of this name was deleted, or it is purged. */
  | { readonly kind: 'gone' }

/** The one of this name that was deleted last. Durable when it resolves. */
export async function restoreRepository(
  metadata: MetadataStore,
  name: RepositoryName,
  audit: AuditEntry,
): Promise<RepositoryRestored> {
  return metadata.write(async (tx) => {
    const hidden = await findDeletedRepository(tx, name)
    if (hidden === undefined) return { kind: 'gone' }
    if ((await findRepository(tx, name)) !== undefined) return { kind: 'taken' }
    const namespace = namespaceOf(name)
    if (namespace !== undefined) {
      await insertNamespace(tx, { name: namespace, createdBy: audit.actor.id })
    }
    const back = await showRepositoryAgain(tx, hidden, { name, now: Date.now() })
    await queueForJournal(tx, [{ kind: 'repository', repositoryId: hidden.id }])
    const counts = { grants: back.length, grantsEnded: hidden.grants.length - back.length }
    await appendAudit(tx, { ...audit, detail: { ...audit.detail, ...counts } })
    return { kind: 'restored', id: hidden.id, ...counts }
  })
}
