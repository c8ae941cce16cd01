// `carrel read-only [status|on|off]`.
import type { Command } from 'commander'

import type { OutputOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { parseDuration } from '../duration.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { formatMoment } from '../text.ts'

type State = OutputOf<'read-only.show'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

interface OnOptions extends Options {
  readonly until?: string
  readonly for?: string
  readonly reason?: string
}

const shape = '{ "readOnly", "since"?, "until"?, "reason"?, "by"? }'

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'stop pushes and deletes for a while',
    more: 'Pulls, logins and the management of access go on. Alone it says how it is.',
    examples: [
      'carrel read-only',
      'carrel read-only on --for 2h --reason "the disk is moved"',
      'carrel read-only off',
    ],
  })
  const status = describeCommand(command.command('status', { isDefault: true }), {
    summary: 'say whether pushes and deletes are taken',
    examples: ['carrel read-only', 'carrel read-only status --json'],
    json: shape,
  })
  addManagementOptions(status).action(async (options: Options) =>
    change(context, options, async (api) => api.call('read-only.show', {})),
  )
  defineOn(command, context)
  defineOff(command, context)
}

function defineOn(command: Command, context: CommandContext): void {
  const on = describeCommand(command.command('on'), {
    summary: 'refuse pushes and deletes from now on',
    more: 'All nodes follow within two seconds. Without an end it stays until: carrel read-only off',
    examples: [
      'carrel read-only on --until 2027-01-31T18:00:00Z',
      'carrel read-only on --for 30m --reason "backup of the disk"',
    ],
    json: shape,
  })
  on.option('--until <TIME>', 'when it ends by itself')
    .option('--for <DURATION>', 'after which time it ends by itself: 30m, 2h, 1d')
    .option('--reason <TEXT>', 'told to whoever pushes meanwhile')
  addManagementOptions(on).action(async (options: OnOptions) => {
    const until = endOf(options)
    const { reason } = options
    const input = { ...(until !== undefined && { until }), ...(reason !== undefined && { reason }) }
    await change(context, options, async (api) => api.call('read-only.on', input))
  })
}

function defineOff(command: Command, context: CommandContext): void {
  const off = describeCommand(command.command('off'), {
    summary: 'take pushes and deletes again',
    examples: ['carrel read-only off', 'carrel read-only off --host https://registry.example.com'],
    json: shape,
  })
  addManagementOptions(off).action(async (options: Options) =>
    change(context, options, async (api) => api.call('read-only.off', {})),
  )
}

async function change(
  context: CommandContext,
  options: Options,
  ask: (api: Parameters<Parameters<typeof withApi>[2]>[0]) => Promise<State>,
): Promise<void> {
  const { output } = context
  const state = await withApi(context, options, ask)
  if (options.json) output.json(state)
  else output.data(`${sentence(state)}\n`)
}

function sentence({ readOnly, until, reason, by }: State): string {
  if (!readOnly) return 'pushes and deletes are taken'
  const end =
    until === undefined ? 'until: carrel read-only off' : `until ${formatMoment(new Date(until))}`
  const who = by === undefined ? '' : `, switched on by ${by}`
  return `read-only ${end}${who}${reason === undefined ? '' : `: ${reason}`}`
}

function endOf({ until, for: duration }: OnOptions): string | undefined {
  if (until !== undefined && duration !== undefined) {
    throw usageError('--until and --for exclude each other')
  }
  if (duration !== undefined) {
    return new Date(Date.now() + parseDuration(duration, '--for')).toISOString()
  }
  if (until === undefined) return undefined
  const at = Date.parse(until)
  const isTime = /^\d{4}-\d{2}-\d{2}/.test(until) && !Number.isNaN(at)
  if (isTime && at <= Date.now()) throw usageError(`--until ${until} is over already`)
  if (isTime) return new Date(at).toISOString()
  throw usageError(`--until "${until.slice(0, 40)}" is no time`, {
    why: 'write it as 2027-01-31T18:00:00Z, or say how long it lasts',
    fix: 'carrel read-only on --for 2h',
  })
}
