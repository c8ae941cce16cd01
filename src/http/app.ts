// From a request to a reply: parse the path, find the route, find out who asks, decide, run. Handlers never see a
// request that was not decided about.
import type { DecisionWatch } from '../access/decision-watch.ts'
import type { Permission, Refusal } from '../auth/authorize.ts'
import { decide } from '../auth/authorize.ts'
import type { Identity } from '../auth/identity.ts'
import { OciError, StorageUnavailableError } from '../oci/errors.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { findRepository } from '../metadata/repositories.ts'
import { challenge, errorOf, scopesFor } from './challenge.ts'
import { problemReply } from './api/problem-reply.ts'
import { errorReply, isOurFault } from './error-reply.ts'
import { HttpError } from './http-error.ts'
import type { Reply } from './reply.ts'
import { effectOf, type ChangeGuard } from './read-only.ts'
import type { HttpRequest } from './request.ts'
import type { Call, Method, Route, RouteTable } from './route.ts'
import { signInFirst } from './site/sign-in-first.ts'
import { isDistributionPath, parseTarget, type Target } from './target.ts'

export interface AppDeps {
  readonly metadata: MetadataStore
  readonly routes: RouteTable
  readonly authenticate: (request: HttpRequest) => Promise<Identity>
  /** The name under which tokens are asked for. */
  readonly service: string
  /** Where tokens are had, when that is elsewhere; left out: at /token. */
  readonly realm?: ((origin: string) => string) | undefined
  readonly log: AppLog
  /** The management API, which is loaded when it is first asked for. */
  readonly api: () => Promise<Api>
  /** Refuses changes while there must be none. */
  readonly guard: ChangeGuard
  /** Hears of every decision, on the hot path: what was used, and what was refused. */
  readonly watch?: DecisionWatch | undefined
}

export interface Api {
  handle(request: HttpRequest, authenticate: () => Promise<Identity>): Promise<Reply>
}

export interface AppLog {
  /** `error` is there when the answer says that we failed. */
  answered(request: HttpRequest, reply: Reply, error: unknown, requestId: string): void
}

export interface App {
  handle(request: HttpRequest, requestId: string): Promise<Reply>
}

export function createApp(deps: AppDeps): App {
  return {
    async handle(request, requestId) {
      try {
        const reply = isApiPath(request.path)
          ? await answerApi(deps, request)
          : await answer(deps, request)
        deps.log.answered(request, reply, undefined, requestId)
        return reply
      } catch (error) {
        const reply = isApiPath(request.path)
          ? problemReply(error, requestId)
          : errorReply(error, requestId)
        deps.log.answered(request, reply, isOurs(error, request) ? error : undefined, requestId)
        return withChallenge(deps, request, error, reply)
      }
    },
  }
}

/** What pages of ours ask, such as the setup of a first administrator, has a route like any other. */
function isApiPath(path: string): boolean {
  return path.startsWith('/api/') && parseTarget(path) === undefined
}

/** That a client goes away in the middle of its body is no failure; a storage that fails at that moment is. */
function isOurs(error: unknown, { body }: HttpRequest): boolean {
  const isCut = body.destroyed && !body.readableEnded
  return isCut ? error instanceof StorageUnavailableError : isOurFault(error)
}

async function answerApi(deps: AppDeps, request: HttpRequest): Promise<Reply> {
  const api = await deps.api()
  let identity: Identity | undefined
  const reply = await api.handle(request, async () => {
    identity = await deps.authenticate(request)
    return identity
  })
  return identity === undefined ? reply : warned(identity, reply)
}

async function answer(deps: AppDeps, request: HttpRequest): Promise<Reply> {
  const target = parseTarget(request.path)
  if (target === undefined) throw new HttpError(404, `There is nothing at this address.`)
  const route = routeOf(deps.routes, target, request.method)

  const identity = await deps.authenticate(request)
  const name = 'name' in target ? target.name : undefined
  const repository = name === undefined ? undefined : await findRepository(deps.metadata, name)
  const needs = route.needs(target)
  const decision = decide(identity, needs, { repository })
  const decided = { identity, wanted: needs, address: request.peer.address }
  if (!decision.allowed) {
    deps.watch?.refused(decided, decision)
    return refuse(deps, { request, target, identity, repository }, needs, decision)
  }
  deps.watch?.allowed(decided, decision)
  const effect = effectOf(target.resource, request.method)
  if (effect !== 'none') await deps.guard.require(effect, announcedBytes(request))
  return warned(identity, await route.run({ request, target, identity, repository }))
}

const warnBeforeMs = 7 * 24 * 60 * 60 * 1000

/**
 * Clients that know the header show it; the others take no harm. Spec: distribution-spec v1.1 spec.md#warnings. A login
 * lasts for hours, as whoever made it knows, and is never renewed.
 */
function warned(identity: Identity, reply: Reply): Reply {
  if (identity.kind !== 'principal') return reply
  const { name, token } = identity
  if (token?.expiresAt === undefined || token.kind === 'login') return reply
  const left = token.expiresAt - Date.now()
  if (left > warnBeforeMs) return reply
  const days = Math.floor(left / 86_400_000)
  const when = days < 1 ? 'in less than a day' : days === 1 ? 'in one day' : `in ${days} days`
  const isRobot = token.kind === 'robot'
  const command = isRobot ? `carrel robot rotate ${name}` : `carrel token rotate ${token.id}`
  const text = `299 - "Your token ends ${when}. Make a new secret with: ${command}"`
  return { ...reply, headers: { ...reply.headers, warning: text } }
}

/** What is not announced is not counted: the disk is looked at again with the next chunk. */
function announcedBytes({ headers }: HttpRequest): number {
  const bytes = Number(headers['content-length'] ?? 0)
  return Number.isSafeInteger(bytes) ? bytes : 0
}

function routeOf(table: RouteTable, target: Target, method: string): Route {
  const routes = table[target.resource] as Partial<Record<Method, Route>>
  const route = Object.hasOwn(routes, method) ? routes[method as Method] : undefined
  if (route !== undefined) return route
  const allow = Object.keys(routes).join(', ')
  throw new HttpError(405, `This address answers only to ${allow}.`, { allow })
}

function refuse(deps: AppDeps, call: Call, needs: Permission, refusal: Refusal): Reply {
  const { request } = call
  if (refusal.reason === 'forbidden') throw new OciError('DENIED', { message: refusal.message })
  if (refusal.reason === 'hidden') throw unknownName(needs)
  const page = signInFirst(call)
  if (page !== undefined) return page
  const error = errorOf(refusal, call.identity.limits !== undefined)
  const reply = errorReply(new OciError('UNAUTHORIZED', { message: refusal.message }), '')
  const header = challenge({
    realm: deps.realm?.(request.origin) ?? `${request.origin}/token`,
    service: deps.service,
    scopes: [...scopesFor(needs), ...mountScopes(call.target, request)],
    ...(error !== undefined && { error }),
  })
  return { ...reply, headers: { ...reply.headers, 'www-authenticate': header } }
}

/** Exactly what is said of a repository that does not exist. */
function unknownName({ resource }: Permission): OciError {
  return resource.type === 'repository' ? nameUnknown(resource.name) : new OciError('NAME_UNKNOWN')
}

export function nameUnknown(name: RepositoryName): OciError {
  return new OciError('NAME_UNKNOWN', {
    message: `There is no repository ${name}, or you may not see it. Check the spelling and who you are signed in as.`,
    detail: { name },
  })
}

/** A mount needs to read its source too, so the token should cover both. */
function mountScopes(target: Target, { query }: HttpRequest) {
  const from = target.resource === 'uploads' && query.has('mount') ? query.get('from') : undefined
  if (from === null || from === undefined || !/^[a-z0-9._/-]{1,255}$/.test(from)) return []
  return [{ type: 'repository', name: from, actions: ['pull'] }]
}

/** A credential that is wrong is told so with a challenge, not taken for nobody. */
function withChallenge(deps: AppDeps, request: HttpRequest, error: unknown, reply: Reply): Reply {
  if (!(error instanceof OciError) || error.code !== 'UNAUTHORIZED') return reply
  const invalid = (error.detail as { bearer?: string } | undefined)?.bearer === 'invalid_token'
  const header = challenge({
    realm: deps.realm?.(request.origin) ?? `${request.origin}/token`,
    service: deps.service,
    scopes: invalid && isDistributionPath(request.path) ? scopesOfPath(request) : [],
    ...(invalid && { error: 'invalid_token' as const }),
  })
  return { ...reply, headers: { ...reply.headers, 'www-authenticate': header } }
}

function scopesOfPath(request: HttpRequest) {
  const target = parseTarget(request.path)
  if (target === undefined || !('name' in target)) return []
  const action = request.method === 'DELETE' ? 'delete' : 'pull'
  const push = request.method !== 'GET' && request.method !== 'HEAD' && action !== 'delete'
  return scopesFor({
    action: push ? 'push' : action,
    resource: { type: 'repository', name: target.name },
  })
}
