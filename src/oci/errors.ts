// The errors a client is told about, by the codes of distribution-spec v1.1 spec.md#error-codes and
// the four of distribution that clients know as well (TOOMANYREQUESTS is the spec's own).
// HTTP statuses are not here: see http/error-reply.ts. Messages reach docker's user word for word.

export type OciErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS'
  | 'TAG_INVALID'
  | 'RANGE_INVALID'
  | 'PAGINATION_NUMBER_INVALID'

/** One entry of the `errors` array of an answer. */
export interface OciErrorEntry {
  readonly code: OciErrorCode
  readonly message: string
  readonly detail?: unknown
}

export interface OciErrorOptions {
  /** A sentence for the user; without it, the code's own. */
  readonly message?: string | undefined
  readonly detail?: unknown
  readonly cause?: unknown
  /** Entries to list after this one: docker shows the first and logs the rest. */
  readonly others?: readonly OciErrorEntry[] | undefined
}

export class OciError extends Error {
  override readonly name = 'OciError'
  readonly code: OciErrorCode
  readonly detail?: unknown
  readonly others?: readonly OciErrorEntry[]

  constructor(code: OciErrorCode, options: OciErrorOptions = {}) {
    super(
      options.message ?? defaultMessages[code],
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    if (options.detail !== undefined) this.detail = options.detail
    if (options.others !== undefined) this.others = options.others
  }
}

/** The storage has no room left: reads go on, pushes do not. */
export class StorageFullError extends Error {
  override readonly name = 'StorageFullError'

  constructor(
    message = 'The registry has no storage space left. Ask its operator to make room.',
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** The storage does not answer now; the same request may succeed later. */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError'

  constructor(
    message = 'The registry cannot reach its storage at the moment. Try again shortly.',
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

const defaultMessages: Readonly<Record<OciErrorCode, string>> = {
  BLOB_UNKNOWN:
    'This repository has no blob with that digest. ' +
    'It was never pushed here or has been deleted; pushing the image again restores it.',
  BLOB_UPLOAD_INVALID: 'This upload cannot be continued in the state it is in. Start a new one.',
  BLOB_UPLOAD_UNKNOWN:
    'There is no such upload in this repository: ' +
    'it was finished, cancelled, or given up after too long a pause. Start a new one.',
  DIGEST_INVALID:
    'The digest is malformed, or is not the digest of the content that was sent. ' +
    'Nothing was stored; send it again.',
  MANIFEST_BLOB_UNKNOWN:
    'The manifest refers to content that this repository does not have. ' +
    'Push the missing blobs or manifests first.',
  MANIFEST_INVALID: 'The manifest is not a valid OCI or Docker manifest.',
  MANIFEST_UNKNOWN:
    'This repository has no manifest with that tag or digest. Check the spelling, or push it first.',
  NAME_INVALID:
    'The repository name is not valid. Use lower-case letters, digits, single separators (. _ -) ' +
    'and slashes, such as team/app.',
  NAME_UNKNOWN:
    'There is no repository of that name. Check the spelling, or push to it to create it.',
  SIZE_INVALID: 'The size that was announced is not the size of the content that was sent.',
  UNAUTHORIZED:
    'You are not signed in, or not with an account that may do this. Run docker login and try again.',
  DENIED: 'You are not allowed to do this. Ask an owner of the repository for access.',
  UNSUPPORTED: 'This registry does not do that.',
  TOOMANYREQUESTS: 'There were too many requests in a short time. Wait a little and try again.',
  TAG_INVALID:
    'The tag is not valid. Use up to 128 letters, digits, dots, hyphens and underscores, ' +
    'and begin with a letter, a digit or an underscore.',
  RANGE_INVALID:
    'The chunk does not begin where the upload ended. ' +
    'Ask for the state of the upload and send from there on.',
  PAGINATION_NUMBER_INVALID: 'That is no number of entries that this registry lists at once.',
}
