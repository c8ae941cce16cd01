// `carrel access review`: the report of who may do what, by grants and without any.
import type { Command } from 'commander'

import { ApiError, type ApiClient } from '../../contract/client.ts'
import type { InputOf, OutputOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { csvHeading, csvRow, type CsvColumn } from '../csv.ts'
import { parseDuration } from '../duration.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import type { Column } from '../table.ts'
import { formatMoment } from '../text.ts'

type Grant = OutputOf<'grants.show'>
type Flag = Grant['flags'][number]

interface ReviewOptions extends ManagementOptions {
  readonly json?: boolean
  readonly csv?: boolean
  readonly who?: string
  readonly where?: string
  readonly unused?: string
  readonly neverUsed?: boolean
  readonly expiry?: boolean
  readonly broader?: boolean
  readonly disabled?: boolean
}

/** One reason for which somebody may do something somewhere; the documented shape of `--json`. */
interface Right {
  readonly kind: 'grant' | 'administrator' | 'visibility'
  readonly id?: number
  readonly who: string
  readonly where: string
  readonly actions: readonly string[]
  /** When the actions are exactly those of one. */
  readonly role?: string
  readonly reason?: string
  readonly grantedAt: string
  readonly grantedBy?: string
  readonly expiresAt?: string
  readonly lastUsedAt?: string
  readonly actionsUsed?: readonly string[]
  readonly flags: readonly Flag[]
}

export function defineReview(command: Command, context: CommandContext): void {
  const review = describeCommand(command.command('review'), {
    summary: 'report who may do what, and what of it is worth a look',
    more:
      'Every grant with why, by whom, since when, until when and for what it was used; then administrators, who need no ' +
      'grant, and repositories that are internal or public. Several filters: what matches each of them.\n' +
      'What is younger than --unused is not called unused.',
    examples: [
      'carrel access review',
      'carrel access review --unused 90d --where web/',
      'carrel access review --csv > access.csv',
    ],
    json: `[{ "kind": "grant"|"administrator"|"visibility", "id"?, "who", "where", "actions", "reason"?, "grantedAt",
   "grantedBy"?, "expiresAt"?, "lastUsedAt"?, "actionsUsed"?, "flags" }]`,
  })
  review
    .option('--csv', 'print a table for spreadsheets')
    .option('--who <WHO>', 'of exactly this one: user:ann, team:web, signed-in')
    .option('--where <WHERE>', 'on this place, and on all within it')
    .option('--unused <TIME>', 'not used for so long: 90d')
    .option('--never-used', 'not once')
    .option('--broader', 'with actions that nobody ever used')
    .option('--no-expiry', 'that do not end by themselves')
    .option('--disabled', 'whose holder is kept from signing in')
  addManagementOptions(review).action(async (options: ReviewOptions) => {
    if (options.json && options.csv) throw usageError('--json and --csv exclude each other')
    const { output } = context
    const rights = await withApi(context, options, async (api) => findRights(context, api, options))
    if (options.json) output.json(rights)
    else if (options.csv) printCsv(context, rights)
    else output.list(rights, columns)
    if (rights.length === 0 && !options.json) output.say('nothing is like that')
  })
}

/** @throws {CliError} usage for parts of a day */
export function wholeDays(text: string, option: string): number {
  const days = parseDuration(text, option) / dayMs
  if (Number.isInteger(days)) return days
  throw usageError(`${option} counts whole days`, { fix: `${option} ${Math.ceil(days)}d` })
}

const dayMs = 24 * 60 * 60 * 1000

async function findRights(
  { output }: CommandContext,
  api: ApiClient,
  options: ReviewOptions,
): Promise<readonly Right[]> {
  const grants = await collect(api.pages('grants.list', { ...filtersOf(options), limit: 500 }))
  const rights: Right[] = grants.map((grant) => ({ kind: 'grant', ...rightOf(grant) }))
  const isWanted = wantedBy(options)
  const users = await forAdministrators(async () =>
    collect(api.pages('users.list', { limit: 500 })),
  )
  if (users === undefined) output.say('who administers the installation, administrators are told')
  for (const user of users ?? []) {
    const right = rightOfAdministrator(user, options)
    if (user.admin && isWanted(right)) rights.push(right)
  }
  for (const repository of await collect(api.pages('repositories.list', { limit: 500 }))) {
    const right = rightOfVisibility(repository)
    if (right !== undefined && isWanted(right)) rights.push(right)
  }
  return rights
}

async function forAdministrators<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined
    throw error
  }
}

function filtersOf(options: ReviewOptions): InputOf<'grants.list'> {
  const { who, where, unused, neverUsed, broader, expiry, disabled } = options
  return {
    ...(who !== undefined && { who }),
    ...(where !== undefined && { where }),
    ...(unused !== undefined && { unusedDays: wholeDays(unused, '--unused') }),
    ...(neverUsed === true && { neverUsed }),
    ...(broader === true && { broaderThanUsed: true }),
    ...(expiry === false && { noExpiry: true }),
    ...(disabled === true && { disabledHolder: true }),
  }
}

/** The same filters, for what the server does not filter. */
function wantedBy(options: ReviewOptions): (right: Right) => boolean {
  const { who, where = '*', unused, neverUsed, broader, expiry, disabled } = options
  const flags: readonly (Flag | false)[] = [
    unused !== undefined && 'unused',
    neverUsed === true && 'never-used',
    broader === true && 'broader-than-used',
    expiry === false && 'no-expiry',
    disabled === true && 'disabled-holder',
  ]
  const isInside = placeTest(where)
  return (right) =>
    flags.every((flag) => flag === false || right.flags.includes(flag)) &&
    (who === undefined || right.who === who) &&
    isInside(right.where)
}

/** Whether the place or name lies within the place; places are what the API says of them. */
function placeTest(where: string): (inner: string) => boolean {
  if (where === '*' || where === '**') return () => true
  if (where === '/') return (inner) => !/[*/]/.test(inner)
  if (where.endsWith('/')) return (inner) => inner.startsWith(where)
  const source = where.replaceAll(/\*\*|[*?.]/g, (sign) => {
    if (sign === '**') return '.*'
    if (sign === '.') return '\\.'
    return sign === '*' ? '[^/]*' : '[^/]'
  })
  const pattern = new RegExp(`^${source}$`)
  return (inner) => inner !== '*' && pattern.test(inner)
}

function rightOf(grant: Grant): Omit<Right, 'kind'> {
  const { id, who, where, actions, role, reason, grantedAt, actionsUsed, flags } = grant
  const { grantedBy, expiresAt, lastUsedAt } = grant
  return {
    id,
    who,
    where,
    actions,
    ...(role !== undefined && { role }),
    reason,
    grantedAt,
    ...(grantedBy !== undefined && { grantedBy }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(lastUsedAt !== undefined && { lastUsedAt }),
    actionsUsed,
    flags,
  }
}

const everything = ['pull', 'push', 'overwrite', 'delete', 'decide', 'admin']

function rightOfAdministrator(
  { name, createdAt, lastSeenAt, disabled }: OutputOf<'users.show'>,
  { unused }: ReviewOptions,
): Right {
  const windowMs = unused === undefined ? 90 * dayMs : parseDuration(unused, '--unused')
  const isUnused = Date.parse(lastSeenAt ?? createdAt) < Date.now() - windowMs
  return {
    kind: 'administrator',
    who: `user:${name}`,
    where: '*',
    actions: everything,
    grantedAt: createdAt,
    ...(lastSeenAt !== undefined && { lastUsedAt: lastSeenAt }),
    flags: [
      ...(lastSeenAt === undefined ? (['never-used'] as const) : []),
      ...(isUnused ? (['unused'] as const) : []),
      'no-expiry',
      ...(disabled ? (['disabled-holder'] as const) : []),
    ],
  }
}

function rightOfVisibility({
  name,
  visibility,
  createdAt,
}: OutputOf<'repositories.show'>): Right | undefined {
  if (visibility === 'private') return undefined
  const who = visibility === 'public' ? 'anonymous' : 'signed-in'
  const flags = ['no-expiry'] as const
  return { kind: 'visibility', who, where: name, actions: ['pull'], grantedAt: createdAt, flags }
}

const byKind: Readonly<Record<Right['kind'], string>> = {
  grant: '',
  administrator: 'administrator',
  visibility: 'visibility',
}

const columns: readonly Column<Right>[] = [
  { title: 'grant', show: ({ id, kind }) => id?.toString() ?? byKind[kind] },
  { title: 'who', show: ({ who }) => who },
  { title: 'where', show: ({ where }) => where },
  {
    title: 'may',
    show: ({ role, actions }) => role ?? actions.join(','),
    plain: ({ actions }) => actions.join(','),
  },
  { title: 'look', show: ({ flags }) => flags.join(',') },
  { title: 'used', show: ({ actionsUsed = [] }) => actionsUsed.join(',') },
  {
    title: 'last used',
    show: ({ kind, lastUsedAt }) => day(lastUsedAt, kind === 'visibility' ? '' : 'never'),
    plain: ({ lastUsedAt = '' }) => lastUsedAt,
  },
  {
    title: 'until',
    show: ({ expiresAt }) => day(expiresAt, ''),
    plain: ({ expiresAt = '' }) => expiresAt,
  },
  {
    title: 'given',
    show: ({ grantedAt }) => day(grantedAt, ''),
    plain: ({ grantedAt }) => grantedAt,
  },
  { title: 'by', show: ({ grantedBy = '' }) => grantedBy },
  { title: 'reason', show: ({ reason = '' }) => reason },
]

/** The hour does not matter in a review, and takes the room of what does. */
function day(time: string | undefined, none: string): string {
  return time === undefined ? none : formatMoment(new Date(time)).slice(0, 'yyyy-mm-dd'.length)
}

const csvColumns: readonly CsvColumn<Right>[] = [
  { title: 'kind', value: ({ kind }) => kind },
  { title: 'grant', value: ({ id }) => id?.toString() ?? '' },
  { title: 'who', value: ({ who }) => who },
  { title: 'where', value: ({ where }) => where },
  { title: 'actions', value: ({ actions }) => actions.join(' ') },
  { title: 'actions used', value: ({ actionsUsed = [] }) => actionsUsed.join(' ') },
  { title: 'last used at', value: ({ lastUsedAt = '' }) => lastUsedAt },
  { title: 'ends at', value: ({ expiresAt = '' }) => expiresAt },
  { title: 'granted at', value: ({ grantedAt }) => grantedAt },
  { title: 'granted by', value: ({ grantedBy = '' }) => grantedBy },
  { title: 'reason', value: ({ reason = '' }) => reason },
  { title: 'flags', value: ({ flags }) => flags.join(' ') },
]

function printCsv({ output }: CommandContext, rights: readonly Right[]): void {
  output.data(csvHeading(csvColumns))
  for (const right of rights) output.data(csvRow(csvColumns, right))
}
