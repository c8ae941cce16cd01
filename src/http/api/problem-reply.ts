// Errors become answers of the management API here and nowhere else: RFC 9457.
import { Refusal, type RefusalKind } from '../../access/refusal.ts'
import {
  problemKinds,
  problemMediaType,
  problemOf,
  type Problem,
  type ProblemKind,
} from '../../contract/problem.ts'
import { OciError, StorageFullError, StorageUnavailableError } from '../../oci/errors.ts'
import type { OciErrorCode } from '../../oci/errors.ts'
import { HttpError } from '../http-error.ts'
import { jsonReply, type Reply } from '../reply.ts'
import { ProblemError } from './problem-error.ts'

const ofRefusals: Readonly<Record<RefusalKind, ProblemKind>> = {
  'not-found': 'not-found',
  exists: 'exists',
  invalid: 'invalid',
  denied: 'denied',
  policy: 'policy',
  changed: 'changed',
}

const ofOciErrors: Readonly<Record<OciErrorCode, ProblemKind>> = {
  BLOB_UNKNOWN: 'not-found',
  BLOB_UPLOAD_INVALID: 'invalid-input',
  BLOB_UPLOAD_UNKNOWN: 'not-found',
  DIGEST_INVALID: 'invalid-input',
  MANIFEST_BLOB_UNKNOWN: 'invalid',
  MANIFEST_INVALID: 'invalid-input',
  MANIFEST_UNKNOWN: 'not-found',
  NAME_INVALID: 'invalid-input',
  NAME_UNKNOWN: 'not-found',
  SIZE_INVALID: 'too-large',
  UNAUTHORIZED: 'unauthenticated',
  DENIED: 'denied',
  UNSUPPORTED: 'invalid',
  TOOMANYREQUESTS: 'too-many-requests',
  TAG_INVALID: 'invalid-input',
  RANGE_INVALID: 'bad-request',
  PAGINATION_NUMBER_INVALID: 'bad-request',
}

const retryAfterSeconds = 5

/** For any error of a request to the management API; what is known to nobody becomes a 500 that tells the id alone. */
export function problemReply(error: unknown, requestId: string): Reply {
  if (error instanceof ProblemError) return replyWith(error.problem, error.headers)
  if (error instanceof Refusal) {
    const { kind, message, why, fix } = error
    const more = { ...(why !== undefined && { why }), ...(fix !== undefined && { fix }) }
    return replyWith(problemOf(ofRefusals[kind], sentence(message), more))
  }
  if (error instanceof OciError) {
    const kind = ofOciErrors[error.code]
    const headers = kind === 'too-many-requests' ? { 'retry-after': waitOf(error) } : {}
    return replyWith(problemOf(kind, error.message), headers)
  }
  if (error instanceof HttpError) {
    return replyWith(
      { ...problemOf(kindOfStatus(error.status), error.message), status: error.status },
      error.headers,
    )
  }
  if (error instanceof StorageFullError) return replyWith(problemOf('denied', error.message))
  if (error instanceof StorageUnavailableError) {
    return replyWith(problemOf('unavailable', error.message), { 'retry-after': retryAfterSeconds })
  }
  const detail = `The registry failed at this request (id ${requestId}). Its operator finds the cause under that id in the log.`
  return replyWith(problemOf('failed', detail))
}

function waitOf({ detail }: OciError): number {
  const wait = (detail as { readonly retryAfterSeconds?: unknown } | undefined)?.retryAfterSeconds
  return typeof wait === 'number' ? wait : retryAfterSeconds
}

function replyWith(
  problem: Problem,
  headers: Readonly<Record<string, string | number>> = {},
): Reply {
  return jsonReply(problem.status, problem, {
    ...headers,
    'cache-control': 'no-store',
    'content-type': problemMediaType,
  })
}

function kindOfStatus(status: number): ProblemKind {
  const found = Object.entries(problemKinds).find(([, kind]) => kind.status === status)
  return (found?.[0] as ProblemKind | undefined) ?? (status < 500 ? 'bad-request' : 'failed')
}

/** Refusals are written as the command line says things: without a capital and a full stop. */
function sentence(message: string): string {
  const capital = `${message[0]?.toUpperCase() ?? ''}${message.slice(1)}`
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}
