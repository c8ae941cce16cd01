// What keeps an installation over the years: the history of tags, the recycle bin, the trash of collection, the state of
// every blob's last verification, and the queue from which the journal in the storage is written.
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

export const keeping: Migration = {
  name: '0003-keeping',
  statements({ text, bytes, integer, identity, keyed }) {
    return [
      // A deleted repository keeps its rows and gives up its name: `name` becomes "~ID", which no client can ask for.
      // Its grants are deleted, and kept as JSON for a restore.
      sql`alter table repositories add column deleted_at ${integer}`,
      sql`alter table repositories add column deleted_by ${integer}`,
      sql`alter table repositories add column deleted_name ${text}`,
      sql`alter table repositories add column deleted_grants ${text}`,
      sql`create index repositories_deleted on repositories (deleted_at) where deleted_at is not null`,
      // Every move of every tag; digest null: the tag was deleted.
      sql`create table tag_changes (
        id ${identity}, repository_id ${integer} not null references repositories (id) on delete cascade,
        tag ${text} not null, digest ${text}, changed_at ${integer} not null, changed_by ${integer})`,
      sql`create index tag_changes_tag on tag_changes (repository_id, tag, id)`,
      // Where the history of what is there begins.
      sql`insert into tag_changes (repository_id, tag, digest, changed_at, changed_by)
        select repository_id, name, digest, updated_at, updated_by from tags`,
      // The recycle bin. reason: deleted (somebody did), collected (nothing had needed it for long).
      sql`create table deleted_manifests (
        id ${identity}, repository_id ${integer} not null references repositories (id) on delete cascade,
        digest ${text} not null, media_type ${text} not null, size ${integer} not null,
        content ${bytes} not null, subject ${text}, artifact_type ${text}, annotations ${text},
        provenance ${text}, pushed_at ${integer} not null, pushed_by ${integer},
        tags ${text} not null, deleted_at ${integer} not null, deleted_by ${integer},
        reason ${text} not null, purge_after ${integer} not null, unique (repository_id, digest))`,
      sql`create index deleted_manifests_purge on deleted_manifests (reason, purge_after)`,
      sql`create index deleted_manifests_subject on deleted_manifests (repository_id, subject)
        where subject is not null`,
      // What a deleted manifest needs to come back whole, blobs and children alike: neither is collected meanwhile.
      sql`create table deleted_manifest_contents (
        deleted_id ${integer} not null references deleted_manifests (id) on delete cascade,
        repository_id ${integer} not null, digest ${text} not null,
        primary key (deleted_id, digest)) ${keyed}`,
      sql`create index deleted_manifest_contents_digest
        on deleted_manifest_contents (digest, repository_id)`,
      // Blobs that collection took away and whose bytes are still there. links: JSON, the ids of repositories that had it.
      sql`create table blob_trash (
        id ${identity}, digest ${text} not null, size ${integer} not null, storage_key ${text},
        content ${bytes}, links ${text} not null, trashed_at ${integer} not null,
        purge_after ${integer} not null)`,
      sql`create index blob_trash_purge on blob_trash (purge_after)`,
      sql`create index blob_trash_digest on blob_trash (digest)`,
      // When the bytes were last seen to be those of the digest; 0: never here. damaged_at: they are not, so that the
      // blob counts as absent until somebody brings it again.
      sql`alter table blobs add column verified_at ${integer} not null default 0`,
      sql`alter table blobs add column damaged_at ${integer}`,
      sql`create index blobs_verified on blobs (verified_at) where storage_key is not null`,
      sql`create index blobs_damaged on blobs (damaged_at) where damaged_at is not null`,
      // Objects with other bytes than their digest says, moved aside and kept. found_by: scrub, read, fsck.
      sql`create table quarantine (
        id ${identity}, digest ${text} not null, storage_key ${text} not null, size ${integer} not null,
        found_at ${integer} not null, found_by ${text} not null, healed_at ${integer})`,
      sql`create index quarantine_digest on quarantine (digest)`,
      // One row for each transaction that the journal in the storage is to tell of; JSON (metadata/journal-queue.ts).
      sql`create table journal_queue (id ${identity}, entries ${text} not null)`,
      // Who may do alone what must not be done twice at once, and until when.
      sql`create table leases (
        name ${text} primary key, holder ${text} not null, ends_at ${integer} not null) ${keyed}`,
    ]
  },
}
