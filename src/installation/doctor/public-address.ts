// The public address, asked as a client would: is the name known, does this installation answer there, and what does a
// proxy in front do to requests. Nothing is signed in and nothing is kept: every question is refused for want of a login,
// and how it is refused tells what came through.
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { askThrough, type ProxyAnswer } from './public-request.ts'
import { ok, problem, reasonOf, warning, type Check } from './check.ts'

export interface PublicAddress {
  readonly url: URL
  /** Of the data here; undefined: there is none yet. */
  readonly installationId: string | undefined
  /** PEM of authorities that clients are told to trust besides the usual ones. */
  readonly authorities: readonly string[]
}

const mebibyte = 1024 * 1024
const requestId = 'carrel-doctor'
const driftMs = 60_000

export async function checkPublicAddress(address: PublicAddress): Promise<readonly Check[]> {
  const named = await checkName(address.url)
  if (named?.status === 'problem') return [named]
  const checks = named === undefined ? [] : [named]
  const answer = await askThrough(address, {
    method: 'GET',
    path: '/v2/',
    headers: { authorization: 'Bearer carrel-doctor', 'x-request-id': requestId },
  })
  const reached = checkReached(address, answer)
  checks.push(reached)
  if (reached.status !== 'ok' || answer.kind !== 'answered') return checks
  const proxy = [...checkHeaders(address, answer), ...(await checkBodies(address))]
  checks.push(...proxy, ...checkDate(answer))
  if (proxy.length === 0) {
    checks.push(ok('proxy', 'requests come through whole, also large ones'))
  }
  return checks
}

async function checkName({ hostname }: URL): Promise<Check | undefined> {
  const name = 'public name'
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0) return undefined
  try {
    const addresses = await lookup(host, { all: true })
    return ok(name, `${host} is ${addresses.map(({ address }) => address).join(', ')}`)
  } catch (error) {
    const message = `${host} is not known here (${reasonOf(error)}), so clients may not find it either.`
    return problem(name, message, `getent hosts ${host}`)
  }
}

function checkReached({ url, installationId }: PublicAddress, answer: ProxyAnswer): Check {
  const name = 'public address'
  if (answer.kind === 'failed') {
    const message = `${url.origin} does not answer from this machine (${answer.reason}): no server runs, or there is no way back to this address from here.`
    return warning(name, message, `curl -v ${url.origin}/v2/`)
  }
  if (answer.kind !== 'answered') {
    const message = `Clients do not trust the certificate of ${url.origin} (${answer.reason}).`
    const place = `${url.hostname}:${url.port || '443'}`
    return problem(name, message, `openssl s_client -connect ${place} -servername ${url.hostname}`)
  }
  const service = /service="([^"]*)"/.exec(answer.headers['www-authenticate'] ?? '')?.[1]
  if (answer.status !== 401 || service === undefined) {
    const message = `${url.origin}/v2/ answers with status ${answer.status}, which is none of this registry: ${excerpt(answer.body)}`
    return problem(name, message, `curl -i ${url.origin}/v2/`)
  }
  if (service !== installationId) {
    const message = `Another registry answers at ${url.origin}.`
    return problem(name, message, `curl -i ${url.origin}/v2/`)
  }
  return ok(name, `this installation answers at ${url.origin}`)
}

type Answered = Extract<ProxyAnswer, { readonly kind: 'answered' }>

function checkHeaders({ url }: PublicAddress, { headers }: Answered): readonly Check[] {
  const name = 'proxy'
  const look = `curl -i ${url.origin}/v2/`
  const challenge = headers['www-authenticate'] ?? ''
  const checks: Check[] = []
  if (!challenge.includes('error="invalid_token"')) {
    const message = 'The proxy takes the header Authorization away, so that nobody can sign in.'
    checks.push(problem(name, message, 'proxy_set_header Authorization $http_authorization;'))
  }
  if (!challenge.includes(`realm="${url.origin}/`)) {
    const message = `Clients are sent to ${/realm="([^"]*)"/.exec(challenge)?.[1] ?? 'nowhere'} for a token: the server that runs has another public address.`
    checks.push(problem(name, message, `CARREL_PUBLIC_URL=${url.origin}`))
  }
  const lost = ['docker-distribution-api-version', 'x-request-id'].filter(
    (header) => headers[header] === undefined,
  )
  if (lost.length > 0) {
    checks.push(warning(name, `The proxy takes away what is answered: ${lost.join(', ')}.`, look))
  } else if (headers['x-request-id'] !== requestId) {
    const message = 'The proxy replaces X-Request-Id, so its log and that of Carrel have other ids.'
    checks.push(warning(name, message, 'proxy_set_header X-Request-Id $http_x_request_id;'))
  }
  return checks
}

/** A MiB and 32 MiB as a client sends them; of 10 GiB only the announcement, which is what limits go by. */
const bodies = [mebibyte, 32 * mebibyte, 10 * 1024 * mebibyte]
const announcedOnly = 1024 * mebibyte

async function checkBodies(address: PublicAddress): Promise<readonly Check[]> {
  for (const size of bodies) {
    const answer = await askThrough(address, {
      method: 'PUT',
      path: '/v2/carrel-doctor/blobs/uploads/none',
      headers: { 'x-request-id': requestId },
      body: { size, send: size < announcedOnly },
    })
    const check = judgeBody(address, size, answer)
    if (check !== undefined) return [check]
  }
  return []
}

function judgeBody({ url }: PublicAddress, size: number, answer: ProxyAnswer): Check | undefined {
  const name = 'proxy'
  const large = `${Math.round(size / mebibyte)} MiB`
  if (answer.kind !== 'answered') {
    // Without a body nothing comes of it where a proxy collects it first.
    if (size >= announcedOnly) return undefined
    const message = `A layer of ${large} does not come through: ${answer.reason}.`
    return problem(name, message, 'client_max_body_size 0;')
  }
  if (answer.status === 413) {
    const message = `The proxy takes no layers of ${large}: it answers 413.`
    return problem(name, message, 'client_max_body_size 0;')
  }
  if (answer.status !== 401) {
    const message = `A layer of ${large} is answered with status ${answer.status}: ${excerpt(answer.body)}`
    return problem(name, message, `curl -i -X PUT ${url.origin}/v2/x/blobs/uploads/x`)
  }
  if (!answer.waitedForAll || size < 32 * mebibyte) return undefined
  const message =
    'The proxy collects whole layers before it hands them on: pushes take twice as long, and its disk may fill.'
  return warning(name, message, 'proxy_request_buffering off;')
}

function checkDate({ headers }: Answered): readonly Check[] {
  const date = Date.parse(headers['date'] ?? '')
  if (Number.isNaN(date) || Math.abs(date - Date.now()) < driftMs) return []
  const seconds = Math.round((date - Date.now()) / 1000)
  const message = `The clock of what answers at the public address is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}: tokens will be refused.`
  return [warning('clock', message, 'timedatectl set-ntp true')]
}

function excerpt(body: string): string {
  return body
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 120)
}
