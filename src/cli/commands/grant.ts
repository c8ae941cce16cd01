// `carrel grant add|ls|show|edit|rm`.
import type { Command } from 'commander'

import type { InputOf, OutputOf } from '../../contract/operations.ts'
import { CliError, describeError, usageError } from '../cli-error.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { parseDuration, parseExpiry } from '../duration.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import type { Output } from '../output.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { formatMoment, plural, printable } from '../text.ts'

type Grant = OutputOf<'grants.show'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

const grantJson = `"id", "who", "where", "actions", "role"?, "reason", "grantedAt", "grantedBy"?,
   "expiresAt"?, "lastUsedAt"?, "actionsUsed", "waiting", "changedAt", "flags"`

const words = `WHO: user:NAME, robot:NAME, federated:NAME, team:NAME, signed-in (everybody with an account), anonymous.
WHERE: * everything, / names without a slash, web/ a namespace, web/app a repository, or a glob in quotes: 'web/*-dev'.
ROLE: reader, writer, maintainer, owner; or actions: pull,push,overwrite,delete,decide,admin.`

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'grants: who may do what where',
    more: words,
    examples: [
      'carrel grant add user:ann web/ writer --expires 30d',
      'carrel grant ls --unused 90d',
      'carrel access explain user:ann web/app push',
    ],
  })
  defineAdd(command, context)
  defineLs(command, context)
  defineShow(command, context)
  defineEdit(command, context)
  defineRm(command, context)
}

interface AddOptions extends Options {
  readonly expires?: string
  readonly reason?: string
}

function defineAdd(command: Command, context: CommandContext): void {
  const add = describeCommand(command.command('add'), {
    summary: 'let somebody do something somewhere',
    more: words,
    examples: [
      'carrel grant add user:ann web/ writer',
      'carrel grant add team:ops web/app pull,push --expires 30d --reason "on call"',
      "carrel grant add signed-in 'web/*-docs' reader",
    ],
    json: `{ ${grantJson} }`,
  })
  add
    .argument('<WHO>')
    .argument('<WHERE>')
    .argument('<ROLE-OR-ACTIONS>')
    .option('--expires <WHEN>', 'when it ends: 12h, 30d, 1y or 2027-01-31')
    .option('--reason <TEXT>', 'why, for whoever reviews it')
  addManagementOptions(add).action(
    async (who: string, where: string, actions: string, options: AddOptions) => {
      const { output } = context
      const { reason } = options
      const expiresAt =
        options.expires === undefined ? null : parseExpiry(options.expires, '--expires')
      const input = {
        who,
        where,
        actions,
        ...(expiresAt !== null && { expiresAt }),
        ...(reason !== undefined && { reason }),
      }
      const grant = await withApi(context, options, async (api) =>
        withWholeLine(
          (meant) => `carrel grant add ${meant} ${where} ${actions}`,
          () => api.call('grants.create', input),
        ),
      )
      if (options.json) output.json(grant)
      output.say(`${who} has ${termsOf(grant)} (grant ${grant.id})`)
      if (grant.waiting) output.say(`it holds once there is a repository ${where}`)
    },
  )
}

/** Where the server knows who was meant, the line to type is the whole command. */
async function withWholeLine<T>(
  line: (meant: string) => string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { exitCode, failure } = describeError(error)
    const { fix = '' } = failure
    if (!/^(?:(?:user|team|robot|federated):\S+|signed-in|anonymous)$/.test(fix)) throw error
    throw new CliError(exitCode, { ...failure, fix: line(fix) }, error)
  }
}

interface LsOptions extends Options {
  readonly who?: string
  readonly where?: string
  readonly unused?: string
  readonly neverUsed?: boolean
  readonly broader?: boolean
  readonly withoutExpiry?: boolean
  readonly disabled?: boolean
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list grants, all or those that are worth a look',
    more: 'Several filters: grants that match each of them.\nWithout a terminal: id, who, where, actions, expiry, last use, flags, reason, tab-separated.',
    examples: [
      'carrel grant ls --who user:ann',
      'carrel grant ls --where web/ --unused 90d',
      'carrel grant ls --without-expiry --json',
    ],
    json: `[{ ${grantJson} }]`,
  })
  ls.option('--who <WHO>', 'given to exactly this one')
    .option('--where <WHERE>', 'on this place, and on all within it')
    .option('--unused <TIME>', 'neither used nor given for so long: 90d')
    .option('--never-used', 'not once')
    .option('--broader', 'with actions that nobody ever used')
    .option('--without-expiry', 'that do not end by themselves')
    .option('--disabled', 'whose holder is kept from signing in')
  addManagementOptions(ls).action(async (options: LsOptions) => {
    const { output } = context
    const filters = filtersOf(options)
    const grants = await withApi(context, options, async (api) =>
      collect(api.pages('grants.list', { ...filters, limit: 500 })),
    )
    if (options.json) output.json(grants)
    else output.list(grants, columns)
    if (grants.length === 0 && !options.json) output.say('no such grants')
  })
}

function filtersOf(options: LsOptions): InputOf<'grants.list'> {
  const { who, where, unused, neverUsed, broader, withoutExpiry, disabled } = options
  return {
    ...(who !== undefined && { who }),
    ...(where !== undefined && { where }),
    ...(unused !== undefined && { unusedDays: daysOf(unused) }),
    ...(neverUsed === true && { neverUsed }),
    ...(broader === true && { broaderThanUsed: true }),
    ...(withoutExpiry === true && { noExpiry: true }),
    ...(disabled === true && { disabledHolder: true }),
  }
}

function daysOf(text: string): number {
  const days = parseDuration(text, '--unused') / 86_400_000
  if (Number.isInteger(days)) return days
  throw usageError('--unused counts whole days', { fix: `--unused ${Math.ceil(days)}d` })
}

function defineShow(command: Command, context: CommandContext): void {
  const show = describeCommand(command.command('show'), {
    summary: 'show one grant',
    examples: ['carrel grant show 7', 'carrel grant show 7 --json'],
    json: `{ ${grantJson} }`,
  })
  addManagementOptions(show.argument('<ID>')).action(async (id: string, options: Options) => {
    const input = { id: parseId(id) }
    const grant = await withApi(context, options, async (api) => api.call('grants.show', input))
    if (options.json) context.output.json(grant)
    else printGrant(context.output, grant)
  })
}

interface EditOptions extends AddOptions {
  readonly actions?: string
  readonly shrink?: boolean
}

function defineEdit(command: Command, context: CommandContext): void {
  const edit = describeCommand(command.command('edit'), {
    summary: 'change what a grant allows, or when it ends',
    more: 'Who and where never change: add another grant for that.',
    examples: [
      'carrel grant edit 7 --actions reader',
      'carrel grant edit 7 --expires 30d',
      'carrel grant edit 7 --shrink',
    ],
    json: `{ ${grantJson} }`,
  })
  edit
    .argument('<ID>')
    .option('--actions <ROLE-OR-ACTIONS>', 'what it allows from now on')
    .option('--shrink', 'take away the actions that nobody ever used')
    .option('--expires <WHEN>', 'when it ends: 12h, 30d, 1y, 2027-01-31 or never')
    .option('--reason <TEXT>', 'why, for whoever reviews it')
  addManagementOptions(edit).action(async (id: string, options: EditOptions) => {
    const { output } = context
    const change = { id: parseId(id), ...changeOf(options) }
    const grant = await withApi(context, options, async (api) => api.call('grants.change', change))
    if (options.json) output.json(grant)
    output.say(`${grant.who} has ${termsOf(grant)} (grant ${grant.id})`)
  })
}

function changeOf({ actions, shrink, expires, reason }: EditOptions) {
  if (actions !== undefined && shrink === true) {
    throw usageError('--actions and --shrink exclude each other')
  }
  const change = {
    ...(actions !== undefined && { actions }),
    ...(shrink === true && { shrinkToUsed: true as const }),
    ...(expires !== undefined && { expiresAt: parseExpiry(expires, '--expires') }),
    ...(reason !== undefined && { reason }),
  }
  if (Object.keys(change).length > 0) return change
  throw usageError('nothing to change was given', {
    fix: 'add --actions, --shrink, --expires or --reason',
  })
}

function defineRm(command: Command, context: CommandContext): void {
  const rm = describeCommand(command.command('rm'), {
    summary: 'take rights away',
    examples: ['carrel grant rm 7', 'carrel grant rm 7 8 9 --yes'],
    json: '[{ "id", "who", "where", "removed": true|false }]',
  })
  rm.argument('<ID...>')
  addManagementOptions(addRemovalOptions(rm)).action(
    async (ids: readonly string[], options: Options & RemovalOptions) => {
      const { output } = context
      const wanted = [...new Set(ids.map(parseId))]
      await withApi(context, options, async (api) => {
        const grants: Grant[] = []
        for (const id of wanted) grants.push(await api.call('grants.show', { id }))
        const lines = grants.map((grant) => `${grant.who} loses ${termsOf(grant)}`)
        const agreed = await agreeToRemoval(output, lines.join('; '), options)
        if (agreed) {
          for (const { id } of grants) await api.call('grants.remove', { id })
          output.say(`removed ${plural(grants.length, 'grant')}`)
        }
        if (options.json) {
          output.json(grants.map(({ id, who, where }) => ({ id, who, where, removed: agreed })))
        }
      })
    },
  )
}

function parseId(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw usageError(`"${text.slice(0, 40)}" is no number of a grant`, { fix: 'carrel grant ls' })
}

/** `writer on web/ until 2026-12-23 12:00 UTC`. */
function termsOf({ where, expiresAt, ...grant }: Grant): string {
  const until = expiresAt === undefined ? '' : ` until ${formatMoment(new Date(expiresAt))}`
  return `${whatOf(grant)} on ${where}${until}`
}

function whatOf({ role, actions }: Pick<Grant, 'role' | 'actions'>): string {
  return role ?? actions.join(',')
}

const columns: readonly Column<Grant>[] = [
  { title: 'id', show: ({ id }) => String(id), align: 'right' },
  { title: 'who', show: ({ who }) => who },
  { title: 'where', show: ({ where }) => where },
  { title: 'may', show: whatOf, plain: ({ actions }) => actions.join(',') },
  {
    title: 'until',
    show: ({ expiresAt }) => (expiresAt === undefined ? '' : formatMoment(new Date(expiresAt))),
    plain: ({ expiresAt }) => expiresAt ?? '',
  },
  {
    title: 'last used',
    show: ({ lastUsedAt }) =>
      lastUsedAt === undefined ? 'never' : formatMoment(new Date(lastUsedAt)),
    plain: ({ lastUsedAt }) => lastUsedAt ?? '',
  },
  { title: 'look', show: ({ flags }) => flags.join(','), plain: ({ flags }) => flags.join(',') },
  { title: 'reason', show: ({ reason }) => reason },
]

function printGrant(output: Output, grant: Grant): void {
  const time = (text: string | undefined, none: string) => {
    if (text === undefined) return output.terminal ? none : ''
    return output.terminal ? formatMoment(new Date(text)) : text
  }
  const rows = [
    ['id', String(grant.id)],
    ['who', grant.who],
    ['where', grant.where],
    ['actions', grant.actions.join(',')],
    ['role', grant.role ?? ''],
    ['reason', grant.reason],
    ['given', time(grant.grantedAt, '')],
    ['by', grant.grantedBy ?? ''],
    ['until', time(grant.expiresAt, 'it does not end by itself')],
    ['last used', time(grant.lastUsedAt, 'never')],
    ['used', grant.actionsUsed.join(',')],
    ['look', grant.flags.join(',')],
  ] as const
  for (const [label, value] of rows) {
    const name = output.terminal ? output.paint('bold', label.padEnd(11)) : `${label}\t`
    output.data(`${name}${printable(value)}\n`)
  }
}
