// The attack on anything that takes a URL: targets that must never be reached, a canary on 127.0.0.1 that counts who
// reaches it all the same, and a DNS server that lies. Each feature runs it through its own entry point.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { createOutbound } from '../outbound.ts'
import type { Outbound, OutboundOptions } from '../outbound.ts'
import { OutboundError } from '../outbound-error.ts'
import { ssrfNames, ssrfTargets } from './ssrf-targets.ts'
import type { SsrfPlaces, SsrfTarget } from './ssrf-targets.ts'

export interface SsrfWorld extends AsyncDisposable, SsrfPlaces {
  /** Connections to the canary until now. */
  connections(): number
  timesResolved(host: string): number
  /** Knows the names of the targets; allows the redirecting server and nothing else of use. */
  readonly outbound: Outbound
}

export interface SsrfAttempt {
  readonly target: SsrfTarget
  readonly error: unknown
}

export async function openSsrfWorld(options: OutboundOptions = {}): Promise<SsrfWorld> {
  let connections = 0
  const canary = createServer((socket) => {
    connections += 1
    socket.on('error', () => undefined)
    socket.resume()
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}')
  })
  const redirector = createHttpServer((request, response) => {
    const [, status = '302', location = ''] = (request.url ?? '').split('/')
    response.writeHead(Number(status), { location: Buffer.from(location, 'base64url').toString() })
    response.end()
  })
  const port = await listen(canary)
  const redirectorPort = await listen(redirector)
  const asked = new Map<string, number>()
  const outbound = createOutbound({
    timeoutMs: 2000,
    ...options,
    allow: [`127.0.0.1:${redirectorPort}`, `[::1]:${port}`, ...(options.allow ?? [])],
    async resolve(host) {
      const times = asked.get(host) ?? 0
      asked.set(host, times + 1)
      const answers = ssrfNames[host]
      const answer = answers?.[Math.min(times, answers.length - 1)]
      if (answer === undefined) throw new Error(`There is no ${host}.`)
      return answer
    },
  })
  return {
    port,
    outbound,
    connections: () => connections,
    timesResolved: (host) => asked.get(host) ?? 0,
    redirectTo(location, status = 302) {
      const to = Buffer.from(location).toString('base64url')
      return `http://127.0.0.1:${redirectorPort}/${status}/${to}`
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([close(canary), close(redirector)])
    },
  }
}

/**
 * Makes `attempt` ask every target with the outbound client it is given. Each attempt has to fail, with the kind of
 * OutboundError that fits if there is one among its causes, and none may reach the canary.
 */
export async function attackThrough(
  attempt: (url: string, world: SsrfWorld) => Promise<unknown>,
  options: OutboundOptions & { readonly targets?: readonly SsrfTarget[] } = {},
): Promise<readonly SsrfAttempt[]> {
  const { targets = ssrfTargets, ...settings } = options
  const attempts: SsrfAttempt[] = []
  const wrong: string[] = []
  for (const target of targets) {
    await using world = await openSsrfWorld(settings)
    const result = await attempt(target.url(world), world).then(
      () => ({ error: undefined }),
      (error: unknown) => ({ error }),
    )
    const kind = outboundErrorIn(result.error)?.kind
    if (world.connections() > 0) wrong.push(`${target.name}: reached the canary`)
    if (result.error === undefined) wrong.push(`${target.name}: did not fail`)
    if (kind !== undefined && !target.kinds.includes(kind)) wrong.push(`${target.name}: ${kind}`)
    attempts.push({ target, error: result.error })
  }
  assert.deepEqual(wrong, [])
  return attempts
}

/** The error itself or the nearest of its causes. */
function outboundErrorIn(error: unknown): OutboundError | undefined {
  let current = error
  for (let depth = 0; depth < 10 && current instanceof Error; depth += 1) {
    if (current instanceof OutboundError) return current
    current = current.cause
  }
  return undefined
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  if ('closeAllConnections' in server)
    (server as { closeAllConnections(): void }).closeAllConnections()
  await closed
}
