// The tables as kysely sees them. Times are milliseconds since 1970; truth values are 0 or 1, so that both
// dialects agree. Digests and names compare by bytes (ASCII order) in both dialects.
import type { Generated } from 'kysely'
import type { AccessSchema } from './schema-access.ts'
import type { KeepingSchema } from './schema-keeping.ts'

export interface Schema extends AccessSchema, KeepingSchema {
  settings: { key: string; value: string }
  /** Steps of the schema that were taken. */
  migrations: { name: string; applied_at: number }
  signing_keys: { kid: string; private_jwk: string; public_jwk: string; created_at: number }
  principals: {
    /** Immutable and never given out twice. */
    id: Generated<number>
    kind: string
    provider: string
    subject: string
    name: string
    admin: number
    password_hash: string | null
    disabled_at: number | null
    created_at: number
    display_name: string | null
    last_seen_at: number | null
    totp_secret: Uint8Array | null
    totp_step: number | null
    created_by: number | null
    expires_at: number | null
  }
  setup_links: {
    key_hash: string
    principal_id: number
    expires_at: number
    used_at: number | null
  }
  repositories: {
    /** Immutable and never given out twice: tokens are bound to it. */
    id: Generated<number>
    name: string
    visibility: string
    description: string
    created_at: number
    created_by: number | null
    /** Set: it lies in the recycle bin, and `name` is "~ID". */
    deleted_at: number | null
    deleted_by: number | null
    deleted_name: string | null
    /** JSON. */
    deleted_grants: string | null
  }
  /** One row for each digest that the installation holds; small content lies in the row itself. */
  blobs: {
    digest: string
    size: number
    storage_key: string | null
    content: Uint8Array | null
    created_at: number
    /** When to look whether anything still needs it; null: nothing happened that makes it worth a look. */
    review_after: number | null
    /** When its bytes were last seen to be those of the digest; 0: never here. */
    verified_at: number
    /** Set: the bytes are lost or wrong, and the blob counts as absent until it is pushed again. */
    damaged_at: number | null
  }
  /** A blob is visible in a repository through this row only. */
  repository_blobs: { repository_id: number; digest: string; linked_at: number }
  manifests: {
    repository_id: number
    digest: string
    media_type: string
    size: number
    content: Uint8Array
    subject: string | null
    artifact_type: string | null
    annotations: string | null
    pushed_at: number
    pushed_by: number | null
    review_after: number | null
    /** JSON of the claims of the CI job that pushed it. */
    provenance: string | null
  }
  manifest_blobs: { repository_id: number; manifest: string; blob: string }
  manifest_children: { repository_id: number; manifest: string; child: string }
  tags: {
    repository_id: number
    name: string
    digest: string
    updated_at: number
    updated_by: number | null
  }
  uploads: {
    id: string
    repository_id: number
    principal_id: number | null
    state: string
    digest: string | null
    updated_at: number
  }
  upload_parts: {
    upload_id: string
    start_offset: number
    size: number
    digest: string
    storage_key: string | null
    content: Uint8Array | null
  }
}
