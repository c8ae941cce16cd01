// What the command line needs from the rest of the program. src/compose.ts implements it; cli/ knows nothing
// of storage, metadata or HTTP. Names and dates here are also the documented shapes of `--json`.
import type { Config } from '../config/config.ts'
import type { TelemetrySettings } from '../config/telemetry.ts'
import type { ApiConnection } from './api-transport.ts'
import type { AdoptionCommands } from './adoption.ts'
import type { BackupCommands } from './backup.ts'
import type { GarbageReport, GarbageRequest } from './garbage.ts'
import type { Importer } from './importer.ts'
import type { RebuildReport, RebuildRequest } from './rebuild.ts'
import type { ServeEvent } from './serve-events.ts'

export interface Composition {
  readonly version: string
  /** Runs until SIGTERM or SIGINT has drained, and returns the exit code. Throws when it cannot start. */
  serve(config: Config, options: ServeOptions): Promise<number>
  /**
   * Opens the data folder and the database, beside a running server or without one. With `create`, an
   * installation that is not there yet is made; without, it throws InstallationError 'not-found'.
   */
  openInstallation(config: Config, options: { readonly create: boolean }): Promise<Installation>
  /**
   * The management API over the same data, for commands beside it: whoever runs them may do everything. As
   * openInstallation for `create` and what it throws.
   */
  openApi(config: Config, options: { readonly create: boolean }): Promise<ApiConnection>
  /** All that is wrong with the files of providers and authorities that settings name; opens nothing else. */
  fileProblems(config: Config): Promise<readonly string[]>
  /** A password that people can read out and type. */
  readonly generatePassword: () => Promise<string>
  readonly adoption: () => Promise<AdoptionCommands>
  readonly backup: () => Promise<BackupCommands>
  /** The database anew from the storage. Throws InstallationError when there is nothing to do it with, or no need. */
  rebuild(config: Config, request: RebuildRequest): Promise<RebuildReport>
  /** Throws InstallationError as openInstallation without `create`. */
  collectGarbage(config: Config, request: GarbageRequest): Promise<GarbageReport>
  /** Looks at the machine, the data and a server that may be running; a check that fails does not throw. */
  doctor(config: Config): AsyncIterable<Check>
}

export interface ServeOptions {
  /**
   * A person reads standard output: a password may be generated and be in the facts of `ready`. When false, no
   * password is generated; the setup link goes to the log.
   */
  readonly terminal: boolean
  /**
   * Where the request log goes. `screen`: nowhere, because a person watches the events on standard output.
   * Events are shown or logged by cli/ in every case, so nobody else writes them down.
   */
  readonly logs: 'json' | 'text' | 'screen'
  /** Where OpenTelemetry's variables send traces; absent: nowhere. */
  readonly telemetry?: TelemetrySettings | undefined
  onEvent(event: ServeEvent): void
}

/** Every method throws InstallationError for what the caller could have known, anything else for a failure. */
export interface Installation extends Importer, AsyncDisposable {
  /** A new one-time link for the first administrator; the one before no longer works. */
  createSetupLink(): Promise<{ readonly key: string; readonly expiresAt: Date }>
  /** Sets the password of `admin`, which is made, enabled and an administrator again when it was not. */
  resetAdminPassword(password: string): Promise<{ readonly name: string }>
  /** Registry tokens of before end within five minutes; clients ask for new ones by themselves. */
  replaceSigningKeys(): Promise<{ readonly kid: string }>
  /** `deep` reads every byte: the longer, the more is kept. */
  fsck(
    onProgress: (progress: FsckProgress) => void,
    options: { readonly deep: boolean; readonly repair: boolean },
  ): Promise<FsckReport>
}

export interface FsckProgress {
  /** What is being done, such as `blobs`. */
  readonly phase: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'items'
}

export interface FsckReport {
  readonly ok: boolean
  readonly deep: boolean
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
  readonly bytes: number
  /** Blobs that were set aside or brought back. */
  readonly repaired: number
  readonly problems: readonly FsckProblem[]
  /** What is worth knowing and is no damage, such as content that waits to be collected. */
  readonly notes: readonly string[]
}

export interface FsckProblem {
  /** A word for programs, such as `blob-missing`. */
  readonly kind: string
  readonly digest?: string
  /** Repository, or repository:tag. */
  readonly name?: string
  readonly message: string
}

export interface Check {
  readonly name: string
  readonly status: 'ok' | 'note' | 'warning' | 'problem'
  readonly message: string
  /** One line to run or to set. Every warning and problem should have one. */
  readonly fix?: string
}

export type InstallationErrorKind =
  | 'not-found'
  | 'exists'
  | 'invalid'
  | 'denied'
  | 'policy'
  | 'unavailable'

/** What was asked cannot be done, for a reason that the one who asked can do something about. */
export class InstallationError extends Error {
  override readonly name = 'InstallationError'
  readonly kind: InstallationErrorKind
  readonly why: string | undefined
  readonly fix: string | undefined

  constructor(
    kind: InstallationErrorKind,
    message: string,
    more: { readonly why?: string; readonly fix?: string; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause })
    this.kind = kind
    this.why = more.why
    this.fix = more.fix
  }
}
