// The port: free for the server, or held by it. A server that answers is asked how it is.
import https from 'node:https'
import net, { isIPv6 } from 'node:net'
import { ok, problem, warning, type Check } from './check.ts'

export interface Listen {
  readonly host: string
  readonly port: number
}

/** `installationId`: undefined when there is none in the data folder yet. */
export async function checkListening(
  listen: Listen,
  installationId: string | undefined,
): Promise<readonly Check[]> {
  const name = 'port'
  const where = addressOf(listen)
  if (listen.port === 0) return [ok(name, 'the system chooses one at each start')]
  const code = await tryToListen(listen)
  if (code === undefined) return [ok(name, `${where} is free; no server runs here`)]
  if (code === 'EADDRINUSE') return askHolder(listen, installationId)
  const next = `CARREL_LISTEN=${addressOf({ ...listen, port: listen.port < 1024 ? 5443 : listen.port + 1 })}`
  const messages: Readonly<Record<string, readonly [string, string]>> = {
    EACCES: [`Only root may listen on ${where}.`, next],
    EADDRNOTAVAIL: [`This machine has no address ${listen.host}.`, 'CARREL_LISTEN=127.0.0.1:5443'],
    ENOTFOUND: [`The host name ${listen.host} is not known here.`, 'CARREL_LISTEN=127.0.0.1:5443'],
  }
  const [message, fix] = messages[code] ?? [`Listening on ${where} fails (${code}).`, next]
  return [problem(name, message, fix)]
}

/** The code of the failure. Without sharing, as the server's threads share the port among each other. */
async function tryToListen({ host, port }: Listen): Promise<string | undefined> {
  const probe = net.createServer()
  return new Promise((resolve) => {
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)))
  })
}

async function askHolder(
  listen: Listen,
  installationId: string | undefined,
): Promise<readonly Check[]> {
  const where = addressOf(listen)
  const another = `CARREL_LISTEN=${addressOf({ ...listen, port: listen.port + 1 })}`
  const alive = await ask(listen, '/livez')
  if (alive?.status !== 200 || !alive.body.includes('alive')) {
    return [problem('port', `Another program listens on ${where}.`, another)]
  }
  const challenge = (await ask(listen, '/v2/'))?.challenge ?? ''
  const service = /service="([^"]*)"/.exec(challenge)?.[1]
  if (service !== undefined && service !== installationId) {
    return [problem('port', `A Carrel with another data folder listens on ${where}.`, another)]
  }
  const ready = await ask(listen, '/readyz')
  const held = ok('port', `${where} is held by the server of this installation`)
  const degraded = degradedIn(ready?.body)
  if (ready?.status === 200 && degraded.length > 0) {
    const message = `The server runs and answers pulls, but no pushes: ${degraded.join(', ')}.`
    return [held, warning('server', message, `curl -k https://${where}/readyz`)]
  }
  if (ready?.status === 200) return [held, ok('server', 'runs and takes pushes')]
  const message = `The server runs and takes no pushes: ${reasonIn(ready?.body)}`
  return [held, warning('server', message, `curl -k https://${where}/readyz`)]
}

function degradedIn(body: string | undefined): readonly string[] {
  try {
    const { degraded } = JSON.parse(body ?? '') as { readonly degraded?: unknown }
    return Array.isArray(degraded) ? degraded.map(String) : []
  } catch {
    return []
  }
}

function reasonIn(body: string | undefined): string {
  try {
    const { message } = JSON.parse(body ?? '') as { readonly message?: unknown }
    if (typeof message === 'string') return message
  } catch {
    // Then it says nothing that could be shown.
  }
  return 'it does not say why.'
}

interface Answer {
  readonly status: number
  readonly challenge: string
  readonly body: string
}

const patienceMs = 3000
const maxBody = 4096

/** By TLS, which the server speaks on every address and to everybody. Nothing secret is sent, so whoever answers may. */
async function ask({ host, port }: Listen, path: string): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const request = https.get(
      {
        host: reachable(host),
        port,
        path,
        rejectUnauthorized: false,
        agent: false,
        signal: AbortSignal.timeout(patienceMs),
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          body = (body + text).slice(0, maxBody)
        })
        response.on('error', () => resolve(undefined))
        response.on('end', () => {
          const challenge = response.headers['www-authenticate'] ?? ''
          resolve({ status: response.statusCode ?? 0, challenge, body })
        })
      },
    )
    request.on('error', () => resolve(undefined))
  })
}

function reachable(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

function addressOf({ host, port }: Listen): string {
  const name = host === '' ? '0.0.0.0' : host
  return `${isIPv6(name) ? `[${name}]` : name}:${port}`
}
