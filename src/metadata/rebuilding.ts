// Writes rows as the journal tells of them, with the ids that they had. Into a database that serves nobody: first what
// the journal says (repositories, manifests, history), then blobs, then what manifests need.
import type { JournalRepository } from './journal-reading.ts'
import type { Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { sqlQuery } from './tables.ts'

const repositoryFields = [
  'id',
  'name',
  'visibility',
  'description',
  'created_at',
  'created_by',
  'deleted_at',
  'deleted_by',
  'deleted_name',
] as const

/** With the id that it is given, which PostgreSQL gives out by itself otherwise. */
function insertWithId<P>(
  table: string,
  fields: readonly string[],
  options: { readonly onConflict: string; readonly bind: (parameters: P) => unknown[] },
) {
  const into = `insert into ${table} (${fields.join(', ')})`
  const places = (placeholder: (place: number) => string) =>
    `values (${fields.map((_, index) => placeholder(index + 1)).join(', ')})`
  const end = `on conflict ${options.onConflict}`
  return sqlQuery<P, unknown>(
    {
      sqlite: `${into} ${places(() => '?')} ${end}`,
      postgres: `${into} overriding system value ${places((place) => `$${place}`)} ${end}`,
    },
    options.bind,
  )
}

function replacing(fields: readonly string[]): string {
  const sets = fields
    .filter((field) => field !== 'id')
    .map((field) => `${field} = excluded.${field}`)
  return `(id) do update set ${sets.join(', ')}`
}

const putRepository = insertWithId<JournalRepository>('repositories', repositoryFields, {
  onConflict: replacing(repositoryFields),
  bind: (r) => [
    r.id,
    r.name,
    r.visibility,
    r.description,
    r.createdAt,
    r.createdBy,
    r.deletedAt,
    r.deletedBy,
    r.deletedName,
  ],
})

const displace = query<{ id: number; name: string; now: number }>()((db, p) =>
  db
    .updateTable('repositories')
    .set((row) => ({
      deleted_name: row.ref('name'),
      deleted_at: p.now,
      name: row.fn<string>('concat', [
        row.cast<string>(row.val('~'), 'text'),
        row.cast<string>('id', 'text'),
      ]),
    }))
    .where('name', '=', p.name)
    .where('id', '<>', p.id),
)

/**
 * As it is now, whatever it was. Another one of this name gives it up: it was deleted before, and its own line comes
 * later, or was lost with the last moments.
 */
export async function rebuildRepository(tx: Transaction, row: JournalRepository): Promise<void> {
  await tx.run(displace, { id: row.id, name: row.name, now: Date.now() })
  await tx.run(putRepository, row)
}

const dropRepository = query<{ id: number }>()((db, p) =>
  db.deleteFrom('repositories').where('id', '=', p.id),
)

/** While nothing but rows that go with it refers to it. */
export async function dropRebuiltRepository(tx: Transaction, id: number): Promise<void> {
  await tx.run(dropRepository, { id })
}

export interface RebuiltManifest {
  readonly repositoryId: number
  readonly digest: string
  readonly mediaType: string
  readonly content: Uint8Array
  readonly subject: string | null
  readonly artifactType: string | null
  readonly annotations: string | null
  readonly pushedAt: number
  readonly pushedBy: number | null
  readonly provenance: string | null
}

const putManifest = query<RebuiltManifest & { size: number; reviewAfter: number }>()((db, p) =>
  db
    .insertInto('manifests')
    .values({
      repository_id: p.repositoryId,
      digest: p.digest,
      media_type: p.mediaType,
      size: p.size,
      content: p.content,
      subject: p.subject,
      artifact_type: p.artifactType,
      annotations: p.annotations,
      pushed_at: p.pushedAt,
      pushed_by: p.pushedBy,
      review_after: p.reviewAfter,
      provenance: p.provenance,
    })
    .onConflict((conflict) =>
      conflict.columns(['repository_id', 'digest']).doUpdateSet({
        media_type: p.mediaType,
        pushed_at: p.pushedAt,
        pushed_by: p.pushedBy,
        provenance: p.provenance,
      }),
    ),
)

export async function rebuildManifest(
  tx: Transaction,
  manifest: RebuiltManifest,
  reviewAfter: number,
): Promise<void> {
  await tx.run(putManifest, { ...manifest, size: manifest.content.length, reviewAfter })
}

const dropManifest = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .deleteFrom('manifests')
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

/** Before anything refers to it. */
export async function dropRebuiltManifest(
  tx: Transaction,
  repositoryId: number,
  digest: string,
): Promise<void> {
  await tx.run(dropManifest, { repositoryId, digest })
}

export interface RebuiltBinEntry extends RebuiltManifest {
  /** JSON. */
  readonly tags: string
  readonly deletedAt: number
  readonly deletedBy: number | null
  readonly reason: string
  readonly purgeAfter: number
}

const putInBin = query<RebuiltBinEntry & { size: number }>()((db, p) =>
  db.insertInto('deleted_manifests').values({
    repository_id: p.repositoryId,
    digest: p.digest,
    media_type: p.mediaType,
    size: p.size,
    content: p.content,
    subject: p.subject,
    artifact_type: p.artifactType,
    annotations: p.annotations,
    provenance: p.provenance,
    pushed_at: p.pushedAt,
    pushed_by: p.pushedBy,
    tags: p.tags,
    deleted_at: p.deletedAt,
    deleted_by: p.deletedBy,
    reason: p.reason,
    purge_after: p.purgeAfter,
  }),
)

const dropFromBin = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .deleteFrom('deleted_manifests')
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

/** `entry` undefined: it is not in the recycle bin. */
export async function rebuildBinEntry(
  tx: Transaction,
  key: { readonly repositoryId: number; readonly digest: string },
  entry: RebuiltBinEntry | undefined,
): Promise<void> {
  await tx.run(dropFromBin, key)
  if (entry !== undefined) await tx.run(putInBin, { ...entry, size: entry.content.length })
}

const changeFields = ['id', 'repository_id', 'tag', 'digest', 'changed_at', 'changed_by'] as const

export interface RebuiltChange {
  readonly id: number
  readonly repositoryId: number
  readonly tag: string
  readonly digest: string | null
  readonly at: number
  readonly by: number | null
}

const putChange = insertWithId<RebuiltChange>('tag_changes', changeFields, {
  onConflict: '(id) do nothing',
  bind: ({ id, repositoryId, tag, digest, at, by }) => [id, repositoryId, tag, digest, at, by],
})

export async function rebuildTagChange(tx: Transaction, change: RebuiltChange): Promise<void> {
  await tx.run(putChange, change)
}

const putTag = query<RebuiltTag>()((db, p) =>
  db
    .insertInto('tags')
    .values({
      repository_id: p.repositoryId,
      name: p.tag,
      digest: p.digest,
      updated_at: p.at,
      updated_by: p.by,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['repository_id', 'name'])
        .doUpdateSet({ digest: p.digest, updated_at: p.at, updated_by: p.by }),
    ),
)

export interface RebuiltTag {
  readonly repositoryId: number
  readonly tag: string
  readonly digest: string
  readonly at: number
  readonly by: number | null
}

/** The manifest is there. */
export async function rebuildTag(tx: Transaction, tag: RebuiltTag): Promise<void> {
  await tx.run(putTag, tag)
}

const principalFields = [
  'id',
  'kind',
  'provider',
  'subject',
  'name',
  'display_name',
  'admin',
  'disabled_at',
  'created_at',
] as const

export interface RebuiltPrincipal {
  readonly id: number
  readonly kind: string
  readonly provider: string
  readonly subject: string
  readonly name: string
  readonly displayName: string | null
  readonly admin: boolean
  readonly disabledAt: number | null
}

const putPrincipal = insertWithId<RebuiltPrincipal>('principals', principalFields, {
  onConflict: 'do nothing',
  bind: (p) => [
    p.id,
    p.kind,
    p.provider,
    p.subject,
    p.name,
    p.displayName,
    p.admin ? 1 : 0,
    p.disabledAt,
    Date.now(),
  ],
})

/** Without anything by which somebody could sign in. Whoever is there stays as they are. */
export async function rebuildPrincipal(tx: Transaction, row: RebuiltPrincipal): Promise<void> {
  await tx.run(putPrincipal, row)
}
