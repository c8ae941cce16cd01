// A client that tells an answer from no answer: after a kill, what was asked may have happened or not.
import http, { type IncomingHttpHeaders } from 'node:http'
import { basic } from '../support/start-registry.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

export interface Client extends Disposable {
  /** Undefined: the connection broke, or could not be made. */
  ask(method: string, path: string, ask?: Ask): Promise<Answer | undefined>
}

const longestMs = 30_000

export function createClient(
  port: number,
  authorization: string | undefined,
  { timeoutMs = longestMs }: { readonly timeoutMs?: number } = {},
): Client {
  const agent = new http.Agent({ keepAlive: true })
  return {
    async ask(method, path, { headers, body } = {}) {
      return new Promise((resolve) => {
        const request = http.request({
          host: '127.0.0.1',
          port,
          agent,
          method,
          path,
          timeout: timeoutMs,
          headers: {
            ...(authorization !== undefined && { authorization }),
            ...(method !== 'GET' && { 'content-length': String(body?.length ?? 0) }),
            ...headers,
          },
        })
        request.on('response', (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', () => resolve(undefined))
          response.on('end', () => {
            const { statusCode = 0, headers: received } = response
            resolve({ status: statusCode, headers: received, body: Buffer.concat(chunks) })
          })
        })
        request.on('timeout', () => request.destroy())
        request.on('error', () => resolve(undefined))
        request.on('close', () => resolve(undefined))
        request.end(body)
      })
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

/** A token for the repositories, whether they are there yet or not. It outlives the server's process. */
export async function signIn(
  {
    port,
    user,
    password,
  }: { readonly port: number; readonly user: string; readonly password: string },
  repositories: readonly string[],
): Promise<string> {
  using client = createClient(port, basic(user, password))
  const query = new URLSearchParams()
  for (const name of repositories) query.append('scope', `repository:${name}:pull,push,delete`)
  const answer = await client.ask('GET', `/token?${query.toString()}`)
  if (answer?.status !== 200) throw new Error(toldOf('GET', '/token', answer))
  const { token } = JSON.parse(answer.body.toString()) as { token: string }
  return `Bearer ${token}`
}

/** For messages: what was asked and how it was answered. */
export function toldOf(method: string, path: string, answer: Answer | undefined): string {
  const said = answer === undefined ? 'no answer' : `${answer.status} ${answer.body.toString()}`
  return `${method} ${path}: ${said.slice(0, 400)}`
}
