// Everything that an adoption has written, as text to compare: without ids, and without the times of now.
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'

const queries = {
  repositories: 'select name, visibility, created_at from repositories',
  namespaces: 'select name, default_visibility from namespaces',
  blobs: `select digest, size, storage_key, content, created_at, verified_at, damaged_at is null as whole,
    review_after is null as kept from blobs`,
  links: `select name, digest, linked_at from repository_blobs
    join repositories on id = repository_id`,
  manifests: `select name, digest, media_type, size, hex(content), subject, artifact_type, annotations,
    pushed_at, review_after from manifests join repositories on id = repository_id`,
  uses: `select name, manifest, blob from manifest_blobs
    join repositories on id = repository_id`,
  children: `select name, manifest, child from manifest_children
    join repositories on id = repository_id`,
  tags: `select repositories.name, tags.name as tag, digest, updated_at from tags
    join repositories on id = repository_id`,
  changes: `select repositories.name, tag, digest, case when digest is null then 0 else changed_at end
    as at from tag_changes join repositories on repositories.id = repository_id
    order by repositories.name, tag, tag_changes.id`,
} as const

export type AdoptedRows = Readonly<Record<keyof typeof queries, readonly string[]>>

export function adoptedRows(dataDir: string): AdoptedRows {
  const db = new DatabaseSync(join(dataDir, 'carrel.db'), { readOnly: true })
  try {
    const read = (name: keyof typeof queries) => {
      const rows = db
        .prepare(queries[name])
        .all()
        .map((row) => JSON.stringify(row))
      return name === 'changes' ? rows : rows.sort()
    }
    const names = Object.keys(queries) as (keyof typeof queries)[]
    return Object.fromEntries(names.map((name) => [name, read(name)])) as unknown as AdoptedRows
  } finally {
    db.close()
  }
}
