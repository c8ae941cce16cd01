// The management API for one test, over SQLite in a temporary folder: requests go in and answers come out as values.
// admin administers the installation, ann and bob are users with a namespace each.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { hashSync } from 'bcryptjs'
import { identityOfSubject } from '../../../access/identity-of.ts'
import { makeOwnNamespace } from '../../../access/namespaces.ts'
import { findSubject } from '../../../access/subjects.ts'
import type { Identity, PrincipalIdentity } from '../../../auth/identity.ts'
import { createPasswordPool } from '../../../auth/password-pool.ts'
import { ApiError, createApiClient, type ApiClient } from '../../../contract/client.ts'
import { operations } from '../../../contract/operations.ts'
import type { Problem } from '../../../contract/problem.ts'
import { listAudit } from '../../../metadata/audit.ts'
import { openSqlite } from '../../../metadata/dialects/sqlite.ts'
import type { MetadataStore } from '../../../metadata/metadata-store.ts'
import { findPrincipalByName, insertPrincipal } from '../../../metadata/principals.ts'
import { createBlobStore } from '../../../storage/blob-store.ts'
import { createMemoryDriver } from '../../../storage/drivers/memory/memory-driver.ts'
import type { HttpRequest } from '../../request.ts'
import { createApi, type Api } from '../api.ts'
import { inProcessTransport } from '../in-process.ts'
import { problemReply } from '../problem-reply.ts'

export interface TestApi {
  readonly api: Api
  readonly metadata: MetadataStore
  /** Ids that were forgotten, in order. */
  readonly forgotten: number[]
}

export const passwords = { admin: 'the password of admin', ann: 'the password of ann', bob: '' }

const dayMs = 86_400_000

/** As it is unless somebody sets it. */
export const keep = {
  untaggedMs: 14 * dayMs,
  unreferencedMs: dayMs,
  trashMs: dayMs,
  deletedMs: 14 * dayMs,
}

export async function anApi(t: TestContext): Promise<TestApi> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-api-'))
  const metadata = await openSqlite({ file: join(folder, 'carrel.db'), migrate: true })
  const pool = createPasswordPool({ threads: 1, queueLimit: 8 })
  t.after(async () => {
    await pool.close()
    await metadata[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  for (const [name, password] of Object.entries(passwords)) {
    await addUser(metadata, name, { admin: name === 'admin', password })
  }
  const forgotten: number[] = []
  const forgetPrincipal = (id: number) => void forgotten.push(id)
  return {
    api: createApi({
      metadata,
      passwords: pool,
      forgetPrincipal,
      forgetToken: () => undefined,
      totpKey: randomBytes(32),
      collection: { blobs: createBlobStore(createMemoryDriver()), keep },
    }),
    metadata,
    forgotten,
  }
}

export async function addUser(
  metadata: MetadataStore,
  name: string,
  { admin = false, password = '' },
): Promise<void> {
  // A cheap hash, of the kind that htpasswd files have.
  const passwordHash = password === '' ? undefined : hashSync(password, 4)
  await metadata.write(async (tx) => {
    await insertPrincipal(tx, { name, provider: 'local', admin, passwordHash })
    const made = await findPrincipalByName(tx, name)
    if (made !== undefined) await makeOwnNamespace(tx, made)
  })
}

/** `who` as in `user:ann` (or `ann`), `robot:ci`; `anonymous`, `operator`. */
export async function identityOf({ metadata }: TestApi, who: string): Promise<Identity> {
  if (who === 'operator') return { kind: 'operator' }
  const subject = await findSubject(
    metadata,
    /^(?:[a-z]+:|anonymous)/.test(who) ? who : `user:${who}`,
  )
  return metadata.read(async (tx) => identityOfSubject(tx, subject))
}

export async function principalOf(app: TestApi, name: string): Promise<PrincipalIdentity> {
  return (await identityOf(app, name)) as PrincipalIdentity
}

/** Everything that is answered must be exactly what the operation promises, and no field more. */
export async function clientOf(app: TestApi, who: string | Identity): Promise<ApiClient> {
  const identity = typeof who === 'string' ? await identityOf(app, who) : who
  const client = createApiClient(inProcessTransport(app.api, identity))
  return {
    ...client,
    async call(name, input, options) {
      const output = await client.call(name, input, options)
      assert.deepEqual(operations[name].output.parse(output), output, name)
      return output
    },
  }
}

/** What a call is refused with: status and kind, as in `404 not-found`. */
export function refused(kind: string, detail = /./) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof ApiError, String(error))
    assert.equal(
      `${error.status} ${error.problem.type.replace('/problems/', '')}`,
      kind,
      error.message,
    )
    assert.match(`${error.problem.detail} ${error.problem.why ?? ''}`, detail)
    return true
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly json: () => unknown
  readonly problem: () => Problem
}

export interface Question {
  readonly as?: string | Identity
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, unless it is text or bytes already. */
  readonly body?: unknown
}

/** `line`: method and target, `PATCH /api/v1/users/ann`. */
export async function ask(app: TestApi, line: string, question: Question = {}): Promise<Answer> {
  const { as = 'admin' } = question
  const identity = typeof as === 'string' ? await identityOf(app, as) : as
  const request = requestOf(line, question)
  const reply = await app.api
    .handle(request, async () => identity)
    .catch((error: unknown) => problemReply(error, 'request-1'))
  const { status, headers = {}, body = '' } = reply
  const text = body as string
  return {
    status,
    headers: Object.fromEntries(
      Object.entries(headers).map(([key, value]) => [key, String(value)]),
    ),
    text,
    json: () => JSON.parse(text) as unknown,
    problem: () => JSON.parse(text) as Problem,
  }
}

function requestOf(line: string, { headers = {}, body }: Question): HttpRequest {
  const [method = '', target = ''] = line.split(' ')
  const [path = '', query = ''] = target.split('?')
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const bytes = isRaw ? Buffer.from(body as string) : Buffer.from(JSON.stringify(body ?? {}))
  const hasBody = body !== undefined || ['POST', 'PUT', 'PATCH'].includes(method)
  return {
    method,
    path: decodeURIComponent(path),
    query: new URLSearchParams(query),
    headers: { ...(hasBody && { 'content-type': 'application/json' }), ...headers },
    body: Readable.from(hasBody ? [bytes] : [], { objectMode: false }),
    peer: { address: '192.0.2.7', loopback: false, secure: true },
    origin: 'https://registry.test',
  }
}

export async function auditEvents({ metadata }: TestApi): Promise<readonly string[]> {
  const rows = await listAudit(metadata, { after: 0, limit: 500 })
  return rows.map(({ event, actor, subject }) => `${event} ${subject} by ${actor.name}`)
}
