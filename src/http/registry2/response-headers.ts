// http.headers of registry:2: sent with every answer, and what makes a web page of another origin, such as a registry's
// user interface, able to ask the distribution API.
import type { App } from '../app.ts'
import type { Reply } from '../reply.ts'
import { isDistributionPath } from '../target.ts'

export interface ExtraHeaders {
  /** What an answer under this path gets, before its own headers. */
  of(path: string): readonly (readonly [string, readonly string[]])[]
}

/** The names that let another origin in: only where registry:2 had them, never over sessions and pages of our own. */
const crossOrigin = /^access-control-/

export function createExtraHeaders(
  headers: Readonly<Record<string, readonly string[]>>,
): ExtraHeaders | undefined {
  const all = Object.entries(headers)
  if (all.length === 0) return undefined
  const elsewhere = all.filter(([name]) => !crossOrigin.test(name))
  return { of: (path) => (isForOthers(path) ? all : elsewhere) }
}

/** With a token from /token it goes on, as with a token service of registry:2. */
function isForOthers(path: string): boolean {
  return isDistributionPath(path) || path === '/token'
}

const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/**
 * Answers OPTIONS as registry:2 did, with 200 and the methods, and without a login: a browser never sends one with this
 * question, and gives up at any other status. It tells nothing of what is there.
 */
export function withPreflight(app: App): App {
  const reply: Reply = { status: 200, headers: { allow: methods, 'content-length': 0 } }
  return {
    async handle(request, requestId) {
      const isPreflight = request.method === 'OPTIONS' && isForOthers(request.path)
      return isPreflight ? reply : app.handle(request, requestId)
    },
  }
}
