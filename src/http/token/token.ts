// The token service: GET in the form docker uses, POST in the OAuth2 form that containerd, BuildKit and helm try first.
// Spec: distribution spec/auth/token.md and oauth.md. A partial or empty grant is no error; a wrong password is.
import type { Authenticator } from '../../auth/authenticate.ts'
import type { TokenIssuer } from '../../auth/bearer.ts'
import { grantScopes } from '../../auth/grant-scopes.ts'
import type { Identity } from '../../auth/identity.ts'
import type { AuditEntry } from '../../metadata/audit.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { findRepository } from '../../metadata/repositories.ts'
import { OciError } from '../../oci/errors.ts'
import { formatScopes, parseScopes, ScopeSyntaxError } from '../../oci/scope.ts'
import { readAll } from '../../streams/read-all.ts'
import type { LoginEvent } from '../events.ts'
import { HttpError } from '../http-error.ts'
import { jsonReply, type Reply } from '../reply.ts'
import type { HttpRequest } from '../request.ts'
import { nothing, type Call, type Routes } from '../route.ts'

export interface TokenDeps {
  readonly metadata: MetadataStore
  readonly authenticator: Authenticator
  readonly issuer: TokenIssuer
  readonly loggedIn: (event: LoginEvent) => void
  /** Collected, and written a little later. */
  readonly audit: (entry: AuditEntry) => void
}

const maxFormBytes = 64 * 1024
const uncached = { 'cache-control': 'no-store' }

export function tokenRoutes(deps: TokenDeps): Routes<'token'> {
  return {
    GET: { needs: nothing, run: async (call) => get(deps, call) },
    POST: { needs: nothing, run: async (call) => post(deps, call) },
  }
}

async function get(deps: TokenDeps, { request, identity }: Call): Promise<Reply> {
  // A registry token that makes others would never end.
  if (identity.limits !== undefined) throw notRenewed()
  welcome(deps, identity, request)
  const { token, expiresInSeconds } = await issue(deps, identity, request.query.getAll('scope'))
  // No issued_at: docker compares it with its own clock.
  const body = { token, access_token: token, expires_in: expiresInSeconds }
  return jsonReply(200, body, uncached)
}

async function post(deps: TokenDeps, { request }: Call): Promise<Reply> {
  const bytes = await readAll(request.body, maxFormBytes)
  if (bytes === undefined) throw new HttpError(413, 'The form is larger than 64 KiB.')
  const form = new URLSearchParams(bytes.toString('utf8'))
  if (form.get('grant_type') !== 'password') {
    return oauthError('unsupported_grant_type', 'Only grant_type=password is served here.')
  }
  const credentials = `${form.get('username') ?? ''}:${form.get('password') ?? ''}`
  const basic = `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`
  const { peer } = request
  const identity = await deps.authenticator.authenticate(basic, peer).catch((error: unknown) => {
    if (error instanceof OciError && error.code === 'UNAUTHORIZED') return error
    throw error
  })
  if (identity instanceof OciError) return oauthError('invalid_grant', identity.message)
  welcome(deps, identity, request)
  const scopes = form.getAll('scope')
  const { token, expiresInSeconds, granted } = await issue(deps, identity, scopes)
  return jsonReply(
    200,
    { access_token: token, token, expires_in: expiresInSeconds, scope: granted },
    uncached,
  )
}

function notRenewed(): OciError {
  return new OciError('UNAUTHORIZED', {
    message:
      'A registry token cannot be exchanged for another. Sign in with a password or a token of yours.',
    detail: { bearer: 'invalid_token' },
  })
}

function welcome(deps: TokenDeps, identity: Identity, { peer }: HttpRequest): void {
  if (identity.kind !== 'principal') return
  deps.loggedIn({ kind: 'login', name: identity.name, address: peer.address })
  // Of a CI job, the trust rule has told when it first saw the token.
  if (identity.principalKind === 'federated') return
  deps.audit({
    event: 'login.succeeded',
    actor: { id: identity.id, name: identity.name },
    subject: identity.name,
    address: peer.address,
    detail: { with: identity.token === undefined ? 'password' : `token ${identity.token.id}` },
  })
}

async function issue(deps: TokenDeps, identity: Identity, scopes: readonly string[]) {
  const wanted = parse(scopes)
  const directory = { findRepository: async (name: never) => findRepository(deps.metadata, name) }
  const access = await grantScopes(directory, identity, wanted)
  return { ...(await deps.issuer.issue(identity, access)), granted: formatScopes(access) }
}

function parse(scopes: readonly string[]) {
  try {
    return parseScopes(scopes)
  } catch (error) {
    if (error instanceof ScopeSyntaxError) throw new HttpError(400, error.message)
    throw error
  }
}

function oauthError(error: string, description: string): Reply {
  const status = error === 'invalid_grant' ? 401 : 400
  return jsonReply(status, { error, error_description: description }, uncached)
}
