// Where a redirect leads, and what goes along. Credentials stay with the origin they were meant for.
import type { Answer, Call } from './exchange.ts'
import { OutboundError } from './outbound-error.ts'
import { parseUrl, shown } from './target.ts'
import type { Target } from './target.ts'

export interface Redirected {
  readonly url: URL
  readonly call: Call
}

/** All else may be a credential, under whatever name. */
const harmlessHeaders: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'user-agent',
])

const maxShownPath = 200

/** @throws {OutboundError} bad-url; redirect, when a body would go to another origin */
export function followRedirect(target: Target, call: Call, answer: Answer): Redirected {
  const from = target.url
  const url = parseUrl(placeOf(target, answer)?.href ?? '')
  const isSameOrigin = url.origin === from.origin
  const dropsBody = becomesGet(call.method, answer.status)
  if (call.body !== undefined && !dropsBody && !isSameOrigin) {
    throw redirect(target, url, 'what was sent is meant for the first alone')
  }
  const kept = isSameOrigin ? isKept(dropsBody) : (name: string) => harmlessHeaders.has(name)
  const headers = Object.fromEntries(Object.entries(call.headers).filter(([name]) => kept(name)))
  if (!dropsBody) return { url, call: { ...call, headers } }
  return { url, call: { method: 'GET', headers, body: undefined } }
}

/** The redirect that is one too many. */
export function redirectRefused(target: Target, answer: Answer, followed: number): OutboundError {
  const why = followed === 0 ? 'redirects are not followed here' : `that is more than ${followed}`
  return redirect(target, placeOf(target, answer), why)
}

function placeOf(target: Target, answer: Answer): URL | undefined {
  return URL.parse(answer.location ?? '', target.url.href) ?? undefined
}

/** Fetch standard, HTTP-redirect fetch, step 12. */
function becomesGet(method: string, status: number): boolean {
  if (status === 303) return method !== 'GET' && method !== 'HEAD'
  return (status === 301 || status === 302) && method === 'POST'
}

function isKept(dropsBody: boolean): (name: string) => boolean {
  return (name) => !dropsBody || !name.startsWith('content-')
}

// The place is told without its query, where tokens are.
function redirect({ url }: Target, to: URL | undefined, why: string): OutboundError {
  const path = to?.pathname.slice(0, maxShownPath)
  const place = to === undefined ? 'what is not a URL' : `${shown(to)}${path}`
  return new OutboundError('redirect', {
    what: `${shown(url)} answered with a redirect to ${place}`,
    why,
    fix: 'If that place is right, give its URL instead.',
  })
}
