// What the commands for signing in say to a server: not the management API, but what stands before it.
import { createApiClient, type ApiResponse, type Transport } from '../contract/client.ts'
import { CliError } from './cli-error.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'

export interface StartedDevice {
  readonly deviceCode: string
  readonly userCode: string
  readonly verificationUri: string
  readonly verificationUriComplete: string
  readonly expiresIn: number
  readonly interval: number
}

/** @throws {CliError} */
export async function startDevice(transport: Transport, host: string): Promise<StartedDevice> {
  const response = await post(transport, '/api/v1/device', { host })
  if (response.status !== 200) throw refused(response)
  const { deviceCode, userCode, verificationUri, verificationUriComplete, ...times } =
    objectOf(response)
  return {
    deviceCode: text(deviceCode),
    userCode: text(userCode),
    verificationUri: text(verificationUri),
    verificationUriComplete: text(verificationUriComplete),
    expiresIn: seconds(times['expiresIn'], 600),
    interval: seconds(times['interval'], 5),
  }
}

/** The token, or undefined while nobody has answered. @throws {CliError} when it was refused, or is too late */
export async function pollDevice(
  transport: Transport,
  deviceCode: string,
): Promise<string | undefined> {
  const response = await post(transport, '/api/v1/device/token', { deviceCode })
  if (response.status === 202 || response.status === 429) return undefined
  if (response.status === 410) throw nobodyAgreed()
  if (response.status !== 200) throw refused(response)
  return text(objectOf(response)['token'])
}

export function nobodyAgreed(): CliError {
  return new CliError(exitCodes.denied, {
    what: 'you are not signed in',
    why: 'nobody agreed in time',
  })
}

export interface PasswordSignIn {
  readonly user: string
  readonly password: string
  /** Asked when the account has a second factor. */
  readonly code: () => Promise<string>
  /** What the token is for. */
  readonly tokenName: string
}

/** As a browser does it: the sign-in page, a session, a token, and the session's end. @throws {CliError} */
export async function tokenByPassword(
  transport: Transport,
  { user, password, code, tokenName }: PasswordSignIn,
): Promise<string> {
  const first = await post(transport, '/login', { user, password })
  if (first.status !== 200) throw refused(first)
  const session =
    objectOf(first)['next'] === 'code' ? await sendCode(transport, first, code) : first
  const inSession: Transport = async (request) => {
    const headers = { ...request.headers, ...samePage, cookie: cookieOf(session) }
    return transport({ ...request, headers })
  }
  const api = createApiClient(inSession)
  try {
    return (await api.call('tokens.create', { name: tokenName })).secret
  } finally {
    await post(inSession, '/logout', {})
  }
}

async function sendCode(
  transport: Transport,
  first: ApiResponse,
  code: PasswordSignIn['code'],
): Promise<ApiResponse> {
  const cookie = cookieOf(first)
  const response = await post(transport, '/login/code', { code: await code() }, { cookie })
  if (response.status !== 200) throw refused(response)
  return response
}

/** The server takes cookies from its own pages alone, and from whoever can say this, which no page of others can. */
const samePage = { 'sec-fetch-site': 'same-origin' }

async function post(
  transport: Transport,
  path: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<ApiResponse> {
  return transport({
    method: 'POST',
    path,
    headers: {
      ...samePage,
      ...headers,
      accept: 'application/json',
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  })
}

/** Name and value alone. */
function cookieOf({ headers }: ApiResponse): string {
  return (headers['set-cookie'] ?? '').split(';', 1)[0] ?? ''
}

function refused(response: ApiResponse): CliError {
  const { errors, message } = objectOf(response) as {
    readonly errors?: readonly { readonly message?: unknown }[]
    readonly message?: unknown
  }
  const said = Array.isArray(errors) ? (errors[0] as { message?: unknown }).message : message
  if (typeof said !== 'string') throw strange(`it answered ${response.status}`)
  const codes: Readonly<Record<number, ExitCode>> = {
    401: exitCodes.denied,
    403: exitCodes.denied,
    410: exitCodes.denied,
    503: exitCodes.unreachable,
  }
  const exitCode = codes[response.status] ?? exitCodes.failed
  return new CliError(exitCode, { what: 'you are not signed in', why: said })
}

function objectOf({ body, status }: ApiResponse): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // What is said below holds for this as well.
  }
  throw strange(`it answered ${status} with something that is not JSON`)
}

function text(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw strange('something is missing in its answer')
}

function seconds(value: unknown, fallback: number): number {
  return typeof value === 'number' && value >= 1 && value <= 3600 ? value : fallback
}

/** Something answers there that is no Carrel, or one that knows nothing of this. */
function strange(why: string): CliError {
  return new CliError(exitCodes.failed, {
    what: 'no Carrel answers there that one could sign in to',
    why,
  })
}
