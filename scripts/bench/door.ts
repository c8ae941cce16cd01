// A running subject as one kind of client sees it: where it is, and what goes into Authorization.
import type { Bench } from './bench.ts'
import { call, type Caller } from './registry-calls.ts'
import { password, user, type Instance, type Subject } from './subjects/subject.ts'
import { Connection, headerOf, type Target } from './wire.ts'

/** 'open': no login at all; 'basic': the password with every request; 'bearer': a token, as docker does. */
export type Login = 'open' | 'basic' | 'bearer'

/** One column of a row, and how its client signs in. */
export interface Contender {
  readonly subject: Subject
  readonly login: Login
}

export interface Door extends AsyncDisposable {
  readonly instance: Instance
  /** For TLS where that was asked for. */
  readonly target: Target
  readonly authorization: string | undefined
}

export interface DoorOptions {
  readonly tls?: boolean
  /** What a token is good for. */
  readonly repositories: readonly string[]
}

const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** Starts the subject with nothing stored, and signs in. */
export async function openDoor(
  bench: Bench,
  { subject, login }: Contender,
  options: DoorOptions,
): Promise<Door> {
  await using stack = new AsyncDisposableStack()
  const { tls = false, repositories } = options
  let instance: Instance
  let target: Target
  if (subject.kind === 'peer') {
    instance = stack.use(await subject.start(bench, { htpasswd: login === 'basic', tls }))
    target = instance.target
  } else {
    const installation = stack.use(await subject.install(bench))
    instance = stack.use(await subject.start(bench, installation))
    target = { ...instance.target, ...(tls && { authority: bench.certificate.authority }) }
  }
  const authorization = await signIn(target, login, scopesOf(repositories))
  const disposables = stack.move()
  return {
    instance,
    target,
    authorization,
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}

/** The token's way: the challenge says where, the answer has the token. */
export async function signIn(
  target: Target,
  login: Login,
  scopes: readonly string[],
): Promise<string | undefined> {
  if (login === 'open') return undefined
  if (login === 'basic') return basic
  using connection = new Connection(target)
  const challenge = headerOf(
    await call({ connection, authorization: undefined }, { method: 'GET', path: '/v2/' }, 401),
    'www-authenticate',
  )
  const realm = /realm="([^"]*)"/.exec(challenge ?? '')?.[1]
  const service = /service="([^"]*)"/.exec(challenge ?? '')?.[1]
  if (realm === undefined || service === undefined) {
    throw new Error(`The challenge says not where tokens come from: ${String(challenge)}`)
  }
  const query = new URLSearchParams({ service })
  for (const scope of scopes) query.append('scope', scope)
  const path = `${new URL(realm).pathname}?${query.toString()}`
  const answer = await call({ connection, authorization: basic }, { method: 'GET', path }, 200)
  return `Bearer ${(JSON.parse(answer.body.toString()) as { token: string }).token}`
}

export function scopesOf(repositories: readonly string[]): readonly string[] {
  return repositories.map((name) => `repository:${name}:pull,push`)
}

/** For the few calls that prepare a measurement. */
export async function withCaller<T>(
  { target, authorization }: Door,
  work: (caller: Caller) => Promise<T>,
): Promise<T> {
  using connection = new Connection(target)
  return await work({ connection, authorization })
}
