// The real application for one test, over SQLite in a temporary folder and storage in memory: requests go in and
// answers come out as values, without a socket.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import {
  createAuthenticator,
  type Authenticator,
  type AuthenticatorDeps,
} from '../../auth/authenticate.ts'
import type { DecisionWatch } from '../../access/decision-watch.ts'
import { createLoginGate } from '../../access/login-gate.ts'
import { createSecondFactorGate } from '../../access/second-factor-gate.ts'
import { createUseLeases, type UseDelays } from '../../collection/lease-of-use.ts'
import { createTokenIssuer, generateSigningKey, type TokenIssuer } from '../../auth/bearer.ts'
import type { Identity } from '../../auth/identity.ts'
import { createPasswordPool } from '../../auth/password-pool.ts'
import { createPrincipalDirectory } from '../../installation/principal-directory.ts'
import { openSqlite } from '../../metadata/dialects/sqlite.ts'
import type { AuditEntry } from '../../metadata/audit.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { createUploadTickets, type UploadTickets } from '../../registry/upload-ticket.ts'
import { createBlobStore } from '../../storage/blob-store.ts'
import type { FreeSpace } from '../../registry/free-space.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import { createMemoryDriver } from '../../storage/drivers/memory/memory-driver.ts'
import { createApi } from '../api/api.ts'
import type { ApiDeps } from '../api/handler.ts'
import { createApp, type App } from '../app.ts'
import { createAuthenticateRequest } from '../authenticate-request.ts'
import type { DoorEvent } from '../events.ts'
import { createChangeGuard } from '../read-only.ts'
import type { Reply } from '../reply.ts'
import type { HttpRequest, Peer } from '../request.ts'
import { createRoutes } from '../routes.ts'
import type { RouteTable } from '../route.ts'
import type { OidcLogin } from '../site/oidc-routes.ts'
import { makeUsers, users, type UserName } from './users.ts'

export interface TestApp {
  readonly app: App
  readonly routes: RouteTable
  readonly metadata: MetadataStore
  readonly driver: StorageDriver
  readonly issuer: TokenIssuer
  readonly authenticator: Authenticator
  readonly tickets: UploadTickets
  /** Ids of the users by name. */
  readonly ids: Readonly<Record<UserName, number>>
  readonly events: DoorEvent[]
  /** What is collected for the audit log. */
  readonly audited: AuditEntry[]
  /** What was logged as our fault. */
  readonly faults: unknown[]
  /** What /readyz must take for the truth. */
  readonly state: { draining: boolean }
}

export interface TestAppOptions {
  /** Nobody signs in. */
  readonly open?: boolean
  readonly driver?: (driver: StorageDriver) => StorageDriver
  readonly authorityPem?: string
  /** What stands between the application and its database, once the users are made. */
  readonly metadata?: (store: MetadataStore) => MetadataStore
  /** What signing in has besides. */
  readonly signIn?: (store: MetadataStore) => Partial<AuthenticatorDeps>
  /** What the management API has besides. */
  readonly api?: Partial<ApiDeps>
  readonly watch?: (audit: (entry: AuditEntry) => void) => DecisionWatch
  /** The providers that people sign in with. */
  readonly oidc?: readonly OidcLogin[]
  readonly space?: FreeSpace
  /** How long things stay that nothing needs; without it, nobody is given any time. */
  readonly keep?: UseDelays
}

export const serviceName = 'test-installation'
/** Seals the secrets of second factors. */
export const totpKey = new Uint8Array(32).fill(7)

export async function anApp(t: TestContext, options: TestAppOptions = {}): Promise<TestApp> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-http-'))
  const stored = await openSqlite({ file: join(folder, 'carrel.db'), migrate: true })
  const memory = createMemoryDriver()
  const driver = options.driver?.(memory) ?? memory
  const passwords = createPasswordPool({ threads: 1, queueLimit: 64 })
  t.after(async () => {
    await passwords.close()
    await stored[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  const ids = await makeUsers(stored)
  const metadata = options.metadata?.(stored) ?? stored
  const issuer = createTokenIssuer({
    keys: [await generateSigningKey()],
    installationId: serviceName,
  })
  const authenticator = createAuthenticator({
    tokens: issuer,
    principals: createPrincipalDirectory(metadata),
    passwords,
    warn: () => undefined,
    ...options.signIn?.(metadata),
  })
  const events: DoorEvent[] = []
  const audited: AuditEntry[] = []
  const faults: unknown[] = []
  const state = { draining: false }
  const tickets = createUploadTickets(randomBytes(32), 24 * 60 * 60 * 1000)
  const audit = (entry: AuditEntry) => void audited.push(entry)
  const routes = createRoutes({
    metadata,
    gate: createLoginGate({ metadata, audit }),
    secondFactors: createSecondFactorGate({ metadata, audit, totpKey: async () => totpKey }),
    oidc: options.oidc ?? [],
    blobs: createBlobStore(driver),
    tickets,
    authenticator,
    issuer,
    passwords,
    emit: (event) => events.push(event),
    audit,
    draining: () => state.draining,
    metricsText: async () => 'carrel_up 1\n',
    space: options.space,
    leases: options.keep && createUseLeases(metadata, options.keep),
    authorityPem: () => options.authorityPem,
    trustScript: (hostPort) => `#!/bin/sh\n# ${hostPort}\n`,
  })
  const everybody: Identity = { kind: 'open' }
  const { forgetPrincipal, forgetToken } = authenticator
  const guard = createChangeGuard({ metadata, space: options.space })
  const parts = { metadata, passwords, forgetPrincipal, forgetToken, guard }
  const api = createApi({ ...parts, ...options.api })
  const app = createApp({
    metadata,
    routes,
    authenticate:
      options.open === true
        ? async () => everybody
        : createAuthenticateRequest({ authenticator, metadata }),
    service: serviceName,
    guard,
    api: async () => api,
    watch: options.watch?.((entry) => audited.push(entry)),
    log: {
      answered: (_request, _reply, error) => {
        if (error !== undefined) faults.push(error)
      },
    },
  })
  return {
    app,
    routes,
    metadata,
    driver,
    issuer,
    authenticator,
    tickets,
    ids,
    events,
    audited,
    faults,
    state,
  }
}

export interface Question {
  /** A user's name, a whole Authorization header, or nobody. */
  readonly as?: UserName | (string & {})
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string | Readable
  /** Sent without Content-Length, as `Transfer-Encoding: chunked` is. */
  readonly chunked?: boolean
  readonly type?: string
  readonly peer?: Peer
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer
  readonly text: string
  /** The body as JSON. */
  readonly json: () => unknown
  /** Codes of the `errors` in the body. */
  readonly codes: () => readonly string[]
  /** The first error's sentence. */
  readonly message: () => string
}

/** `line`: method and target as in a request's first line, `PUT /v2/team/app/manifests/v1?tag=x`. */
export async function ask(
  { app }: Pick<TestApp, 'app'>,
  line: string,
  question: Question = {},
): Promise<Answer> {
  return answerOf(await app.handle(requestOf(line, question), 'request-1'))
}

function requestOf(line: string, question: Question): HttpRequest {
  const { as, headers = {}, body, chunked = false, type, peer = localPeer } = question
  const [method = '', target = ''] = line.split(' ')
  const url = /^(?<path>[^?]*)(?:\?(?<query>.*))?$/.exec(target)?.groups ?? {}
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const length = bytes instanceof Readable || chunked ? undefined : (bytes?.length ?? 0)
  return {
    method,
    path: decodeURIComponent(url['path'] ?? ''),
    query: new URLSearchParams(url['query'] ?? ''),
    headers: {
      host: 'registry.test',
      ...(as !== undefined && { authorization: authorizationOf(as) }),
      ...(type !== undefined && { 'content-type': type }),
      ...(bytes !== undefined && length !== undefined && { 'content-length': String(length) }),
      ...headers,
    },
    body:
      bytes instanceof Readable
        ? bytes
        : Readable.from(bytes === undefined ? [] : [bytes], { objectMode: false }),
    peer,
    origin: 'https://registry.test',
  }
}

const localPeer: Peer = { address: '127.0.0.1', loopback: true, secure: true }

function authorizationOf(as: string): string {
  return Object.hasOwn(users, as) ? basic(as, users[as as UserName].password) : as
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

async function answerOf({ status, headers = {}, body }: Reply): Promise<Answer> {
  const chunks: Uint8Array[] = []
  if (typeof body === 'function') {
    await body(async (chunk) => {
      // Its memory is used again afterwards.
      chunks.push(Buffer.from(chunk))
    })
  } else if (body !== undefined) chunks.push(Buffer.from(body))
  const bytes = Buffer.concat(chunks)
  const text = bytes.toString('utf8')
  const errors = () =>
    (JSON.parse(text) as { errors: readonly { code: string; message: string }[] }).errors
  return {
    status,
    headers: Object.fromEntries(
      Object.entries(headers).map(([key, value]) => [key.toLowerCase(), String(value)]),
    ),
    bytes,
    text,
    json: () => JSON.parse(text) as unknown,
    codes: () => errors().map((error) => error.code),
    message: () => errors()[0]?.message ?? '',
  }
}
