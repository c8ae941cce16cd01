// How pages are answered: the strictest headers, kept nowhere; and what all of them are told of their reader.
import type { Reply } from '../reply.ts'
import type { Call } from '../route.ts'
import type { PageContext } from './page-frame.ts'
import type { TrustDeps } from './trust.ts'

export type PageDeps = Pick<TrustDeps, 'authorityPem'>

export function contextOf({ authorityPem }: PageDeps, { request, identity }: Call): PageContext {
  // A proxy that says so ends TLS itself, with a certificate that is not ours.
  const proxied = request.headers['x-forwarded-proto'] !== undefined
  const { host, protocol } = new URL(request.origin)
  return {
    host,
    secure: protocol === 'https:',
    open: identity.kind === 'open',
    ownAuthority: !proxied && authorityPem() !== undefined,
    ...(identity.kind === 'principal' && { signedIn: identity.name }),
  }
}

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const strictHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

export function pageReply(text: string, status = 200): Reply {
  const headers = {
    ...strictHeaders,
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  }
  return { status, headers, body: text }
}

/** To be fetched with GET, whatever the method was. */
export function seeOther(location: string, headers: Reply['headers'] = {}): Reply {
  const own = { location, 'content-length': 0, 'cache-control': 'no-store' }
  return { status: 303, headers: { ...strictHeaders, ...headers, ...own } }
}
