// What the database holds, in a form that can be compared, and how it is emptied between graphs.
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { query } from '../../metadata/query.ts'

const live = query<object>()((db) =>
  db.selectFrom('manifests').select(['repository_id as repositoryId', 'digest']),
)
const bin = query<object>()((db) =>
  db.selectFrom('deleted_manifests').select(['repository_id as repositoryId', 'digest', 'reason']),
)
const blobs = query<object>()((db) => db.selectFrom('blobs').select('digest'))
const links = query<object>()((db) =>
  db.selectFrom('repository_blobs').select(['repository_id as repositoryId', 'digest']),
)
const trash = query<object>()((db) => db.selectFrom('blob_trash').select('digest'))

export interface State {
  /** `REPOSITORY@DIGEST`, sorted. */
  readonly live: readonly string[]
  readonly bin: readonly string[]
  readonly blobs: readonly string[]
  readonly links: readonly string[]
  readonly trash: readonly string[]
}

export async function stateOf(metadata: MetadataStore): Promise<State> {
  const placed = (rows: readonly { readonly repositoryId: number; readonly digest: string }[]) =>
    rows.map(({ repositoryId, digest }) => `${repositoryId}@${digest}`).toSorted()
  const named = (rows: readonly { readonly digest: string }[]) =>
    rows.map(({ digest }) => digest).toSorted()
  return {
    live: placed(await metadata.all(live, {})),
    bin: placed(await metadata.all(bin, {})),
    blobs: named(await metadata.all(blobs, {})),
    links: placed(await metadata.all(links, {})),
    trash: named(await metadata.all(trash, {})),
  }
}

const tables = [
  'tags',
  'manifest_children',
  'manifest_blobs',
  'manifests',
  'deleted_manifests',
  'repository_blobs',
  'blobs',
  'blob_trash',
  'tag_changes',
  'repositories',
  'journal_queue',
  'audit',
] as const
const deletes = tables.map((table) => query<object>()((db) => db.deleteFrom(table)))

export async function empty(metadata: MetadataStore): Promise<void> {
  await metadata.write(
    async (tx) => {
      for (const all of deletes) await tx.run(all, {})
    },
    { durable: false },
  )
}
