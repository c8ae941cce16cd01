// Pages of listings: `n`, `last`, and the Link to the next page, always relative.
// Spec: distribution-spec v1.1 spec.md#listing-tags.
import { OciError } from '../../oci/errors.ts'
import { HttpError } from '../http-error.ts'

const defaultSize = 10_000
const largestSize = 10_000

export interface PageRequest {
  readonly after: string
  /** 0: the client wants to see nothing. */
  readonly limit: number
}

export interface PageLimits {
  /** More are never given at once. */
  readonly most?: number | undefined
  /** Asking for more is an error instead. */
  readonly strict?: boolean
}

/** @throws {HttpError} 400 when `n` is not a whole number; @throws {OciError} when it is more than `most` and strict */
export function parsePage(
  query: URLSearchParams,
  { most = largestSize, strict = false }: PageLimits = {},
): PageRequest {
  // No name has a NUL, and PostgreSQL cannot be asked with one: what comes before it sorts the same.
  const [after = ''] = (query.get('last') ?? '').split('\0', 1)
  const n = query.get('n')
  if (n === null || n === '') return { after, limit: Math.min(defaultSize, most) }
  if (!/^\d{1,15}$/.test(n)) {
    throw new HttpError(
      400,
      `n is the number of entries to list, such as 100, not "${n.slice(0, 40)}".`,
    )
  }
  if (strict && Number(n) > most) {
    throw new OciError('PAGINATION_NUMBER_INVALID', {
      message: `This registry lists at most ${most} entries at once, not ${n}. Ask for fewer, and follow the Link.`,
      detail: { n: Number(n) },
    })
  }
  return { after, limit: Math.min(Number(n), most, largestSize) }
}

export function nextLink(path: string, page: PageRequest, last: string): Record<string, string> {
  const query = new URLSearchParams({ last, n: String(page.limit) })
  return { link: `<${path}?${query.toString()}>; rel="next"` }
}
