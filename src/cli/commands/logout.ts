// `carrel logout`: the token that `carrel login` got ends, and is forgotten here.
import type { Command } from 'commander'

import { ApiError, createApiClient, type ApiClient } from '../../contract/client.ts'
import { openHttpTransport } from '../api-transport.ts'
import { CliError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import { eraseHostCredential, readHostCredential } from '../host-credentials.ts'
import { parseHost } from '../host.ts'

interface Options {
  readonly local?: boolean
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'sign out of a server: end the token that is kept for it',
    examples: ['carrel logout registry.example.com', 'carrel logout registry.example.com --local'],
  })
    .argument('<host>', 'the server, such as registry.example.com')
    .option('--local', 'only forget the token here; it goes on to work')
    .action((host: string, options: Options) => logout(context, host, options))
}

async function logout(context: CommandContext, host: string, { local }: Options): Promise<void> {
  const { output, composition } = context
  const { io } = output
  const origin = parseHost(host)
  const credential = await readHostCredential(io, origin)
  if (credential === undefined) {
    throw new CliError(exitCodes.notFound, {
      what: `you are not signed in to ${origin}`,
      why: 'no token is kept for it',
      fix: 'carrel whoami',
    })
  }
  if (local !== true) {
    const { token, ca } = credential
    const userAgent = `carrel/${composition.version}`
    const connection = openHttpTransport({ origin, token, ca, userAgent })
    try {
      const problem = await endToken(createApiClient(connection.transport))
      if (problem !== undefined) output.warn(problem)
    } finally {
      await connection.close()
    }
  }
  await eraseHostCredential(io, origin)
  output.say(`signed out of ${origin}`)
}

/** What is left to do, when the token could not end itself. */
async function endToken(api: ApiClient): Promise<string | undefined> {
  try {
    const { token } = await api.call('account.show', {})
    if (token !== undefined) await api.call('tokens.revoke', { id: token.id })
    return undefined
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    // It had ended before.
    if (error.status === 401) return undefined
    if (error.status !== 403 && error.status !== 404) throw error
    return `the token was narrowed, so it cannot end itself: it works until it expires, or somebody ends it (${error.problem.detail})`
  }
}
