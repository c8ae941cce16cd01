// /login/oidc/NAME: sign-in through an OpenID Connect provider. What was asked of it stays at the server until the
// browser that asked comes back, and counts once. Whoever is disabled here stays so, whatever the provider says.
import { admitExternal } from '../../access/external-login.ts'
import { providerStepMs, startLoginStep, takeProviderStep } from '../../access/login-steps.ts'
import { Refusal } from '../../access/refusal.ts'
import { createRequestLimit } from '../../access/request-limit.ts'
import type { PrincipalRow } from '../../metadata/principals.ts'
import { OciError } from '../../oci/errors.ts'
import type { OidcProvider } from '../../sign-on/oidc.ts'
import { SignOnError, SignOnUnavailableError } from '../../sign-on/providers-outcome.ts'
import { HttpError } from '../http-error.ts'
import type { Reply } from '../reply.ts'
import { nothing, type Call, type Routes, type TargetOf } from '../route.ts'
import { cookieHeader, readCookie } from '../session-cookie.ts'
import { problemPage } from './page-problem.ts'
import { contextOf, pageReply, seeOther, type PageDeps } from './page-reply.ts'
import { safePath } from './safe-path.ts'
import { afterSignIn, beginSession, type SessionDeps } from './sign-in.ts'

export interface OidcLogin {
  readonly name: string
  readonly title: string
  /** Whether being an administrator is decided by the provider's groups. */
  readonly decidesAdmin: boolean
  /** Loaded when it is first asked. */
  readonly provider: () => Promise<Pick<OidcProvider, 'begin' | 'finish'>>
}

export interface OidcDeps extends SessionDeps, PageDeps {
  readonly oidc: readonly OidcLogin[]
  readonly forgetPrincipal: (id: number) => void
}

const limit = { what: 'sign-ins', most: 120, windowMs: 10 * 60_000 }

export function providerLoginRoutes(deps: OidcDeps): Routes<'provider-login'> {
  const begins = createRequestLimit(deps.metadata, limit)
  return {
    GET: {
      needs: nothing,
      run: async (call) => {
        const login = requireLogin(deps, call)
        return explained(deps, call, async () => {
          await begins.take(call.request.peer.address)
          return begin(deps, call, login)
        })
      },
    },
  }
}

export function providerAnswerRoutes(deps: OidcDeps): Routes<'provider-answer'> {
  return {
    GET: {
      needs: nothing,
      run: async (call) => {
        const login = requireLogin(deps, call)
        return explained(deps, call, async () => finish(deps, call, login))
      },
    },
  }
}

type ProviderCall = Call<TargetOf<'provider-login'> | TargetOf<'provider-answer'>>

/** @throws {HttpError} 404 */
function requireLogin({ oidc }: OidcDeps, { target, identity }: ProviderCall): OidcLogin {
  const login = oidc.find(({ name }) => name === target.provider)
  if (login !== undefined && identity.kind !== 'open') return login
  throw new HttpError(404, 'There is no such sign-in provider here.')
}

async function begin(
  { metadata }: OidcDeps,
  { request }: ProviderCall,
  { name, provider }: OidcLogin,
): Promise<Reply> {
  const to = safePath(request.query.get('to')) ?? afterSignIn
  const redirectUri = `${request.origin}/login/oidc/${name}/callback`
  const { url, check } = await (await provider()).begin({ redirectUri })
  const value = await startLoginStep(metadata, { waitsFor: 'provider', check, to }, request.peer)
  const cookie = cookieHeader(request, 'login', { value, lastsMs: providerStepMs })
  return seeOther(url.href, { 'set-cookie': cookie })
}

/** @throws {SignOnError} @throws {SignOnUnavailableError} @throws {Refusal} */
async function finish(
  deps: OidcDeps,
  { request }: ProviderCall,
  { name, provider, decidesAdmin }: OidcLogin,
): Promise<Reply> {
  const step = await takeProviderStep(deps.metadata, readCookie(request, 'login'))
  if (step === undefined) {
    throw new SignOnError(
      'mismatch',
      'This sign-in was not begun in this browser, was finished before, or took longer than 10 minutes.',
    )
  }
  const current = new URL(`${request.origin}${request.path}`)
  current.search = request.query.toString()
  const identity = await (await provider()).finish(current, step.check)
  const principal = await admitExternal(deps.metadata, { identity, decidesAdmin })
  // Groups, and what follows from them, may be others now.
  deps.forgetPrincipal(principal.id)
  requireActive(deps, principal, request.peer.address)
  const cookie = await beginSession(deps, request, principal, `oidc:${name}`)
  return seeOther(step.to, { 'set-cookie': cookie })
}

/** The provider vouches for who it is, so the reason may be told. @throws {SignOnError} denied */
function requireActive({ audit }: OidcDeps, principal: PrincipalRow, address: string): void {
  const { id, name, disabled, expiresAt = Infinity } = principal
  if (!disabled && expiresAt > Date.now()) return
  audit({ event: 'login.failed', actor: { id, name }, subject: name, address })
  const why = disabled ? 'is disabled here' : 'has come to its end here'
  throw new SignOnError('denied', `The account ${name} ${why}. Ask an administrator.`)
}

/** In the words of a page, as somebody looks at it. */
async function explained(
  deps: OidcDeps,
  call: ProviderCall,
  work: () => Promise<Reply>,
): Promise<Reply> {
  try {
    return await work()
  } catch (error) {
    const refused = refusalOf(error)
    if (refused === undefined) throw error
    deps.audit({
      event: 'login.failed',
      actor: { name: 'unknown account' },
      subject: 'unknown account',
      address: call.request.peer.address,
      detail: { provider: call.target.provider, why: refused.why },
    })
    const context = contextOf(deps, call)
    const page = { ...context, title: 'You are not signed in', why: refused.why, again: '/login' }
    return pageReply(problemPage(page), refused.status)
  }
}

function refusalOf(error: unknown): { readonly status: number; readonly why: string } | undefined {
  if (error instanceof SignOnError) return { status: 403, why: error.message }
  if (error instanceof SignOnUnavailableError) return { status: 503, why: error.message }
  if (error instanceof OciError && error.code === 'TOOMANYREQUESTS') {
    return { status: 429, why: error.message }
  }
  if (!(error instanceof Refusal)) return undefined
  const { message, why, fix } = error
  const sentences = [message, why, fix].filter((part) => part !== undefined)
  return { status: 403, why: sentences.map((part) => `${upper(part)}.`).join(' ') }
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
