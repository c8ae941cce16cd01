// /login and /logout: with name and password, then with a code where the account has a second factor. Whoever signs in
// gets a new session, never one that they came with. Wrong passwords, unknown users and disabled ones look and take the
// same (auth/check-password.ts).
import {
  codeStepMs,
  endLoginStep,
  findCodeStep,
  passwordMark,
  startLoginStep,
  type CodeStep,
} from '../../access/login-steps.ts'
import type { SecondFactorGate } from '../../access/second-factor-gate.ts'
import { endSession, longestSessionMs, startSession, useSession } from '../../access/sessions.ts'
import type { Authenticator } from '../../auth/authenticate.ts'
import type { LoginGate } from '../../auth/check-password.ts'
import { wrongCredentials } from '../../auth/sign-in.ts'
import type { AuditEntry } from '../../metadata/audit.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { findPrincipalById, type PrincipalRow } from '../../metadata/principals.ts'
import type { LoginEvent } from '../events.ts'
import { HttpError } from '../http-error.ts'
import { jsonReply, type Reply } from '../reply.ts'
import type { HttpRequest } from '../request.ts'
import { nothing, type Call, type Routes } from '../route.ts'
import { requireSameOrigin } from '../same-origin.ts'
import { cookieHeader, endedCookieHeader, readCookie } from '../session-cookie.ts'
import { contextOf, pageReply, seeOther, type PageDeps } from './page-reply.ts'
import { signInPage, type ProviderLink } from './page-sign-in.ts'
import { readTexts } from './read-json.ts'
import { safePath } from './safe-path.ts'

export interface SessionDeps {
  readonly metadata: MetadataStore
  readonly loggedIn: (event: LoginEvent) => void
  /** Collected, and written a little later. */
  readonly audit: (entry: AuditEntry) => void
}

export interface SignInDeps extends SessionDeps, PageDeps {
  readonly authenticator: Pick<Authenticator, 'checkPassword' | 'identify'>
  readonly gate: Pick<LoginGate, 'completed'>
  readonly secondFactors: SecondFactorGate
  /** The buttons below the form. */
  readonly providers: readonly ProviderLink[]
}

const uncached = { 'cache-control': 'no-store' }
export const afterSignIn = '/account'

export function loginRoutes(deps: SignInDeps): Routes<'login'> {
  const show = async (call: Call) => showSignIn(deps, call)
  return {
    GET: { needs: nothing, run: show },
    HEAD: { needs: nothing, run: show },
    POST: { needs: nothing, run: async (call) => takePassword(deps, call) },
  }
}

export function loginCodeRoutes(deps: SignInDeps): Routes<'login-code'> {
  return { POST: { needs: nothing, run: async ({ request }) => takeCode(deps, request) } }
}

export function logoutRoutes(deps: SessionDeps): Routes<'logout'> {
  return {
    POST: {
      needs: nothing,
      async run({ request }) {
        requireSameOrigin(request)
        await endSessionOf(deps, request)
        const headers = { 'set-cookie': endedCookieHeader(request, 'session') }
        // Programs are not led to a page.
        if (request.headers.accept === 'application/json') return jsonReply(200, {}, headers)
        return seeOther('/login', headers)
      },
    },
  }
}

async function showSignIn(deps: SignInDeps, call: Call): Promise<Reply> {
  const to = safePath(call.request.query.get('to')) ?? afterSignIn
  const context = contextOf(deps, call)
  if (context.signedIn !== undefined) return seeOther(to)
  return pageReply(signInPage({ ...context, to, providers: deps.providers }))
}

/** @throws {OciError} UNAUTHORIZED, TOOMANYREQUESTS; {HttpError} */
async function takePassword(deps: SignInDeps, { request, identity }: Call): Promise<Reply> {
  requireSameOrigin(request)
  if (identity.kind === 'open') throw new HttpError(403, 'There is no login here.')
  const { user, password } = await readTexts(request, ['user', 'password'])
  const found = await deps.authenticator.checkPassword({ user, password }, request.peer)
  if (found.kind !== 'principal') throw wrongCredentials()
  const principal = await findPrincipalById(deps.metadata, found.id)
  if (principal === undefined) throw wrongCredentials()
  if (!principal.secondFactor) return welcome(deps, request, principal, 'password')
  const mark = passwordMark(principal)
  const step: CodeStep = { waitsFor: 'code', principalId: principal.id, user, mark }
  const value = await startLoginStep(deps.metadata, step, request.peer)
  const cookie = cookieHeader(request, 'login', { value, lastsMs: codeStepMs })
  return jsonReply(200, { next: 'code' }, { ...uncached, 'set-cookie': cookie })
}

/** @throws {OciError} TOOMANYREQUESTS; {HttpError} */
async function takeCode(deps: SignInDeps, request: HttpRequest): Promise<Reply> {
  requireSameOrigin(request)
  const { code } = await readTexts(request, ['code'])
  const secret = readCookie(request, 'login')
  const step = await findCodeStep(deps.metadata, secret)
  const principal = step && (await principalOf(deps, step))
  if (step === undefined || principal === undefined) return tooLate()
  const factor = await deps.secondFactors.check(principal, code, request.peer)
  if (factor === undefined) {
    const message =
      'The code is wrong. It was mistyped or used before, or the clocks of both devices differ by more than half a minute.'
    return jsonReply(401, { next: 'code', message }, uncached)
  }
  if (!(await endLoginStep(deps.metadata, secret))) return tooLate()
  await deps.gate.completed(step.user, request.peer, principal)
  return welcome(
    deps,
    request,
    principal,
    `password and ${factor === 'totp' ? 'code' : 'recovery code'}`,
  )
}

/** Whoever was disabled, or got another password meanwhile, begins again. */
async function principalOf(
  { metadata, authenticator }: SignInDeps,
  { principalId, mark }: CodeStep,
): Promise<PrincipalRow | undefined> {
  const principal = await findPrincipalById(metadata, principalId)
  if (principal === undefined || principal.disabled || passwordMark(principal) !== mark) {
    return undefined
  }
  return (await authenticator.identify(principalId)) === undefined ? undefined : principal
}

function tooLate(): Reply {
  const message = 'That took too long, or another sign-in was begun in this browser. Begin again.'
  return jsonReply(410, { next: 'password', message }, uncached)
}

async function welcome(
  deps: SessionDeps,
  request: HttpRequest,
  principal: PrincipalRow,
  by: string,
): Promise<Reply> {
  const cookie = await beginSession(deps, request, principal, by)
  return jsonReply(200, { next: 'done' }, { ...uncached, 'set-cookie': cookie })
}

/** Returns the cookie to set. `by` is for the audit log: what was shown. */
export async function beginSession(
  deps: SessionDeps,
  request: HttpRequest,
  { id, name }: Pick<PrincipalRow, 'id' | 'name'>,
  by: string,
): Promise<string> {
  const { peer, headers } = request
  const { address } = peer
  await endSessionOf(deps, request)
  const { secret } = await startSession(
    deps,
    { id, name, address },
    { userAgent: headers['user-agent'] },
  )
  deps.loggedIn({ kind: 'login', name, address })
  const actor = { id, name }
  deps.audit({ event: 'login.succeeded', actor, subject: name, address, detail: { with: by } })
  return cookieHeader(request, 'session', { value: secret, lastsMs: longestSessionMs })
}

/** That which the browser came with, if any. */
async function endSessionOf({ metadata }: SessionDeps, request: HttpRequest): Promise<void> {
  const secret = readCookie(request, 'session')
  if (secret === undefined) return
  const { address } = request.peer
  const session = await useSession({ metadata }, secret, { address })
  const principal = session && (await findPrincipalById(metadata, session.principalId))
  if (session === undefined || principal === undefined) return
  const actor = { id: principal.id, name: principal.name, address }
  await endSession({ metadata }, actor, { id: session.id }).catch((error: unknown) => {
    // Another request was faster.
    if (!isGone(error)) throw error
  })
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind === 'not-found'
}
