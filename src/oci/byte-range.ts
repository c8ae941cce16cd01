// `Range` of a blob GET (RFC 9110 section 14, distribution-spec v1.1 spec.md#pulling-blobs) and
// `Content-Range` of an upload's chunk (spec.md#pushing-a-blob-in-chunks, end-5).

/** Both ends inclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export type RequestedRange =
  | { readonly kind: 'whole' }
  | ({ readonly kind: 'range' } & ByteRange)
  | { readonly kind: 'unsatisfiable' }

/**
 * What part of `size` bytes a Range header asks for. Several ranges in one header, other units and
 * what is no range at all are ignored, as RFC 9110 allows: podman asks for many ranges at once
 * and gives up the pull on anything but 200 or 206.
 */
export function parseRange(header: string | undefined, size: number): RequestedRange {
  if (header === undefined) return whole
  const match = rangePattern.exec(header)
  if (match === null) return whole
  const [, first = '', last = ''] = match
  if (first === '') return last === '' ? whole : suffix(Number(last), size)

  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  // A last byte before the first is 416 to the conformance suite, where RFC 9110 would ignore it.
  if (start >= size || end < start) return unsatisfiable
  return { kind: 'range', start, end }
}

/**
 * The position of a chunk: `a-b` as the spec has it, or `bytes a-b/*` and `bytes a-b/n` as HTTP
 * does. `undefined` when there is no header.
 */
export function parseContentRange(header: string | undefined): ByteRange | undefined | 'invalid' {
  if (header === undefined) return undefined
  const match = contentRangePattern.exec(header)
  if (match === null) return 'invalid'
  const start = Number(match[1] ?? match[3])
  const end = Number(match[2] ?? match[4])
  const total = match[5] === undefined || match[5] === '*' ? Infinity : Number(match[5])
  if (!Number.isSafeInteger(end) || end < start || end >= total) return 'invalid'
  return { start, end }
}

const whole: RequestedRange = { kind: 'whole' }
const unsatisfiable: RequestedRange = { kind: 'unsatisfiable' }

const rangePattern = /^bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*$/i
const contentRangePattern = /^(?:([0-9]+)-([0-9]+)|bytes ([0-9]+)-([0-9]+)\/([0-9]+|\*))$/i

function suffix(length: number, size: number): RequestedRange {
  if (length === 0) return unsatisfiable
  // The last bytes of nothing: satisfiable, but Content-Range cannot say an empty range.
  if (size === 0) return whole
  return { kind: 'range', start: Math.max(size - length, 0), end: size - 1 }
}
