// `carrel token create|login|ls|rotate|revoke`.
import type { Command } from 'commander'

import type { OutputOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { parseExpiry } from '../duration.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, gather, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import { addRotationOptions, oldSecretOf, printSecret, rotationOf, untilOf } from '../secrets.ts'
import type { RotationOptions } from '../secrets.ts'
import type { Column } from '../table.ts'
import { formatMoment } from '../text.ts'

type Token = OutputOf<'tokens.show'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

const tokenJson = `"id", "kind": "personal"|"robot"|"login", "name", "for", "scopes"?, "createdAt", "createdBy"?,
   "expiresAt"?, "revokedAt"?, "lastUsedAt"?, "lastUsedFrom"?, "state": "active"|"expired"|"revoked",
   "secrets": [{ "slot", "state": "current"|"replaced"|"ended", "createdAt", "lastUsedAt"?, "replacedAt"?, "endsAt"? }]`

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'tokens: what programs sign in with instead of a password',
    more: 'A token may do what its owner may, or less: only what its scopes say.',
    examples: [
      "carrel token create --for user:ann --scope 'web/app:pull,push' --expires 90d",
      'carrel token login --for user:ann | docker login -u ann --password-stdin HOST',
      'carrel token rotate 7',
    ],
  })
  defineCreate(command, context)
  defineLogin(command, context)
  defineLs(command, context)
  defineRotate(command, context)
  defineRevoke(command, context)
}

interface CreateOptions extends Options {
  readonly for?: string
  readonly name?: string
  readonly scope?: readonly string[]
  readonly expires?: string
}

function defineCreate(command: Command, context: CommandContext): void {
  const create = describeCommand(command.command('create'), {
    summary: 'make a token, and print its secret',
    more: 'The secret is all that goes to standard output. It is shown this once.',
    examples: [
      "carrel token create --for user:ann --scope 'web/app:pull,push' --scope '*:pull'",
      'carrel token create --for user:ann --name laptop --expires 30d > ann.token',
    ],
    json: `{ ${tokenJson},\n  "secret" }`,
  })
  addTokenOptions(create).option('--expires <WHEN>', 'when it ends: 90d, 2027-01-31, never; 90d')
  addManagementOptions(create).action(async (options: CreateOptions) => {
    const { expires } = options
    const ends = expires === undefined ? {} : { expiresAt: parseExpiry(expires, '--expires') }
    const made = await withApi(context, options, async (api) =>
      api.call('tokens.create', { ...askedOf(options), ...ends }),
    )
    printSecret(context.output, made, options)
    context.output.say(`made token ${made.id} for ${made.for}, ${untilOf(made.expiresAt)}`)
  })
}

function addTokenOptions(command: Command): Command {
  return command
    .option('--for <WHO>', 'whose it is, such as user:ann; with --host your own when left out')
    .option('--scope <WHERE:ACTIONS>', 'what it may do; all when left out; repeatable', gather)
    .option('--name <TEXT>', 'what it is for')
}

function askedOf({ for: who, scope, name }: CreateOptions) {
  return {
    name: name ?? `made ${new Date().toISOString().slice(0, 10)}`,
    ...(who !== undefined && { for: who }),
    ...(scope !== undefined && { scopes: scope }),
  }
}

function defineLogin(command: Command, context: CommandContext): void {
  const login = describeCommand(command.command('login'), {
    summary: 'make a token for docker login, for 12 hours',
    more: 'Without scopes it may pull, push and delete what its owner may, and manage nothing.',
    examples: [
      'carrel token login --for user:ann | docker login -u ann --password-stdin localhost:5443',
      "carrel token login --for user:ann --scope 'web/:pull'",
    ],
    json: `{ ${tokenJson},\n  "secret" }`,
  })
  addManagementOptions(addTokenOptions(login)).action(async (options: CreateOptions) => {
    const asked = { kind: 'login' as const, ...askedOf(options) }
    const made = await withApi(context, options, async (api) => api.call('tokens.create', asked))
    printSecret(context.output, made, options)
    const user = made.for.slice(made.for.indexOf(':') + 1)
    context.output.say(`it signs in ${user} ${untilOf(made.expiresAt)} (token ${made.id})`)
  })
}

interface LsOptions extends Options {
  readonly for?: string
  readonly all?: boolean
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list tokens: whose, for what, until when, and when they were used',
    more: 'Beside the data, those of everybody; with --host your own, or with --all everybody’s.\nWithout a terminal: id, whose, kind, name, scopes, state, expiry, last use, from where, secrets, tab-separated.',
    examples: ['carrel token ls', 'carrel token ls --for user:ann --json'],
    json: `[{ ${tokenJson} }]`,
  })
  ls.option('--for <WHO>', 'only those of this one').option('--all', 'those of everybody')
  addManagementOptions(ls).action(async (options: LsOptions) => {
    const { output } = context
    const { for: who, all } = options
    if (who !== undefined && all === true) throw usageError('--for and --all exclude each other')
    const about = { ...(who !== undefined && { for: who }), ...(all === true && { all }) }
    const tokens = await withApi(context, options, async (api) =>
      collect(api.pages('tokens.list', { ...about, limit: 500 })),
    )
    if (options.json) output.json(tokens)
    else output.list(tokens, columns)
    if (tokens.length === 0 && !options.json) output.say('no tokens')
  })
}

function defineRotate(command: Command, context: CommandContext): void {
  const rotate = describeCommand(command.command('rotate'), {
    summary: 'give a token a new secret, and print it',
    more: 'The old secret works on for a while, so that nothing stands still meanwhile.',
    examples: ['carrel token rotate 7', 'carrel token rotate 7 --grace 0 > new.token'],
    json: `{ ${tokenJson},\n  "secret" }`,
  })
  addManagementOptions(addRotationOptions(rotate.argument('<ID>'))).action(
    async (id: string, options: Options & RotationOptions) => {
      const input = { id: parseId(id, 'token'), ...rotationOf(options) }
      const made = await withApi(context, options, async (api) => api.call('tokens.rotate', input))
      printSecret(context.output, made, options)
      context.output.say(`token ${made.id} has a new secret, ${untilOf(made.expiresAt)}`)
      context.output.say(oldSecretOf(made))
    },
  )
}

function defineRevoke(command: Command, context: CommandContext): void {
  const revoke = describeCommand(command.command('revoke'), {
    summary: 'end a token at once, for good',
    examples: ['carrel token revoke 7', 'carrel token revoke 7 --yes'],
    json: '{ "id", "for", "name", "revoked": true|false }',
  })
  revoke.argument('<ID>')
  addManagementOptions(addRemovalOptions(revoke)).action(
    async (text: string, options: Options & RemovalOptions) => {
      const { output } = context
      const id = parseId(text, 'token')
      await withApi(context, options, async (api) => {
        const { for: who, name } = await api.call('tokens.show', { id })
        const consequences = `token ${id} (${name}) of ${who} no longer works, wherever it is used`
        const agreed = await agreeToRemoval(output, consequences, options)
        if (agreed) {
          await api.call('tokens.revoke', { id })
          output.say(`revoked token ${id}`)
        }
        if (options.json) output.json({ id, for: who, name, revoked: agreed })
      })
    },
  )
}

function parseId(text: string, what: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw usageError(`"${text.slice(0, 40)}" is no number of a ${what}`, { fix: `carrel ${what} ls` })
}

const columns: readonly Column<Token>[] = [
  { title: 'id', show: ({ id }) => String(id), align: 'right' },
  { title: 'for', show: (token) => token.for },
  { title: 'kind', show: ({ kind }) => kind },
  { title: 'name', show: ({ name }) => name },
  {
    title: 'may',
    show: ({ scopes }) => scopes?.join(' ') ?? 'all',
    plain: ({ scopes }) => scopes?.join(' ') ?? '',
  },
  { title: 'state', show: ({ state }) => state },
  { title: 'until', ...momentColumn('expiresAt', 'never ends') },
  { title: 'last used', ...momentColumn('lastUsedAt', 'never') },
  { title: 'from', show: ({ lastUsedFrom }) => lastUsedFrom ?? '' },
  {
    title: 'secrets',
    show: ({ secrets }) => secrets.map(({ state }) => state).join(', '),
  },
]

function momentColumn(
  field: 'expiresAt' | 'lastUsedAt',
  none: string,
): Pick<Column<Token>, 'show' | 'plain'> {
  return {
    show: (token) => {
      const time = token[field]
      return time === undefined ? none : formatMoment(new Date(time))
    },
    plain: (token) => token[field] ?? '',
  }
}
