// What `carrel rebuild` needs from the rest of the program; src/compose-rebuild.ts implements it. Names here are also
// the documented shape of `--json`.
import type { FsckReport } from './composition.ts'

export interface RebuildRequest {
  /** Reads and hashes every blob. */
  readonly deep: boolean
  /** A database that is whole is moved aside too. */
  readonly force: boolean
  readonly onProgress: (progress: RebuildProgress) => void
}

export interface RebuildProgress {
  readonly phase: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'items'
}

export interface RebuildReport {
  /** Nothing is missing, as far as the storage tells, and fsck found nothing. */
  readonly ok: boolean
  readonly installation: string
  readonly journal: {
    readonly segments: number
    readonly bytes: number
    /** When the last of it was written; what came later is not known. */
    readonly writtenAt: string
  }
  readonly repositories: number
  readonly deletedRepositories: number
  readonly tags: number
  readonly manifests: number
  readonly deletedManifests: number
  readonly tagChanges: number
  readonly blobs: number
  readonly bytes: number
  /** Of whom the name alone came back. */
  readonly principals: number
  readonly findings: readonly RebuildFinding[]
  /** Files that were there before, where they are now. */
  readonly movedAside: readonly string[]
  /** What only the database had. */
  readonly lost: readonly string[]
  readonly notes: readonly string[]
  readonly fsck: FsckReport
}

export interface RebuildFinding {
  /** A word for programs, such as `blob-missing`. */
  readonly kind: string
  readonly name?: string
  readonly digest?: string
  readonly message: string
}
