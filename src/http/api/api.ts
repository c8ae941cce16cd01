// The management API, /api/v1: from a request to a reply. Find the operation, find out who asks, read the input, decide,
// do it. Handlers never see a request that was not decided about. Loaded when it is first asked for.
import type { Actor } from '../../access/actor.ts'
import { Refusal } from '../../access/refusal.ts'
import type { Decision, Permission } from '../../auth/authorize.ts'
import type { Identity } from '../../auth/identity.ts'
import type { Operation } from '../../contract/operation.ts'
import { operations, type OperationName, type ParsedInputOf } from '../../contract/operations.ts'
import { OciError } from '../../oci/errors.ts'
import { HttpError } from '../http-error.ts'
import { jsonReply, type Reply } from '../reply.ts'
import type { HttpRequest } from '../request.ts'
import { createChangeGuard } from '../read-only.ts'
import { effectOfOperation } from './effects.ts'
import { etagOf, expectationOf } from './etag.ts'
import { judge } from './facts.ts'
import {
  installationAdmin,
  seesAll,
  signedIn,
  type ApiDeps,
  type Handler,
  type Needs,
  type TextStream,
} from './handler.ts'
import { handlers } from './handlers.ts'
import { openApiDocument } from './openapi.ts'
import { createPathTable, matchPath } from './path-table.ts'
import { hidden, ProblemError } from './problem-error.ts'
import { problemReply } from './problem-reply.ts'
import { readInput } from './read-input.ts'

export interface Api {
  /**
   * Answers whatever the caller is to blame for with a problem.
   *
   * @throws {OciError} UNAUTHORIZED, for the one who knows challenges; whatever is our own fault. problemReply makes
   * answers of both
   */
  handle(request: HttpRequest, authenticate: () => Promise<Identity>): Promise<Reply>
}

export const documentPath = '/api/openapi.json'

const uncached = { 'cache-control': 'no-store' }

export function createApi(given: ApiDeps): Api {
  const deps = { ...given, guard: given.guard ?? createChangeGuard({ metadata: given.metadata }) }
  const table = createPathTable()
  let document: Reply | undefined

  async function answer(request: HttpRequest, authenticate: () => Promise<Identity>) {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    if (request.path === documentPath && method === 'GET') {
      document ??= jsonReply(200, openApiDocument(), { 'cache-control': 'no-cache' })
      return document
    }
    const matched = matchPath(table, request.path)
    if (matched === undefined) {
      throw new ProblemError('not-found', 'There is nothing at this address.', {
        why: `the addresses of the management API are in ${documentPath}`,
      })
    }
    const name = matched.methods.get(method)
    if (name === undefined) throw notAllowed([...matched.methods.keys()])
    const identity = await authenticate()
    return perform(deps, { name, request, identity, parameters: matched.parameters })
  }

  return {
    async handle(request, authenticate) {
      try {
        return await answer(request, authenticate)
      } catch (error) {
        if (isAnswerable(error)) return problemReply(error, '')
        throw error
      }
    },
  }
}

function notAllowed(methods: readonly string[]): ProblemError {
  const allow = methods.join(', ')
  return new ProblemError('method-not-allowed', `This address answers only to ${allow}.`, {
    headers: { allow },
  })
}

function isAnswerable(error: unknown): boolean {
  if (error instanceof OciError) return error.code !== 'UNAUTHORIZED'
  return error instanceof ProblemError || error instanceof Refusal || error instanceof HttpError
}

interface Asked<N extends OperationName> {
  readonly name: N
  readonly request: HttpRequest
  readonly identity: Identity
  readonly parameters: Readonly<Record<string, string>>
}

async function perform<N extends OperationName>(
  deps: ApiDeps & Required<Pick<ApiDeps, 'guard'>>,
  { name, request, identity, parameters }: Asked<N>,
): Promise<Reply> {
  const operation: Operation = operations[name]
  const handler: Handler<N> = handlers[name]
  // Strangers are told to sign in before anything of theirs is read. Registry tokens are not for this API.
  await demand(deps, { request, identity }, signedIn())
  const expect = expectationFor(operation, request)
  const input = (await readInput(operation, parameters, request)) as ParsedInputOf<N>
  const needs = await needsOf(deps, handler, input, identity)
  // Whoever sees everything hears from the handler what there is none of.
  if (needs === undefined && !seesAll(identity)) throw hidden()
  await demand(deps, { request, identity }, needs ?? installationAdmin())
  await deps.guard.require(effectOfOperation(name, operation.method))
  const actor = actorOf(identity, request)
  const output = await handler.run({ deps, identity, actor, input, expect })
  if (operation.method === 'GET' && isObject(output)) expect?.(output)
  return replyOf(operation, output)
}

async function needsOf<N extends OperationName>(
  { metadata }: ApiDeps,
  handler: Handler<N>,
  input: ParsedInputOf<N>,
  identity: Identity,
): Promise<Needs | undefined> {
  if ('needs' in handler) return handler.needs(input, identity)
  return metadata.read(async (reader) => handler.locate(reader, input, identity))
}

/** Tags are honoured where there are any, and nowhere ignored: a change would happen that was not meant to. */
function expectationFor({ versioned }: Operation, { headers }: HttpRequest) {
  const expect = expectationOf(headers['if-match'])
  if (expect === undefined || versioned === true) return expect
  throw new ProblemError('bad-request', 'What is asked here has no entity tag: leave If-Match out.')
}

/** @throws {OciError} UNAUTHORIZED; {ProblemError} denied, not-found */
async function demand(
  { metadata, watch }: ApiDeps,
  { request, identity }: Pick<Asked<OperationName>, 'request' | 'identity'>,
  needs: Needs,
): Promise<void> {
  const { wanted, decision } = await judge(metadata, identity, needs)
  const decided = { identity, wanted, address: request.peer.address }
  if (decision.allowed) {
    watch?.allowed(decided, decision)
    return
  }
  watch?.refused(decided, decision)
  throw refusalOf(wanted, decision)
}

function refusalOf(
  { resource }: Permission,
  { reason, message }: Extract<Decision, { readonly allowed: false }>,
): Error {
  switch (reason) {
    case 'unauthenticated':
    case 'insufficient-scope':
      return new OciError('UNAUTHORIZED', { message: signInMessage(resource, reason) ?? message })
    case 'forbidden':
      return new ProblemError('denied', message)
    case 'hidden':
      return hidden()
  }
}

/** Those of auth/ are for docker, which has other ways to sign in. */
function signInMessage({ type }: Permission['resource'], reason: string): string | undefined {
  if (type !== 'signed-in') return undefined
  return reason === 'insufficient-scope'
    ? 'A token for docker is not taken here. Use a password, or a token made with: carrel token create'
    : 'Sign in first: send a token (carrel token create) as Authorization: Bearer, or a name and its password.'
}

function actorOf(identity: Identity, { peer }: HttpRequest): Actor {
  if (identity.kind !== 'principal') return { id: undefined, name: identity.kind }
  return { id: identity.id, name: identity.name, address: peer.address }
}

function replyOf({ status, versioned, streamed }: Operation, output: unknown): Reply {
  if (streamed !== undefined) return textReply(status, output as TextStream)
  if (output === undefined) return { status, headers: { ...uncached, 'content-length': 0 } }
  const tag = versioned === true && isObject(output) ? { etag: etagOf(output) } : {}
  return jsonReply(status, output, { ...uncached, ...tag })
}

function textReply(status: number, { mediaType, pieces }: TextStream): Reply {
  return {
    status,
    headers: { ...uncached, 'content-type': mediaType },
    async body(write) {
      for await (const piece of pieces) await write(Buffer.from(piece))
    },
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
