// Upload sessions. A session has a row from its first stored part on, or when it ended; before that its signed id is
// all there is (registry/upload-ticket.ts). The parts' key (upload, offset) lets exactly one writer win each offset.
import type { Digest } from '../oci/digest.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface UploadRow {
  readonly id: string
  readonly state: 'open' | 'committed' | 'cancelled'
  readonly digest: Digest | undefined
}

/** Either `storageKey` or `content`; `digest` is of this part's bytes alone. */
export interface UploadPart {
  readonly startOffset: number
  readonly size: number
  readonly digest: Digest
  readonly storageKey: string | undefined
  readonly content: Uint8Array | undefined
}

const one = query<{ id: string }>()((db, p) =>
  db.selectFrom('uploads').select(['id', 'state', 'digest']).where('id', '=', p.id),
)

export async function findUpload(reader: Reader, id: string): Promise<UploadRow | undefined> {
  const row = await reader.one(one, { id })
  if (row === undefined) return undefined
  return {
    id: row.id,
    state: row.state as UploadRow['state'],
    digest: (row.digest ?? undefined) as Digest | undefined,
  }
}

const parts = query<{ id: string }>()((db, p) =>
  db
    .selectFrom('upload_parts')
    .select([
      'start_offset as startOffset',
      'size',
      'digest',
      'storage_key as storageKey',
      'content',
    ])
    .where('upload_id', '=', p.id)
    .orderBy('start_offset'),
)

export async function listUploadParts(reader: Reader, id: string): Promise<readonly UploadPart[]> {
  const rows = await reader.all(parts, { id })
  return rows.map((row) => ({
    startOffset: row.startOffset,
    size: row.size,
    digest: row.digest as Digest,
    storageKey: row.storageKey ?? undefined,
    content: row.content ?? undefined,
  }))
}

const received = query<{ id: string }>()((db, p) =>
  db
    .selectFrom('upload_parts')
    .select((of) => of.fn.sum<number>('size').as('size'))
    .where('upload_id', '=', p.id),
)

/** Bytes stored so far. */
export async function uploadSize(reader: Reader, id: string): Promise<number> {
  return Number((await reader.one(received, { id }))?.size ?? 0)
}

const upsert = query<{
  id: string
  repositoryId: number
  principalId: number
  state: string
  digest: string
  updatedAt: number
}>()((db, p) =>
  db
    .insertInto('uploads')
    .values({
      id: p.id,
      repository_id: p.repositoryId,
      principal_id: p.principalId,
      state: p.state,
      digest: p.digest,
      updated_at: p.updatedAt,
    })
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet({ state: p.state, digest: p.digest, updated_at: p.updatedAt })
        .where('uploads.state', '=', 'open'),
    ),
)

/** Makes or changes the session's row; returns false when the session had ended already. */
export async function saveUpload(
  tx: Transaction,
  upload: {
    readonly id: string
    readonly repositoryId: number
    readonly principalId: number | undefined
    readonly state: UploadRow['state']
    readonly digest?: Digest
  },
): Promise<boolean> {
  const changed = await tx.run(upsert, {
    ...upload,
    principalId: upload.principalId as number,
    digest: upload.digest as string,
    updatedAt: Date.now(),
  })
  return changed === 1
}

const insertPart = query<{
  id: string
  startOffset: number
  size: number
  digest: string
  storageKey: string
  content: Uint8Array
}>()((db, p) =>
  db
    .insertInto('upload_parts')
    .values({
      upload_id: p.id,
      start_offset: p.startOffset,
      size: p.size,
      digest: p.digest,
      storage_key: p.storageKey,
      content: p.content,
    })
    .onConflict((conflict) => conflict.columns(['upload_id', 'start_offset']).doNothing()),
)

/** Returns false when another writer stored a part at this offset first. */
export async function insertUploadPart(
  tx: Transaction,
  id: string,
  part: UploadPart,
): Promise<boolean> {
  const changed = await tx.run(insertPart, {
    id,
    ...part,
    storageKey: part.storageKey as string,
    content: part.content as Uint8Array,
  })
  return changed === 1
}

const removeParts = query<{ id: string }>()((db, p) =>
  db.deleteFrom('upload_parts').where('upload_id', '=', p.id),
)

export async function deleteUploadParts(tx: Transaction, id: string): Promise<void> {
  await tx.run(removeParts, { id })
}

const stale = query<{ state: string; before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('uploads')
    .select('id')
    .where('state', '=', p.state)
    .where('updated_at', '<', p.before)
    .orderBy('updated_at')
    .limit(p.limit),
)

/** Sessions in this state that nothing happened to since `before` (milliseconds since 1970). */
export async function listStaleUploads(
  reader: Reader,
  page: { readonly state: UploadRow['state']; readonly before: number; readonly limit: number },
): Promise<readonly { readonly id: string }[]> {
  return reader.all(stale, page)
}

const remove = query<{ id: string }>()((db, p) => db.deleteFrom('uploads').where('id', '=', p.id))

export async function deleteUpload(tx: Transaction, id: string): Promise<void> {
  await tx.run(remove, { id })
}

const keys = query<{ after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('upload_parts')
    .select('storage_key as key')
    .where('storage_key', '>', p.after)
    .orderBy('storage_key')
    .limit(p.limit),
)

/** Storage keys of all parts, in order, a page at a time. */
export async function listPartKeys(
  reader: Reader,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly string[]> {
  return (await reader.all(keys, { after, limit })).map((row) => row.key ?? '')
}
