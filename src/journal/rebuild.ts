// Makes the database anew from the storage alone (docs/decisions/0023-journal.md): what the journal tells, the blobs
// that are there, and what follows from both.
import { appendAudit } from '../metadata/audit.ts'
import { describeTables } from '../metadata/tables.ts'
import { writeCounters } from '../metadata/import.ts'
import { findTotals } from '../metadata/inspection.ts'
import { setRebuildUnfinished } from '../metadata/journal-state.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { insertNamespace } from '../metadata/namespaces.ts'
import { countRebuilt, listRebuiltRepositories } from '../metadata/rebuilding-contents.ts'
import { ensureSetting } from '../metadata/settings.ts'
import { isRepositoryName, namespaceOf } from '../oci/reference.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { ReadableJournal } from './read-journal.ts'
import { rebuildBlobs } from './rebuild-blobs.ts'
import { rebuildContents } from './rebuild-contents.ts'
import { replay } from './replay.ts'
import type { Findings, OnProgress } from './report.ts'

export interface RebuildDeps {
  /** Empty, with the schema in it. */
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly journal: ReadableJournal
  readonly deep: boolean
  readonly findings: Findings
  readonly onProgress: OnProgress
}

export interface Rebuilt {
  readonly repositories: number
  readonly deletedRepositories: number
  readonly tags: number
  readonly manifests: number
  readonly deletedManifests: number
  readonly tagChanges: number
  readonly blobs: number
  readonly bytes: number
  /** Manifests of the recycle bin that could not be restored any more: most were purged. */
  readonly leftOutOfBin: number
  /** People of whom the name alone came back. */
  readonly principals: number
}

export async function rebuild(deps: RebuildDeps): Promise<Rebuilt> {
  const { metadata, journal } = deps
  await metadata.write(async (tx) => {
    await setRebuildUnfinished(tx, true)
    if (journal.installation !== undefined) {
      await ensureSetting(tx, 'installation-id', journal.installation)
    }
  })
  const replayed = await replay(metadata, journal, deps)
  const { others } = await rebuildBlobs(deps)
  const leftOutOfBin = await rebuildContents({ ...deps, ...replayed, others })
  await metadata.write(async (tx) => {
    await makeNamespaces(tx)
    const { repository, principal } = journal.highest
    const counters = { repositories: repository, principals: principal }
    await writeCounters(tx, await describeTables(tx), counters)
    await appendAudit(tx, {
      event: 'database.rebuilt',
      actor: { name: 'operator' },
      subject: 'database',
      detail: { findings: deps.findings.all.length + deps.findings.left },
    })
    await setRebuildUnfinished(tx, false)
  })
  const { blobs, blobBytes } = await findTotals(metadata)
  return { ...(await countRebuilt(metadata)), blobs, bytes: blobBytes, leftOutOfBin }
}

async function makeNamespaces(tx: Transaction): Promise<void> {
  const made = new Set<string>()
  for (const { name, deletedName } of await listRebuiltRepositories(tx)) {
    const text = deletedName ?? name
    const namespace = isRepositoryName(text) ? namespaceOf(text) : undefined
    if (namespace === undefined || made.has(namespace)) continue
    made.add(namespace)
    await insertNamespace(tx, { name: namespace, createdBy: undefined })
  }
}
