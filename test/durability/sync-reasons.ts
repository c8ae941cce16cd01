// Syncs without which no power loss takes what was acknowledged, and why they are there all the same.
// Every other place that syncs must be missed when it is left out (power-states.test.ts).
import { anyPlace } from './sync-mutations.ts'

export interface SyncReason {
  /** Without it, of every kind. */
  readonly kind?: string
  /** The place begins with it. */
  readonly place: string
  readonly why: string
}

const probe = 'it only tries whether the disk takes a sync'

export const unneeded: readonly SyncReason[] = [
  {
    kind: "the database's journal",
    place: 'SQLite',
    why: 'it is used once, when the database is made and empty',
  },
  { kind: "the database's journal", place: anyPlace, why: 'the same' },
  { place: 'filesystem-driver:#writeFile < filesystem-driver:probe', why: probe },
  { kind: 'the folder of temporary files', place: 'folders:syncFolder', why: probe },
  { kind: 'the folder of temporary files', place: anyPlace, why: probe },
  {
    place: 'filesystem-driver:#writeFile < filesystem-driver:write < run-lock:',
    why: 'the lock of a backup that runs means nothing after a power loss',
  },
  {
    kind: 'the folder of uploads',
    place: 'folders:syncFolder',
    why: 'nothing is promised of an upload before its end, which syncs where the bytes go then',
  },
  { kind: 'the folder of uploads', place: anyPlace, why: 'the same' },
  {
    kind: "the database's log",
    place: 'sqlite-log:lengthenLog',
    why: 'the zeros are there for speed; a shorter log is as good',
  },
  {
    kind: "the database's log",
    place: 'sqlite-log:openLog',
    why: 'what an earlier process left there unsynced was promised to nobody, and the next sync takes it along',
  },
  {
    kind: "the database's log",
    place: 'SQLite: pagerWalFrames',
    why: "SQLite's own, of the log's head and of migrations: the sync before the next answer takes them along",
  },
  {
    kind: "the database's log",
    place: 'SQLite: walCheckpoint',
    why: "SQLite's own, before it copies the log: the log still holds an older copy of the same pages; that a log without them needs this sync is not seen here",
  },
]

/** Sources that sync and that no recording runs through. */
export const notRecorded: Readonly<Record<string, string>> = {
  'storage/drivers/filesystem/file-operations.ts': 'every sync of the storage passes it',
  'storage/drivers/filesystem/limit-syncs.ts': 'every sync of the storage passes it',
  'storage/drivers/filesystem/volatile-disk.ts': 'a disk in memory, for tests',
  'storage/drivers/filesystem/watch-files.ts': 'for tests',
  'storage/drivers/filesystem/file-writer.ts':
    'begun early in long files so that the last sync, which is the one that counts, is short',
  'metadata/dialects/sqlite.ts': 'it asks sqlite-log.ts for them',
  'installation/doctor/data-folder.ts': 'it only tries whether the disk takes a sync',
  'compose-rebuild.ts': 'a rebuild that a power loss cuts short is run again',
  'adoption/start.ts': 'a note for people, which the next start writes again',
}

/** Each alone is not missed, because another one of the same file or folder comes before anybody is promised anything. */
export const doubled: readonly SyncReason[] = [
  { kind: 'the data folder', place: 'SQLite', why: 'done again by openLog' },
  {
    kind: 'the backup',
    place: 'folders:syncFolder < filesystem-driver:#publish',
    why: 'done again for the folders that are made in it',
  },
  { kind: 'the data folder', place: 'sqlite-log:openLog', why: 'done again by each worker' },
  {
    kind: 'the data folder',
    place: 'folders:syncFolder',
    why: "done again by the workers' openLog; with PostgreSQL it is the only one",
  },
  {
    kind: 'the data folder',
    place: 'durable-file:syncFolder',
    why: "done again by the workers' openLog; with PostgreSQL it is the only one",
  },
  {
    kind: 'the folder of certificates',
    place: 'durable-file:syncFolder < durable-file:createFile',
    why: 'done again for the server certificate',
  },
]
