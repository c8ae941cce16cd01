// What the one who asked can do something about, in the words and kinds of the command line.
export type BackupErrorKind = 'not-found' | 'exists' | 'invalid' | 'denied' | 'unavailable'

export class BackupError extends Error {
  override readonly name = 'BackupError'
  readonly kind: BackupErrorKind
  readonly why: string | undefined
  readonly fix: string | undefined

  constructor(
    kind: BackupErrorKind,
    message: string,
    more: { readonly why?: string; readonly fix?: string; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause })
    this.kind = kind
    this.why = more.why
    this.fix = more.fix
  }
}

/** Another run is on: nothing went wrong, and this one is not needed. */
export class BusyError extends BackupError {}

/** An object of a backup whose bytes are not those that were written. */
export class DamagedObjectError extends Error {
  override readonly name = 'DamagedObjectError'
  readonly key: string

  constructor(key: string, what: string, options?: ErrorOptions) {
    super(`${key} ${what}`, options)
    this.key = key
  }
}
