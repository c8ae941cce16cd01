// `carrel login`: gets a token for a server on the network and keeps it for its owner. By the browser, wherever that
// runs; by a token that there is already; or by name and password.
import { execFile } from 'node:child_process'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'

import { createApiClient, type Transport } from '../../contract/client.ts'
import type { OutputOf } from '../../contract/operations.ts'
import { openHttpTransport, type ApiConnection } from '../api-transport.ts'
import { CliError, usageError } from '../cli-error.ts'
import type { CliIo } from '../cli-io.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import { readHostCredential, storeHostCredential } from '../host-credentials.ts'
import { parseHost } from '../host.ts'
import { readAuthority } from '../management.ts'
import type { Output } from '../output.ts'
import { readStdinLine } from '../password.ts'
import { askHidden, askOnTerminal, canAsk } from '../prompt.ts'
import {
  nobodyAgreed,
  pollDevice,
  startDevice,
  tokenByPassword,
  type StartedDevice,
} from '../sign-in-requests.ts'
import { asTyped, printable } from '../text.ts'
import { rightsOf } from '../whoami-text.ts'

interface Options {
  readonly web?: boolean
  readonly tokenStdin?: boolean
  readonly user?: string
  readonly passwordStdin?: boolean
  readonly caFile?: string
  readonly json?: boolean
}

type Account = OutputOf<'account.show'>

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'sign in to a server, and keep a token for it',
    more:
      'Shows a code and an address: open it in any browser, on any machine, and agree there. ' +
      'The token is kept in ~/.config/carrel/hosts.json, for commands with --host.',
    examples: [
      'carrel login registry.example.com',
      'carrel login localhost:5443 --ca-file data/tls/ca.crt',
      'carrel login registry.example.com --token-stdin < token',
    ],
    json: '{ "host", "name", "admin", "expiresAt"?, "file" }',
  })
    .argument('<host>', 'the server, such as registry.example.com')
    .option('--web', 'open the browser on this machine')
    .option('--token-stdin', 'keep the token on standard input')
    .option('--user <NAME>', 'sign in with a password instead')
    .option('--password-stdin', 'read that password from standard input')
    .option('--ca, --ca-file <FILE>', 'trust this authority, now and later')
    .action((host: string, options: Options) => login(context, host, options))
}

async function login(context: CommandContext, host: string, options: Options): Promise<void> {
  requireOneWay(options)
  const { io } = context.output
  const origin = parseHost(host)
  const { caFile } = options
  const given = caFile === undefined ? undefined : await readAuthority(resolve(io.cwd, caFile))
  const ca = given ?? (await readHostCredential(io, origin))?.ca
  const userAgent = `carrel/${context.composition.version}`
  const token = await withTransport({ origin, ca, userAgent }, async (transport) =>
    tokenFor(context.output, transport, options),
  )
  const account = await withTransport({ origin, ca, userAgent, token }, async (transport) =>
    createApiClient(transport).call('account.show', {}),
  )
  const { name } = account
  const credential = { user: name, token, ...(ca !== undefined && { ca }) }
  const file = await storeHostCredential(io, origin, credential)
  report(context.output, { origin, account, file, json: options.json === true })
}

function requireOneWay({ web, tokenStdin, user, passwordStdin }: Options): void {
  if (passwordStdin === true && user === undefined) {
    throw usageError('whose password is it?', { fix: '--user NAME --password-stdin' })
  }
  const ways = [
    web === true && '--web',
    tokenStdin === true && '--token-stdin',
    user !== undefined && '--user',
  ].filter((way) => typeof way === 'string')
  if (ways.length > 1) throw usageError(`${ways.join(' and ')} exclude each other`)
}

async function withTransport<T>(
  options: Parameters<typeof openHttpTransport>[0],
  work: (transport: Transport) => Promise<T>,
): Promise<T> {
  const connection: ApiConnection = openHttpTransport(options)
  try {
    return await work(connection.transport)
  } finally {
    await connection.close()
  }
}

async function tokenFor(output: Output, transport: Transport, options: Options): Promise<string> {
  const { io } = output
  const { tokenStdin, user, passwordStdin } = options
  if (tokenStdin === true) return requireToken(await readStdinLine(io, 'token'))
  if (user === undefined) return tokenByBrowser(output, transport, options)
  return tokenByPassword(transport, {
    user,
    password: await passwordOf(io, user, passwordStdin === true),
    code: async () => askCode(io),
    tokenName: `carrel login on ${hostname().slice(0, 60)}`,
  })
}

/** It becomes part of a header. */
function requireToken(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text
  throw usageError('standard input holds no token', { why: 'a token is one word without blanks' })
}

async function passwordOf(io: CliIo, user: string, fromStdin: boolean): Promise<string> {
  if (fromStdin) return readStdinLine(io, 'password')
  if (canAsk(io)) return askHidden(io, `Password of ${printable(user)}: `)
  throw usageError('no password was given, and there is no terminal to ask for one', {
    fix: 'add --password-stdin',
  })
}

/** Standard input may have held the password; the terminal is asked all the same. */
async function askCode(io: CliIo): Promise<string> {
  const code = await askOnTerminal(io, 'Code of your second factor: ')
  if (code !== undefined) return code
  throw new CliError(exitCodes.denied, {
    what: 'you are not signed in',
    why: 'the account has a second factor, and there is no terminal to ask for its code',
    fix: 'carrel login HOST, which goes by the browser; or make a token, and use --token-stdin',
  })
}

async function tokenByBrowser(
  output: Output,
  transport: Transport,
  { web = false }: Options,
): Promise<string> {
  const device = await startDevice(transport, hostname())
  show(output, device)
  if (web) openBrowser(output, device.verificationUriComplete)
  return untilAgreed(transport, device)
}

/** Said even with --quiet: without it nobody could go on. */
function show({ io }: Output, device: StartedDevice): void {
  const { verificationUri, verificationUriComplete, userCode, expiresIn } = device
  const minutes = Math.max(1, Math.round(expiresIn / 60))
  io.stderr.write(
    `Open  ${printable(verificationUri)}\n` +
      `type  ${printable(userCode)}\n` +
      `and agree. The same in one address, within ${minutes} minutes:\n` +
      `      ${printable(verificationUriComplete)}\n`,
  )
}

/** The address comes from the server: only one of a page is handed on. */
function openBrowser(output: Output, address: string): void {
  const url = URL.parse(address)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  execFile(program, [url.href], (error) => {
    if (error !== null) output.warn('no browser could be opened here: open the address yourself')
  }).unref()
}

const mostFailures = 5

async function untilAgreed(
  transport: Transport,
  { deviceCode, interval, expiresIn }: StartedDevice,
): Promise<string> {
  const end = Date.now() + expiresIn * 1000
  let failures = 0
  while (Date.now() < end) {
    await sleep(interval * 1000)
    try {
      const token = await pollDevice(transport, deviceCode)
      if (token !== undefined) return token
      failures = 0
    } catch (error) {
      // A network that is away for a moment is no answer.
      const isAway = error instanceof CliError && error.exitCode === exitCodes.unreachable
      failures += 1
      if (!isAway || failures >= mostFailures) throw error
    }
  }
  throw nobodyAgreed()
}

function report(
  output: Output,
  {
    origin,
    account,
    file,
    json,
  }: {
    readonly origin: string
    readonly account: Account
    readonly file: string
    readonly json: boolean
  },
): void {
  const { name, admin, token } = account
  const expiresAt = token?.expiresAt
  if (json) {
    output.json({ host: origin, name, admin, expiresAt, file })
    return
  }
  const ends = expiresAt === undefined ? '' : `, until ${expiresAt.slice(0, 10)}`
  output.say(`signed in to ${origin} as ${printable(name)}${ends}`)
  for (const line of rightsOf(account)) output.say(`  ${line}`)
  output.say(asTyped(`kept in ${file}; try: carrel whoami --host ${origin}`, output.io.program))
}
