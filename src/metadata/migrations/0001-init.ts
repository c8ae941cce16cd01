// The first schema. Foreign keys say what protects what: a tag its manifest, a manifest its blobs and children.
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

export const init: Migration = {
  name: '0001-init',
  statements({ text, bytes, integer, identity, keyed }) {
    return [
      sql`create table settings (key ${text} primary key, value ${text} not null)`,
      sql`create table signing_keys (
        kid ${text} primary key, private_jwk ${text} not null, public_jwk ${text} not null,
        created_at ${integer} not null)`,
      sql`create table principals (
        id ${identity}, kind ${text} not null, provider ${text} not null, subject ${text} not null,
        name ${text} not null unique, admin ${integer} not null default 0, password_hash ${text},
        disabled_at ${integer}, created_at ${integer} not null, unique (provider, subject))`,
      sql`create table setup_links (
        key_hash ${text} primary key,
        principal_id ${integer} not null references principals (id) on delete cascade,
        expires_at ${integer} not null, used_at ${integer})`,
      sql`create table repositories (
        id ${identity}, name ${text} not null unique, visibility ${text} not null,
        description ${text} not null default '', created_at ${integer} not null, created_by ${integer})`,
      sql`create table blobs (
        digest ${text} primary key, size ${integer} not null, storage_key ${text}, content ${bytes},
        created_at ${integer} not null, review_after ${integer})`,
      sql`create index blobs_review on blobs (review_after) where review_after is not null`,
      sql`create table repository_blobs (
        repository_id ${integer} not null references repositories (id) on delete cascade,
        digest ${text} not null references blobs (digest), linked_at ${integer} not null,
        primary key (repository_id, digest)) ${keyed}`,
      sql`create index repository_blobs_digest on repository_blobs (digest)`,
      sql`create table manifests (
        repository_id ${integer} not null references repositories (id) on delete cascade,
        digest ${text} not null, media_type ${text} not null, size ${integer} not null,
        content ${bytes} not null, subject ${text}, artifact_type ${text}, annotations ${text},
        pushed_at ${integer} not null, pushed_by ${integer}, review_after ${integer},
        primary key (repository_id, digest))`,
      sql`create index manifests_review on manifests (review_after) where review_after is not null`,
      sql`create index manifests_subject on manifests (repository_id, subject)
        where subject is not null`,
      sql`create table manifest_blobs (
        repository_id ${integer} not null, manifest ${text} not null, blob ${text} not null,
        primary key (repository_id, manifest, blob),
        foreign key (repository_id, manifest) references manifests (repository_id, digest) on delete cascade,
        foreign key (repository_id, blob) references repository_blobs (repository_id, digest)) ${keyed}`,
      sql`create index manifest_blobs_blob on manifest_blobs (repository_id, blob)`,
      sql`create table manifest_children (
        repository_id ${integer} not null, manifest ${text} not null, child ${text} not null,
        primary key (repository_id, manifest, child),
        foreign key (repository_id, manifest) references manifests (repository_id, digest) on delete cascade,
        foreign key (repository_id, child) references manifests (repository_id, digest)) ${keyed}`,
      sql`create index manifest_children_child on manifest_children (repository_id, child)`,
      sql`create table tags (
        repository_id ${integer} not null, name ${text} not null, digest ${text} not null,
        updated_at ${integer} not null, updated_by ${integer}, primary key (repository_id, name),
        foreign key (repository_id, digest) references manifests (repository_id, digest)) ${keyed}`,
      sql`create index tags_digest on tags (repository_id, digest)`,
      sql`create table uploads (
        id ${text} primary key,
        repository_id ${integer} not null references repositories (id) on delete cascade,
        principal_id ${integer}, state ${text} not null, digest ${text}, updated_at ${integer} not null)`,
      sql`create index uploads_updated on uploads (state, updated_at)`,
      sql`create table upload_parts (
        upload_id ${text} not null references uploads (id) on delete cascade,
        start_offset ${integer} not null, size ${integer} not null, digest ${text} not null,
        storage_key ${text}, content ${bytes}, primary key (upload_id, start_offset))`,
    ]
  },
}
