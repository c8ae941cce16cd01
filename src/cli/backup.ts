// What `carrel backup` needs from the rest of the program; src/compose-backup.ts implements it. Names here are also the
// documented shapes of `--json`.
import type { Config } from '../config/config.ts'

/** Every method throws an error with a kind of InstallationErrorKind for what the caller could have known. */
export interface BackupCommands {
  create(config: Config, request: CreateBackupRequest): Promise<CreatedBackup>
  list(config: Config, request: BackupRequest): Promise<readonly ListedSnapshot[]>
  verify(config: Config, request: VerifyBackupRequest): Promise<VerifiedBackup>
  restore(config: Config, request: RestoreRequest): Promise<RestoredBackup>
  drill(config: Config, request: DrillRequest): Promise<DrilledBackup>
}

export interface BackupRequest {
  /** Absolute. */
  readonly to: string
  readonly keys: BackupKeySource
  readonly onProgress: (progress: BackupProgress) => void
  readonly warn: (message: string) => void
}

/** The bytes of a file, or what was typed. Secrets are asked for when it is known that they are needed. */
export interface BackupKeySource {
  /** For a backup that is encrypted; undefined: nobody has one. */
  readonly open: () => Promise<Uint8Array | undefined>
  /** For a backup that is begun; undefined: it is not to be encrypted. */
  readonly begin: () => Promise<Uint8Array | undefined>
  /** Somebody said that this backup has to be encrypted. */
  readonly isWanted: boolean
}

export interface BackupProgress {
  readonly phase: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'items'
}

export interface CreateBackupRequest extends BackupRequest {
  /** Of complete snapshots; undefined: all are kept. */
  readonly keep?: number | undefined
}

export interface SnapshotCounts {
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
  readonly bytes: number
}

export interface CreatedBackup {
  readonly snapshot: string
  readonly complete: boolean
  readonly encrypted: boolean
  readonly counts: SnapshotCounts
  /** What was not in the backup before. */
  readonly copied: { readonly blobs: number; readonly bytes: number }
  /** Blobs that could not be copied. */
  readonly missing: readonly { readonly digest: string; readonly message: string }[]
  readonly pruned?: {
    readonly snapshots: number
    readonly blobs: number
    readonly bytes: number
  }
}

export interface ListedSnapshot {
  readonly snapshot: string
  readonly state: 'complete' | 'incomplete' | 'damaged'
  /** Absent when it is damaged. */
  readonly createdAt?: string
  /** The version of Carrel. */
  readonly carrel?: string
  readonly counts?: SnapshotCounts
}

export interface VerifyBackupRequest extends BackupRequest {
  /** Undefined: the share of today, one of 28. */
  readonly part?: { readonly number: number; readonly of: number } | undefined
}

export interface VerifiedBackup {
  readonly ok: boolean
  /** As in `3/28`; `1/1` is everything. */
  readonly part: string
  readonly snapshots: number
  readonly blobs: number
  readonly hashed: { readonly objects: number; readonly bytes: number }
  readonly problems: readonly {
    readonly key: string
    readonly digest?: string
    readonly message: string
  }[]
  /** Whether the installation here remembers it: it is the one that the backup is of. */
  readonly recorded: boolean
}

export interface RestoreRequest extends BackupRequest {
  /** Undefined: the newest complete one. */
  readonly snapshot?: string | undefined
}

export interface RestoredBackup {
  readonly ok: boolean
  readonly snapshot: string
  readonly createdAt: string
  readonly dataDir: string
  readonly counts: SnapshotCounts
  /** Blobs that the backup did not give whole. */
  readonly lost: readonly { readonly digest: string; readonly message: string }[]
  /** What fsck found afterwards. */
  readonly problems: readonly {
    readonly kind: string
    readonly digest?: string
    readonly name?: string
    readonly message: string
  }[]
  /** What the operator should know or do. */
  readonly notes: readonly string[]
}

export interface DrillRequest extends BackupRequest {
  readonly snapshot?: string | undefined
  /** Absolute; undefined: in the data folder. */
  readonly scratch?: string | undefined
}

export interface DrilledBackup {
  readonly ok: boolean
  readonly snapshot: string
  readonly createdAt: string
  readonly counts: SnapshotCounts
  readonly seconds: number
  /** Sentences. */
  readonly problems: readonly string[]
  readonly recorded: boolean
}
