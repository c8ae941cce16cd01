// Volumes of registry:2, as commands and a starting server speak of them; src/compose-adoption.ts implements it. Names
// here are also the documented shapes of `--json`.
import type { Config } from '../config/config.ts'

export interface AdoptionCommands {
  /** Changes nothing. Throws InstallationError 'not-found' when there is no volume. */
  check(directory: string, onProgress: (progress: AdoptionProgress) => void): Promise<VolumeReport>
  /** Throws InstallationError for what the caller could have known. */
  export(
    config: Config,
    request: ExportRequest,
    onProgress: (progress: AdoptionProgress) => void,
  ): Promise<ExportReport>
}

export interface AdoptionProgress {
  readonly phase: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'items'
}

export interface VolumeReport {
  /** Nothing that registry:2 says it has is lost. */
  readonly ok: boolean
  readonly directory: string
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  /** Files of content, manifests included. */
  readonly blobs: number
  readonly bytes: number
  /** Content that nothing needs. */
  readonly reclaimable: { readonly blobs: number; readonly bytes: number }
  readonly losses: number
  /** By kind, those of which there are any. */
  readonly findings: Readonly<Record<string, FindingSummary | undefined>>
}

export interface FindingSummary {
  readonly count: number
  readonly bytes: number
  /** The first hundred. */
  readonly examples: readonly VolumeFinding[]
}

export interface VolumeFinding {
  /** Repository, repository:tag, or a path in the volume. */
  readonly name?: string
  readonly digest?: string
  readonly bytes?: number
  readonly message: string
}

export type ExportLayout = 'registry2' | 'oci'

export interface ExportRequest {
  readonly layout: ExportLayout
  readonly directory: string
  /** Names of repositories: `*` within a component, `**` across them. */
  readonly repositories: string
}

export interface ExportReport {
  /** All of it was written. */
  readonly ok: boolean
  readonly layout: ExportLayout
  readonly directory: string
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
  readonly bytes: number
  /** Files that need no room of their own. */
  readonly linked: number
  readonly copied: number
  /** What was there from an export that was cut short. */
  readonly kept: number
  readonly problems: readonly ExportProblem[]
  /** What is worth knowing and is no loss. */
  readonly notes: readonly string[]
}

export interface ExportProblem {
  /** A word for programs, such as `blob-lost`. */
  readonly kind: string
  readonly name: string
  readonly digest?: string
  readonly message: string
}

/** What a starting server tells of taking a volume over. */
export type AdoptionEvent =
  | { readonly kind: 'adopting'; readonly progress?: AdoptionProgress }
  | {
      readonly kind: 'adopted'
      readonly directory: string
      readonly repositories: number
      readonly tags: number
      readonly manifests: number
      readonly bytes: number
      readonly losses: number
      readonly seconds: number
    }
