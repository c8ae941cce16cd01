// `carrel session ls|end`.
import type { Command } from 'commander'

import type { ItemOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import type { Column } from '../table.ts'
import { formatMoment, plural } from '../text.ts'

type Session = ItemOf<'sessions.list'>

interface Options extends ManagementOptions {
  readonly json?: boolean
  readonly for?: string
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'sessions: sign-ins that are still good',
    examples: ['carrel session ls --for user:ann', 'carrel session end 7'],
  })
  defineLs(command, context)
  defineEnd(command, context)
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list sessions: since when, last seen, from where',
    more: 'Without a terminal: id, kind, since, last seen, until, address, program, tab-separated.',
    examples: ['carrel session ls --for user:ann', 'carrel session ls --for user:ann --json'],
    json: `[{ "id", "kind": "web"|"refresh"|"device", "for", "current", "createdAt", "lastSeenAt",
   "expiresAt", "address"?, "userAgent"? }]`,
  })
  ls.option('--for <WHO>', 'whose, such as user:ann; with --host your own when left out')
  addManagementOptions(ls).action(async (options: Options) => {
    const { output } = context
    const about = ownerOf(options)
    const sessions = await withApi(context, options, async (api) =>
      collect(api.pages('sessions.list', { ...about, limit: 500 })),
    )
    if (options.json) output.json(sessions)
    else output.list(sessions, columns)
    if (sessions.length === 0 && !options.json) output.say('no sessions')
  })
}

interface EndOptions extends Options {
  readonly all?: boolean
}

function defineEnd(command: Command, context: CommandContext): void {
  const end = describeCommand(command.command('end'), {
    summary: 'end a session, or all of somebody',
    more: 'Tokens are not sessions: carrel token revoke ends those.',
    examples: ['carrel session end 7', 'carrel session end --all --for user:ann'],
    json: '{ "ended": how many }',
  })
  end
    .argument('[ID]')
    .option('--all', 'all of one account')
    .option('--for <WHO>', 'whose, with --all; with --host your own when left out')
  addManagementOptions(end).action(async (text: string | undefined, options: EndOptions) => {
    const { output } = context
    const ended = await withApi(context, options, async (api) => {
      if (options.all !== true) {
        await api.call('sessions.end', { id: requireId(text, options) })
        return 1
      }
      if (text !== undefined) throw usageError('a number and --all exclude each other')
      return (await api.call('sessions.endAll', ownerOf(options))).ended
    })
    if (options.json) output.json({ ended })
    output.say(`ended ${plural(ended, 'session')}`)
  })
}

/** Whoever runs commands beside the data has no sessions. */
function ownerOf({ for: who, host }: Options): { readonly for?: string } {
  if (who !== undefined) return { for: who }
  if (host !== undefined) return {}
  throw usageError('whose sessions?', { fix: 'add --for user:NAME' })
}

function requireId(text: string | undefined, { for: who }: EndOptions): number {
  if (who !== undefined) throw usageError('--for goes with --all', { fix: 'add --all' })
  if (text !== undefined && /^[1-9]\d{0,14}$/.test(text)) return Number(text)
  const given = text === undefined ? 'session end needs ID' : `"${text.slice(0, 40)}" is no number`
  throw usageError(given, { fix: 'carrel session ls, or: carrel session end --all' })
}

const columns: readonly Column<Session>[] = [
  { title: 'id', show: ({ id }) => String(id), align: 'right' },
  { title: 'kind', show: ({ kind }) => kind },
  { title: 'since', ...momentColumn('createdAt') },
  { title: 'last seen', ...momentColumn('lastSeenAt') },
  { title: 'until', ...momentColumn('expiresAt') },
  { title: 'from', show: ({ address }) => address ?? '' },
  { title: 'program', show: ({ userAgent }) => userAgent ?? '' },
]

function momentColumn(
  field: 'createdAt' | 'lastSeenAt' | 'expiresAt',
): Pick<Column<Session>, 'show' | 'plain'> {
  return {
    show: (session) => formatMoment(new Date(session[field])),
    plain: (session) => session[field],
  }
}
