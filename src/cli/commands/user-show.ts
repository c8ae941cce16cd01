// `carrel user show`: who a user is, and all that the user may do.
import type { Command } from 'commander'

import type { ApiClient } from '../../contract/client.ts'
import type { ItemOf, OutputOf } from '../../contract/operations.ts'
import type { CommandContext } from '../context.ts'
import { printFields, timeField } from '../fields.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import type { Output } from '../output.ts'
import type { Column } from '../table.ts'
import { formatMoment } from '../text.ts'

type User = OutputOf<'users.show'>
type Grant = ItemOf<'grants.list'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

export function defineShow(command: Command, context: CommandContext): void {
  const show = describeCommand(command.command('show'), {
    summary: 'show a user, and all that the user may do',
    more: 'Grants: the user’s own and those of teams; not those of everybody (signed-in, anonymous).\nWithout a terminal: a field a line, an empty line, a grant a line.',
    examples: ['carrel user show ann', 'carrel user show ann --json'],
    json: `{ "name", "displayName"?, "provider", "admin", "disabled", "totp",
  "createdAt", "lastSeenAt"?, "teams": [NAME],
  "grants": [{ "id", "who", "where", "actions", "role"?, "expiresAt"?, … }] }`,
  })
  addManagementOptions(show.argument('<NAME>')).action(async (name: string, options: Options) => {
    const { output } = context
    await withApi(context, options, async (api) => {
      const guess = guessUser(api, name, (near) => `carrel user show ${near}`)
      const user = await guessing(guess, async () => api.call('users.show', { name }))
      const grants = await grantsOf(api, user)
      if (options.json) output.json({ ...user, grants })
      else printUser(output, user, grants)
    })
  })
}

/** The user's own, then those of each team. */
async function grantsOf(api: ApiClient, { name, teams = [] }: User): Promise<readonly Grant[]> {
  const grants: Grant[] = []
  for (const who of [`user:${name}`, ...teams.map((team) => `team:${team}`)]) {
    grants.push(...(await collect(api.pages('grants.list', { who, limit: 500 }))))
  }
  return grants
}

const columns: readonly Column<Grant>[] = [
  { title: 'grant', show: ({ id }) => String(id), align: 'right' },
  { title: 'by', show: ({ who }) => who },
  { title: 'where', show: ({ where }) => where },
  {
    title: 'may',
    show: ({ role, actions }) => role ?? actions.join(','),
    plain: ({ actions }) => actions.join(','),
  },
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
]

function printUser(output: Output, user: User, grants: readonly Grant[]): void {
  printFields(output, [
    ['name', user.name],
    ['shown as', user.displayName ?? ''],
    ['role', user.admin ? 'admin' : 'user'],
    ['state', user.disabled ? 'disabled' : 'active'],
    ['from', user.provider],
    ['second factor', user.totp ? 'on' : 'off'],
    ['created', timeField(output, user.createdAt, '')],
    ['last seen', timeField(output, user.lastSeenAt, 'never')],
    ['teams', (user.teams ?? []).join(', ')],
  ])
  if (grants.length > 0) output.data('\n')
  output.list(grants, columns)
  if (user.admin) output.say('an administrator may do everything, without any grant')
}

/** For commands about one user that is there. */
export function guessUser(api: ApiClient, name: string, fix: (near: string) => string) {
  const known = async () =>
    (await collect(api.pages('users.list', { limit: 500 }))).map((user) => user.name)
  return { name, known, fix, otherwise: 'carrel user ls' }
}
