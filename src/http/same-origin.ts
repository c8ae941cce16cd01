// Whether a request was made by a page of this very origin, as the browser says (Fetch Metadata; where the connection
// gives no reason to send that, Origin). What changes something on the strength of a cookie needs it: cookies come with
// requests of other sites' pages as well.
import { HttpError } from './http-error.ts'
import type { HttpRequest } from './request.ts'

export function isSameOrigin({
  headers,
  origin,
}: Pick<HttpRequest, 'headers' | 'origin'>): boolean {
  const site = headers['sec-fetch-site']
  return site === undefined ? headers.origin === origin : site === 'same-origin'
}

/** @throws {HttpError} 403 */
export function requireSameOrigin(request: Pick<HttpRequest, 'headers' | 'origin'>): void {
  if (isSameOrigin(request)) return
  throw new HttpError(
    403,
    `This request does not come from a page of ${request.origin}, so it changes nothing. ` +
      'Open the page there and do it again; if it stays so, a proxy in between changes or removes the header Origin.',
  )
}
