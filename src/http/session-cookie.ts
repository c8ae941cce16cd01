// The cookies of the pages: that of the session, and that of a sign-in with more than one step. With the prefix
// `__Host-` a browser takes them only from this very host over TLS, so that nobody else can plant one. Without TLS,
// which is for the machine itself, there is no such prefix.
import type { HttpRequest } from './request.ts'

const names = { session: 'carrel', login: 'carrel-login' } as const

export type CookieKind = keyof typeof names

type Asked = Pick<HttpRequest, 'headers' | 'peer' | 'origin'>

const longestHeader = 8 * 1024

/** What the browser sent; of several with one name the first, which is the one with the narrowest path. */
export function readCookie(request: Asked, kind: CookieKind): string | undefined {
  const { cookie } = request.headers
  if (cookie === undefined || cookie.length > longestHeader) return undefined
  const wanted = `${nameOf(request, kind)}=`
  for (const part of cookie.split(';')) {
    const pair = part.trimStart()
    if (pair.startsWith(wanted)) return pair.slice(wanted.length).trimEnd()
  }
  return undefined
}

/** The value of Set-Cookie. No script can read it, and no request of another site but a link brings it. */
export function cookieHeader(
  request: Asked,
  kind: CookieKind,
  { value, lastsMs }: { readonly value: string; readonly lastsMs: number },
): string {
  const secure = isSecure(request) ? '; Secure' : ''
  const seconds = Math.floor(lastsMs / 1000)
  return `${nameOf(request, kind)}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`
}

export function endedCookieHeader(request: Asked, kind: CookieKind): string {
  return cookieHeader(request, kind, { value: '', lastsMs: 0 })
}

function nameOf(request: Asked, kind: CookieKind): string {
  return isSecure(request) ? `__Host-${names[kind]}` : names[kind]
}

/** Behind a proxy that ends TLS and is not declared, the public address alone tells. */
function isSecure({ peer, origin }: Asked): boolean {
  return peer.secure || origin.startsWith('https:')
}
