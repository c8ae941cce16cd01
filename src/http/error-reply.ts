// Errors become answers here and nowhere else. Shape: distribution-spec v1.1 spec.md#error-codes.
import { OciError, StorageFullError, StorageUnavailableError } from '../oci/errors.ts'
import type { OciErrorCode, OciErrorEntry } from '../oci/errors.ts'
import { HttpError } from './http-error.ts'
import { jsonReply, type Reply } from './reply.ts'

const statuses: Readonly<Record<OciErrorCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  TAG_INVALID: 400,
  RANGE_INVALID: 416,
  PAGINATION_NUMBER_INVALID: 400,
}

const retryAfterSeconds = 5

/** Whether somebody has to look at it: everything that no client is to blame for. */
export function isOurFault(error: unknown): boolean {
  return !(
    error instanceof OciError ||
    error instanceof HttpError ||
    error instanceof StorageFullError
  )
}

export function errorReply(error: unknown, requestId: string): Reply {
  if (error instanceof OciError) {
    const first = { code: error.code, message: error.message, detail: error.detail }
    const headers = error.code === 'TOOMANYREQUESTS' ? { 'retry-after': waitOf(error) } : {}
    return entriesReply(statuses[error.code], [first, ...(error.others ?? [])], headers)
  }
  if (error instanceof HttpError) {
    return entriesReply(error.status, [{ code: codeOf(error.status), message: error.message }], {
      ...error.headers,
    })
  }
  // 403 and not 507: docker retries a 5xx without a word, and shows the text of a 403.
  if (error instanceof StorageFullError) {
    return entriesReply(403, [{ code: 'DENIED', message: error.message }], {})
  }
  if (error instanceof StorageUnavailableError) {
    const entry = { code: 'UNAVAILABLE', message: error.message, detail: { requestId } }
    return entriesReply(503, [entry], { 'retry-after': retryAfterSeconds })
  }
  const message = `The registry failed at this request (id ${requestId}). Its operator finds the cause under that id in the log.`
  return entriesReply(500, [{ code: 'UNKNOWN', message, detail: { requestId } }], {})
}

function waitOf({ detail }: OciError): number {
  const wait = (detail as { retryAfterSeconds?: unknown } | undefined)?.retryAfterSeconds
  return typeof wait === 'number' ? wait : retryAfterSeconds
}

function entriesReply(
  status: number,
  entries: readonly (Omit<OciErrorEntry, 'code'> & { readonly code: string })[],
  headers: Readonly<Record<string, string | number>>,
): Reply {
  return jsonReply(status, { errors: entries }, headers)
}

function codeOf(status: number): string {
  if (status === 404) return 'NOT_FOUND'
  if (status === 405) return 'UNSUPPORTED'
  if (status === 413) return 'SIZE_INVALID'
  if (status === 416) return 'RANGE_INVALID'
  if (status === 403) return 'DENIED'
  return 'UNKNOWN'
}
