// The typed client of the management API, for the command line and the web pages. How a request gets there is the
// transport's business; nothing of Node.js is used here.
import { addresses } from './addresses.ts'
import { hasQuery, pathParameters, type Method } from './operation.ts'
import type {
  InputOf,
  ItemOf,
  ListName,
  OperationName,
  OutputOf,
  StreamName,
} from './operations.ts'
import { problemMediaType, problemOf, type FieldProblem, type Problem } from './problem.ts'

export interface ApiRequest {
  readonly method: Method
  /** With /api/v1 and the query, percent-encoded. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Takes the body of a good answer, piece by piece; `body` of the answer is then empty. */
  readonly write?: WritePiece
}

/** Takes a piece of a long text; the next comes when what it returned has resolved. */
export type WritePiece = (piece: Uint8Array) => Promise<void>

export interface ApiResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

export type Transport = (request: ApiRequest) => Promise<ApiResponse>

export interface CallOptions {
  /** Do it only while what is there has this tag (`callWithTag` gave it); otherwise 412. */
  readonly ifMatch?: string
}

export interface ApiClient {
  /** @throws {ApiError} when the server refuses; whatever the transport throws */
  call<N extends OperationName>(
    name: N,
    input: InputOf<N>,
    options?: CallOptions,
  ): Promise<OutputOf<N>>
  /** As call, with the entity tag of what was answered, where it has one. */
  callWithTag<N extends OperationName>(
    name: N,
    input: InputOf<N>,
    options?: CallOptions,
  ): Promise<{ readonly output: OutputOf<N>; readonly tag: string | undefined }>
  /** All items of a list, a page at a time. */
  pages<N extends ListName>(name: N, input: InputOf<N>): AsyncIterable<ItemOf<N>>
  /** What is text, and may be long. @throws {ApiError} before the first piece; whatever the transport and `write` throw */
  stream<N extends StreamName>(name: N, input: InputOf<N>, write: WritePiece): Promise<void>
}

export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly problem: Problem

  constructor(status: number, problem: Problem) {
    super(problem.detail)
    this.status = status
    this.problem = problem
  }
}

const base = '/api/v1'

export function createApiClient(transport: Transport): ApiClient {
  async function callWithTag<N extends OperationName>(
    name: N,
    input: InputOf<N>,
    options: CallOptions = {},
  ) {
    const response = await transport(requestFor(addresses[name], input, options))
    if (response.status < 200 || response.status > 299) throw errorOf(response)
    const output = (response.body === '' ? undefined : parse(response)) as OutputOf<N>
    return { output, tag: response.headers['etag'] }
  }
  return {
    call: async (name, input, options) => (await callWithTag(name, input, options)).output,
    callWithTag,
    async *pages<N extends ListName>(name: N, input: InputOf<N>) {
      let after: string | undefined
      do {
        const place = after === undefined ? input : { ...input, after }
        const { output } = await callWithTag(name, place)
        const { items, next } = output as { items: readonly ItemOf<N>[]; next?: string }
        yield* items
        // A server that goes round in a circle is broken.
        if (next !== undefined && next === after) throw strange(200, 'the same page comes again')
        after = next
      } while (after !== undefined)
    },
    async stream(name, input, write) {
      const response = await transport({ ...requestFor(addresses[name], input), write })
      if (response.status < 200 || response.status > 299) throw errorOf(response)
    },
  }
}

/** `address` as in `GET /teams/{name}`. @throws {ApiError} not-found for a name that nothing can have */
export function requestFor(
  address: string,
  input: Readonly<Record<string, unknown>>,
  { ifMatch }: CallOptions = {},
): ApiRequest {
  const space = address.indexOf(' ')
  const method = address.slice(0, space) as Method
  const template = address.slice(space + 1)
  const rest: Record<string, unknown> = { ...input }
  let path = template
  for (const parameter of pathParameters(template)) {
    const value = String(rest[parameter.name])
    delete rest[parameter.name]
    const parts = parameter.rest ? value.split('/') : [value]
    // On its way, or there, somebody would take the path apart in another way than was meant.
    if (parts.some((part) => isNoName.test(part))) {
      throw new ApiError(404, problemOf('not-found', 'There can be nothing of that name.'))
    }
    const place = `{${parameter.name}${parameter.rest ? '...' : ''}}`
    path = path.replace(place, () => parts.map(encodeURIComponent).join('/'))
  }
  const headers = {
    accept: `application/json, ${problemMediaType}`,
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
  }
  if (hasQuery(method)) return { method, path: `${base}${path}${queryOf(rest)}`, headers }
  const body = JSON.stringify(rest)
  return {
    method,
    path: `${base}${path}`,
    headers: { ...headers, 'content-type': 'application/json' },
    body,
  }
}

/** Empty, dots that mean another folder, or with a slash. */
const isNoName = /^\.{0,2}$|\//

function queryOf(fields: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`)
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

function parse({ status, body }: ApiResponse): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw strange(status, 'the answer is not JSON')
  }
}

function errorOf({ status, headers, body }: ApiResponse): ApiError {
  const type = headers['content-type'] ?? ''
  if (!type.startsWith(problemMediaType)) {
    return strange(status, `it answered ${status}, not as the management API does`)
  }
  try {
    return new ApiError(status, readProblem(status, JSON.parse(body)))
  } catch {
    return strange(status, `it answered ${status} with something unreadable`)
  }
}

/** Whatever a server says, what is made of it has the shape of a problem. */
function readProblem(status: number, value: unknown): Problem {
  const said = value as Readonly<Record<string, unknown>>
  const { type, title, detail, why, fix, errors } = said
  return {
    type: typeof type === 'string' ? type : 'about:blank',
    title: typeof title === 'string' ? title : `HTTP ${status}`,
    status,
    detail: typeof detail === 'string' ? detail : `The server answered ${status}.`,
    ...(typeof why === 'string' && { why }),
    ...(typeof fix === 'string' && { fix }),
    ...(Array.isArray(errors) && { errors: errors.filter(isFieldProblem) }),
  }
}

function isFieldProblem(value: unknown): value is FieldProblem {
  const { path, message } = (value ?? {}) as Readonly<Record<string, unknown>>
  return typeof path === 'string' && typeof message === 'string'
}

/** Something answers there that is no Carrel, or stands before one. */
function strange(status: number, why: string): ApiError {
  const detail = 'What answers there is not the management API of a Carrel.'
  return new ApiError(status, { type: 'about:blank', title: 'Not Carrel', status, detail, why })
}
