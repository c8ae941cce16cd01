// The tables of keeping as kysely sees them: history, recycle bin, trash, quarantine, journal queue, leases.
import type { Generated } from 'kysely'

export interface KeepingSchema {
  tag_changes: {
    id: Generated<number>
    repository_id: number
    tag: string
    /** Null: the tag was deleted. */
    digest: string | null
    changed_at: number
    changed_by: number | null
  }
  deleted_manifests: {
    id: Generated<number>
    repository_id: number
    digest: string
    media_type: string
    size: number
    content: Uint8Array
    subject: string | null
    artifact_type: string | null
    annotations: string | null
    provenance: string | null
    pushed_at: number
    pushed_by: number | null
    /** JSON: the tags that pointed to it. */
    tags: string
    deleted_at: number
    deleted_by: number | null
    /** deleted, collected */
    reason: string
    purge_after: number
  }
  /** Blobs and children that a deleted manifest needs to come back whole. */
  deleted_manifest_contents: { deleted_id: number; repository_id: number; digest: string }
  blob_trash: {
    id: Generated<number>
    digest: string
    size: number
    storage_key: string | null
    content: Uint8Array | null
    /** JSON: ids of the repositories that had it. */
    links: string
    trashed_at: number
    purge_after: number
  }
  quarantine: {
    id: Generated<number>
    digest: string
    storage_key: string
    size: number
    found_at: number
    /** scrub, read, fsck */
    found_by: string
    healed_at: number | null
  }
  journal_queue: { id: Generated<number>; entries: string }
  leases: { name: string; holder: string; ends_at: number }
}
