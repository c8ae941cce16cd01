// What the management API answers when it does not do what was asked: RFC 9457, application/problem+json.

export const problemMediaType = 'application/problem+json'

export interface FieldProblem {
  /** Of the field that is wrong, such as `scopes.0`; empty for the whole. */
  readonly path: string
  readonly message: string
}

export interface Problem {
  /** What kind it is, such as /problems/not-found: for programs. */
  readonly type: string
  /** The kind for people. */
  readonly title: string
  readonly status: number
  /** What happened. */
  readonly detail: string
  readonly why?: string
  /** One line to type. */
  readonly fix?: string
  readonly errors?: readonly FieldProblem[]
}

/** Of every kind that there is: how it is called, and with which status it comes. */
export const problemKinds = {
  'bad-request': { status: 400, title: 'The request is malformed' },
  'invalid-input': { status: 400, title: 'Some fields are wrong' },
  unauthenticated: { status: 401, title: 'Sign in first' },
  denied: { status: 403, title: 'Not allowed' },
  'not-found': { status: 404, title: 'Not found' },
  'method-not-allowed': { status: 405, title: 'Not a method of this address' },
  exists: { status: 409, title: 'There is one already' },
  changed: { status: 412, title: 'Somebody changed it meanwhile' },
  'too-large': { status: 413, title: 'Too large' },
  'unsupported-media-type': { status: 415, title: 'Not JSON' },
  invalid: { status: 422, title: 'This cannot be done' },
  policy: { status: 422, title: 'Refused by a policy' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  failed: { status: 500, title: 'The registry failed' },
  'not-served': { status: 501, title: 'Not served' },
  unavailable: { status: 503, title: 'Not available at the moment' },
} as const

export type ProblemKind = keyof typeof problemKinds

export const problemTypePrefix = '/problems/'

export function problemOf(
  kind: ProblemKind,
  detail: string,
  more: Pick<Problem, 'why' | 'fix' | 'errors'> = {},
): Problem {
  const { status, title } = problemKinds[kind]
  return { type: `${problemTypePrefix}${kind}`, title, status, detail, ...more }
}

/** Undefined for a type that is none of these. */
export function kindOfProblem({ type }: Pick<Problem, 'type'>): ProblemKind | undefined {
  const kind = type.startsWith(problemTypePrefix) ? type.slice(problemTypePrefix.length) : ''
  return Object.hasOwn(problemKinds, kind) ? (kind as ProblemKind) : undefined
}
