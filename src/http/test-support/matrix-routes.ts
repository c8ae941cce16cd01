// Every route with requests that reach it and change nothing even when they are allowed: what they name is not there,
// or their body is no good. And what each of them needs, in the words of the model.
import { digestOf } from '../../oci/digest.ts'
import {
  administersAll,
  holds,
  isWithinLimits,
  isWithinScopes,
  type Caller,
  type Everybody,
  type Repository,
  type Right,
} from './matrix-model.ts'
import type { Answer } from './app.ts'

export interface Row {
  readonly need:
    | Right
    | 'nothing'
    | 'a fresh sign-in'
    | 'credentials'
    | 'catalog'
    | 'self'
    | 'administrator'
  /** What is behind the method in a request's first line; NAME stands for the repository, IMAGE for what is in it. */
  readonly address: string
  readonly body?: string
  /** Sent as a page of this origin does. */
  readonly fromPage?: true
  /** With what it is answered when it is allowed. */
  readonly yes: number
  /** The same for whoever is signed in, when that is another status. */
  readonly signedIn?: number
  /** The same where there is no such repository, when that is another status. */
  readonly missing?: number
}

const unknown = digestOf(Buffer.from('unknown'))
const layer = digestOf(Buffer.from('layer'))
const manifest = '/v2/NAME/manifests'
const session = '/v2/NAME/blobs/uploads/unknown'
const image = 'IMAGE'

const reading: readonly Row[] = [
  { need: 'pull', address: `${manifest}/v1`, yes: 200, missing: 404 },
  { need: 'pull', address: `${manifest}/${image}`, yes: 200, missing: 404 },
  { need: 'pull', address: `${manifest}/${unknown}`, yes: 404 },
]
const blob: readonly Row[] = [
  { need: 'pull', address: `/v2/NAME/blobs/${layer}`, yes: 200, missing: 404 },
  { need: 'pull', address: `/v2/NAME/blobs/${unknown}`, yes: 404 },
]

/** By resource and method. */
export const matrixRows: Readonly<Record<string, readonly Row[]>> = {
  'base GET': [{ need: 'credentials', address: '/v2/', yes: 200 }],
  'base HEAD': [{ need: 'credentials', address: '/v2/', yes: 200 }],
  'extensions GET': [{ need: 'credentials', address: '/v2/_oci/ext/discover', yes: 200 }],
  'catalog GET': [{ need: 'catalog', address: '/v2/_catalog?n=1', yes: 200 }],
  'tags GET': [{ need: 'pull', address: '/v2/NAME/tags/list', yes: 200, missing: 404 }],
  'manifest GET': reading,
  'manifest HEAD': reading,
  'manifest PUT': [
    { need: 'push', address: `${manifest}/v1`, body: '{', yes: 400 },
    { need: 'push', address: `${manifest}/${unknown}?tag=v1`, body: '{', yes: 400 },
  ],
  'manifest DELETE': [
    { need: 'delete', address: `${manifest}/unknown`, yes: 404 },
    { need: 'delete', address: `${manifest}/${unknown}`, yes: 404 },
  ],
  'blob GET': blob,
  'blob HEAD': blob,
  'blob DELETE': [{ need: 'delete', address: `/v2/NAME/blobs/${unknown}`, yes: 404 }],
  'uploads POST': [
    { need: 'push', address: '/v2/NAME/blobs/uploads/?digest=bad', yes: 400 },
    {
      need: 'push',
      address: `/v2/NAME/blobs/uploads?mount=${layer}&from=NAME&digest=bad`,
      yes: 400,
    },
  ],
  'upload GET': [{ need: 'push', address: session, yes: 404 }],
  'upload PATCH': [{ need: 'push', address: session, body: 'x', yes: 404 }],
  'upload PUT': [{ need: 'push', address: `${session}?digest=${unknown}`, body: 'x', yes: 404 }],
  'upload DELETE': [{ need: 'push', address: session, yes: 404 }],
  'referrers GET': [{ need: 'pull', address: `/v2/NAME/referrers/${unknown}`, yes: 200 }],
  'token GET': [{ need: 'a fresh sign-in', address: '/token', yes: 200 }],
  'token POST': [{ need: 'nothing', address: '/token', body: 'grant_type=x', yes: 400 }],
  'livez GET': [{ need: 'nothing', address: '/livez', yes: 200 }],
  'livez HEAD': [{ need: 'nothing', address: '/livez', yes: 200 }],
  'readyz GET': [{ need: 'nothing', address: '/readyz', yes: 200 }],
  'readyz HEAD': [{ need: 'nothing', address: '/readyz', yes: 200 }],
  'metrics GET': [{ need: 'administrator', address: '/metrics', yes: 200 }],
  'authority GET': [{ need: 'nothing', address: '/ca.crt', yes: 404 }],
  'trust-script GET': [{ need: 'nothing', address: '/ca.sh', yes: 200 }],
  'home GET': [{ need: 'nothing', address: '/', yes: 200 }],
  'home HEAD': [{ need: 'nothing', address: '/', yes: 200 }],
  'setup-page GET': [{ need: 'nothing', address: '/setup', yes: 200 }],
  'setup-page HEAD': [{ need: 'nothing', address: '/setup', yes: 200 }],
  'setup POST': [{ need: 'nothing', address: '/api/v1/setup', body: '{}', yes: 400 }],
  'asset GET': [{ need: 'nothing', address: '/assets/unknown.js', yes: 404 }],
  'asset HEAD': [{ need: 'nothing', address: '/assets/unknown.js', yes: 404 }],
  'login GET': [{ need: 'nothing', address: '/login', yes: 200, signedIn: 303 }],
  'login HEAD': [{ need: 'nothing', address: '/login', yes: 200, signedIn: 303 }],
  // What is no JSON is refused before a password would be looked at.
  'login POST': [{ need: 'nothing', address: '/login', body: 'x', fromPage: true, yes: 415 }],
  'login-code POST': [
    { need: 'nothing', address: '/login/code', body: 'x', fromPage: true, yes: 415 },
  ],
  'logout POST': [{ need: 'nothing', address: '/logout', body: '', fromPage: true, yes: 303 }],
  'provider-login GET': [{ need: 'nothing', address: '/login/oidc/none', yes: 404 }],
  'provider-answer GET': [{ need: 'nothing', address: '/login/oidc/none/callback', yes: 404 }],
  'account GET': [{ need: 'self', address: '/account', yes: 200 }],
  'account HEAD': [{ need: 'self', address: '/account', yes: 200 }],
  // For sessions of browsers alone.
  'device GET': [{ need: 'self', address: '/device', yes: 403 }],
  'device HEAD': [{ need: 'self', address: '/device', yes: 403 }],
  'device POST': [{ need: 'self', address: '/device', body: '{}', yes: 403 }],
  'device-start POST': [{ need: 'nothing', address: '/api/v1/device', body: '{}', yes: 415 }],
  'device-token POST': [{ need: 'nothing', address: '/api/v1/device/token', body: '{}', yes: 415 }],
}

/** 'ran': the handler was reached; what it then says is not the matter here. */
export type Outcome =
  | 'ran'
  | '401'
  | '401 insufficient_scope'
  | '401 invalid_token'
  | '403'
  | '404 name'
  | '303 sign in'

export function expectedOutcome(
  caller: Caller,
  { need, body }: Row,
  repository: Repository,
  everybody: Everybody,
): Outcome {
  const { holder, refused, limits, scopes } = caller
  // Bad credentials are an error wherever they are presented.
  if (refused !== undefined) return refused === 'token' ? '401 invalid_token' : '401'
  if (need === 'nothing') return 'ran'
  // A registry token makes no other.
  if (need === 'a fresh sign-in') return limits === undefined ? 'ran' : '401 invalid_token'
  if (need === 'credentials') return holder === undefined && limits === undefined ? '401' : 'ran'
  if (need === 'self') {
    if (holder !== undefined && scopes !== undefined) return '403'
    if (holder !== undefined && limits === undefined) return 'ran'
    // Whoever looks at a page is led to the sign-in.
    if (body === undefined) return '303 sign in'
    return holder === undefined ? '401' : '401 insufficient_scope'
  }
  if (need === 'administrator') {
    if (holder === undefined) return '401'
    if (!administersAll(caller) || scopes !== undefined) return '403'
    return limits === undefined ? 'ran' : '401 insufficient_scope'
  }
  if (need === 'catalog') {
    if (holder === undefined) return '401'
    return limits?.catalog === false ? '401 insufficient_scope' : 'ran'
  }
  if (!holds(caller, need, repository, everybody)) {
    if (holder === undefined) return '401'
    // That somebody may not push tells nothing of whether there is such a repository; other refusals would.
    const maySee = need === 'push' || holds(caller, 'pull', repository, everybody)
    return maySee ? '403' : '404 name'
  }
  if (!isWithinScopes(caller, need, repository.name)) return '403'
  return isWithinLimits(caller, need, repository.name) ? 'ran' : '401 insufficient_scope'
}

// What a handler says when it ran on a repository that there is not.
const saysUnknownName: ReadonlySet<string> = new Set([
  'tags GET',
  'manifest GET',
  'manifest HEAD',
  'manifest DELETE',
  'blob GET',
  'blob HEAD',
  'blob DELETE',
])

/** The outcome with the status that it must have. */
export function expectedAnswer(
  route: string,
  row: Row,
  outcome: Outcome,
  { visibility }: Repository,
  isSignedIn = false,
): { readonly outcome: Outcome; readonly status: number } {
  if (outcome !== 'ran') return { outcome, status: Number(outcome.slice(0, 3)) }
  if (isSignedIn && row.signedIn !== undefined) return { outcome, status: row.signedIn }
  if (visibility !== 'missing') return { outcome, status: row.yes }
  const status = row.missing ?? row.yes
  return { outcome: saysUnknownName.has(route) ? '404 name' : 'ran', status }
}

export function outcomeOf(answer: Answer): Outcome {
  if (answer.status === 401) {
    const challenge = answer.headers['www-authenticate']
    // The form of a token request has errors of its own.
    if (challenge === undefined) return 'ran'
    const error = /error="(\w+)"/.exec(challenge)?.[1]
    return error === undefined ? '401' : (`401 ${error}` as Outcome)
  }
  if (answer.status === 303) {
    return answer.headers['location']?.startsWith('/login?to=') === true ? '303 sign in' : 'ran'
  }
  if (answer.status === 403 && answer.text.includes('"DENIED"')) {
    // What a handler says of a person without a browser.
    return answer.text.includes('by a person') ? 'ran' : '403'
  }
  if (answer.status === 404 && answer.text.includes('"NAME_UNKNOWN"')) return '404 name'
  return 'ran'
}
