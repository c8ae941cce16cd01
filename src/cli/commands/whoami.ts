// `carrel whoami`: who one is at a server, or the servers that one is signed in to.
import type { Command } from 'commander'

import type { OutputOf } from '../../contract/operations.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { listHostCredentials } from '../host-credentials.ts'
import { withApi } from '../management.ts'
import type { Output } from '../output.ts'
import { printable } from '../text.ts'
import { rightsOf } from '../whoami-text.ts'

interface Options {
  readonly host?: string
  readonly caFile?: string
  readonly json?: boolean
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'say who you are at a server, or where you are signed in',
    more: 'Without --host: the servers that a token is kept for, and whose it is; nobody is asked.',
    examples: ['carrel whoami', 'carrel whoami --host https://registry.example.com'],
    json: `with --host: { "name", "kind", "provider"?, "admin", "teams", "grants", "totp",
  "token"?: { "id", "scopes"?, "expiresAt"? } }
without: [{ "host", "name"? }]`,
  })
    .option('--host <URL>', 'a server on the network')
    .option('--ca, --ca-file <FILE>', 'trust this authority for --host')
    .action((options: Options) => whoami(context, options))
}

async function whoami(context: CommandContext, options: Options): Promise<void> {
  const { output } = context
  if (options.host === undefined) return listHosts(output, options)
  const account = await withApi(context, options, async (api) => api.call('account.show', {}))
  if (options.json) output.json(account)
  else tell(output, account)
}

async function listHosts(output: Output, { json }: Options): Promise<void> {
  const hosts = [...(await listHostCredentials(output.io))].map(([host, { user: name }]) => ({
    host,
    ...(name !== undefined && { name }),
  }))
  if (json) {
    output.json(hosts)
    return
  }
  if (hosts.length === 0) output.say('you are signed in nowhere; sign in with: carrel login HOST')
  output.list(hosts, [
    { title: 'host', show: ({ host }) => host },
    { title: 'name', show: ({ name = '' }) => name },
  ])
}

function tell(output: Output, account: OutputOf<'account.show'>): void {
  const { name, kind, provider, teams, token } = account
  output.data(`${printable(name)}\n`)
  const by = provider === undefined ? '' : `, by ${printable(provider)}`
  output.say(`  a ${kind}${by}`)
  if (teams.length > 0) output.say(`  in the teams ${printable(teams.join(', '))}`)
  for (const line of rightsOf(account)) output.say(`  ${line}`)
  if (token?.expiresAt !== undefined) output.say(`  until ${token.expiresAt.slice(0, 10)}`)
}
