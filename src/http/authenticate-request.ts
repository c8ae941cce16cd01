// Who asks: by the Authorization header, as all clients of the registry do; without one, by the session of a browser,
// but only at the management API and on the pages. The registry itself never looks at a cookie.
import { useSession } from '../access/sessions.ts'
import type { Authenticator } from '../auth/authenticate.ts'
import type { Identity } from '../auth/identity.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { HttpRequest } from './request.ts'
import { requireSameOrigin } from './same-origin.ts'
import { readCookie } from './session-cookie.ts'

export interface AuthenticateRequestDeps {
  readonly authenticator: Pick<Authenticator, 'authenticate' | 'identify'>
  readonly metadata: MetadataStore
}

/** Pages that say who is signed in, and what they send. */
const pages: ReadonlySet<string> = new Set(['/', '/login', '/account', '/device'])

export function createAuthenticateRequest(
  deps: AuthenticateRequestDeps,
): (request: HttpRequest) => Promise<Identity> {
  const { authenticator } = deps
  return async (request) => {
    const { headers, path, peer } = request
    const takesCookie = headers.authorization === undefined && mayTakeCookie(path)
    const secret = takesCookie ? readCookie(request, 'session') : undefined
    if (secret === undefined) return authenticator.authenticate(headers.authorization, peer)
    // Asked before the session is looked for, so that the answer tells nothing of it.
    if (request.method !== 'GET' && request.method !== 'HEAD') requireSameOrigin(request)
    return (await bySession(deps, secret, request)) ?? authenticator.authenticate(undefined, peer)
  }
}

function mayTakeCookie(path: string): boolean {
  return path.startsWith('/api/') || pages.has(path)
}

async function bySession(
  { authenticator, metadata }: AuthenticateRequestDeps,
  secret: string,
  { peer }: HttpRequest,
): Promise<Identity | undefined> {
  const session = await useSession({ metadata }, secret, { address: peer.address })
  const identity = session && (await authenticator.identify(session.principalId))
  if (session === undefined || identity?.kind !== 'principal') return undefined
  return { ...identity, session: session.id }
}
