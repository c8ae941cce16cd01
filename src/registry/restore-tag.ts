// A tag back to what it was: before it was deleted, before it was moved, or at any time that its history knows.
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import type { Tag } from '../oci/reference.ts'
import { appendAudit, type AuditEntry } from '../metadata/audit.ts'
import { findDeletedManifest } from '../metadata/deleted-manifests.ts'
import { queueForJournal } from '../metadata/journal-queue.ts'
import { manifestSize } from '../metadata/manifests.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { listTagChanges } from '../metadata/tag-changes.ts'
import { findTag } from '../metadata/tags.ts'
import { moveTag, tagEntry } from './push-manifest.ts'
import { putBackFromBin } from './restore-manifest.ts'

export interface TagRestore {
  readonly repositoryId: number
  readonly tag: Tag
  /** What it is to point to; left out, what it was before its last change. */
  readonly digest?: Digest | undefined
  /** Why a tag that points elsewhere must stay; undefined when it may be moved. */
  readonly keepTags?: string | undefined
  /** Why what was deleted must stay deleted; undefined when it may come back. */
  readonly keepDeleted?: string | undefined
  readonly audit: AuditEntry
}

export type TagRestored =
  | {
      readonly kind: 'restored'
      readonly digest: Digest
      /** What it pointed to until now. */
      readonly before: Digest | undefined
      /** The image came back with it. */
      readonly fromBin: boolean
    }
  /** It points there already. */
  | { readonly kind: 'there'; readonly digest: Digest }
  /** Its history has nothing else that it ever pointed to. */
  | { readonly kind: 'no-history' }
  /** The image is neither in the repository nor in its recycle bin. */
  | { readonly kind: 'gone'; readonly digest: Digest }

/** Durable when it resolves. @throws {OciError} DENIED, MANIFEST_BLOB_UNKNOWN */
export async function restoreTag(metadata: MetadataStore, asked: TagRestore): Promise<TagRestored> {
  return metadata.write(async (tx) => {
    const { repositoryId, tag } = asked
    const before = (await findTag(tx, repositoryId, tag))?.digest
    const digest = asked.digest ?? (await formerDigest(tx, { repositoryId, tag, now: before }))
    if (digest === undefined) return { kind: 'no-history' }
    if (digest === before) return { kind: 'there', digest }
    const isThere = (await manifestSize(tx, repositoryId, digest)) !== undefined
    if (!isThere && !(await comesBack(tx, asked, digest))) return { kind: 'gone', digest }
    const move = { repositoryId, tag, digest, updatedBy: asked.audit.actor.id }
    await moveTag(tx, move, asked.keepTags)
    await queueForJournal(tx, [tagEntry(move)])
    const detail = { ...asked.audit.detail, digest, ...(before !== undefined && { before }) }
    await appendAudit(tx, { ...asked.audit, detail })
    return { kind: 'restored', digest, before, fromBin: !isThere }
  })
}

async function comesBack(tx: Transaction, asked: TagRestore, digest: Digest): Promise<boolean> {
  const deleted = await findDeletedManifest(tx, asked.repositoryId, digest)
  if (deleted === undefined) return false
  if (asked.keepDeleted !== undefined) {
    throw new OciError('DENIED', {
      message: `${digest} was deleted. ${asked.keepDeleted}`,
      detail: { digest },
    })
  }
  await putBackFromBin(tx, deleted, { isTagged: true })
  return true
}

const changesAtOnce = 200
const mostPages = 50

/** The last digest in the history that is not the one of now. */
async function formerDigest(
  reader: Reader,
  { repositoryId, tag, now }: { repositoryId: number; tag: Tag; now: Digest | undefined },
): Promise<Digest | undefined> {
  let before = Number.MAX_SAFE_INTEGER
  for (let page = 0; page < mostPages; page += 1) {
    const place = { tag, before, limit: changesAtOnce }
    const changes = await listTagChanges(reader, repositoryId, place)
    const former = changes.find(({ digest }) => digest !== undefined && digest !== now)
    if (former !== undefined) return former.digest
    if (changes.length < changesAtOnce) return undefined
    before = changes.at(-1)?.id ?? 0
  }
  return undefined
}
