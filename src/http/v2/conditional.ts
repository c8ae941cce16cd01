// Conditional requests on content that its digest names (RFC 9110 section 13).
import type { Digest } from '../../oci/digest.ts'
import type { HttpRequest } from '../request.ts'

/** The client has this content already. */
export function notModified(request: HttpRequest, digest: Digest): boolean {
  const given = request.headers['if-none-match']
  if (given === undefined) return false
  return (
    given === '*' ||
    given.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${digest}"`)
  )
}

/** Whether a Range header still holds: without If-Range, or when that names this content. */
export function rangeHolds(request: HttpRequest, digest: Digest): boolean {
  const given = request.headers['if-range']
  return given === undefined || given === `"${digest}"`
}
