// Plain HTTP is answered to this machine and to declared proxies; everybody else is told to come back with TLS, loudly:
// a redirect would hide that a credential has just crossed the network in the clear.
import type { IncomingMessage } from 'node:http'
import { HttpError } from './http-error.ts'
import type { Provenance } from './origin.ts'
import type { Reply } from './reply.ts'

/** What anybody may fetch in the clear. */
const publicPaths = new Set(['/ca.crt', '/ca.sh', '/livez', '/readyz'])

/** undefined: the request may go on. @throws {HttpError} 403 */
export function plainHttpReply(
  request: IncomingMessage,
  { peer, origin, proxied }: Provenance,
  path: string,
): Reply | undefined {
  if (peer.secure || proxied || peer.loopback || publicPaths.has(path)) return undefined
  const isBrowser =
    request.method === 'GET' &&
    !path.startsWith('/v2') &&
    !path.startsWith('/api/') &&
    request.headers.accept?.includes('text/html') === true
  if (isBrowser) {
    // As it was written: decoded, it could hold what no header may.
    const location = `${origin.replace(/^http:/, 'https:')}${request.url ?? '/'}`
    return { status: 307, headers: { location, 'content-length': 0 } }
  }
  throw new HttpError(
    403,
    'This registry answers other machines over HTTPS only, on the same port. Use https:// (docker does so by ' +
      'itself unless the registry is listed as insecure); how to trust its certificate: fetch /ca.sh from here.',
  )
}

const signsOfProxies = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'forwarded',
  'via',
]

/** Open mode has no logins, so it answers this machine alone, and nothing that only passes through it. */
export function requireLocal(request: IncomingMessage, { peer }: Provenance): void {
  const { headers } = request
  const forwarded = signsOfProxies.some((name) => headers[name] !== undefined)
  // A web page of a foreign name that resolves to this machine (DNS rebinding) has that name as Host.
  const named = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(headers.host ?? '')
  if (peer.loopback && !forwarded && named) return
  throw new HttpError(
    403,
    'This registry is open, without any login, and therefore answers only programs on its own machine, under the ' +
      'names localhost and 127.0.0.1. Start it without --open to let others in.',
  )
}
