// `carrel team ls|show|create|edit|rm|add|remove`.
import type { Command } from 'commander'

import type { ApiClient } from '../../contract/client.ts'
import type { ItemOf, OutputOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, gather, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import type { Output } from '../output.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { formatMoment, plural, printable } from '../text.ts'

type Team = OutputOf<'teams.show'>
type Member = ItemOf<'teams.members'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

interface ChangeOptions extends Options {
  readonly description?: string
  /** False: --no-groups. */
  readonly groups?: boolean
  readonly group?: readonly string[]
}

const teamJson =
  '"name", "description", "members", "groups": [{ "provider", "group" }], "createdAt"'
const memberJson = '"name", "kind", "maintainer", "disabled", "sources", "addedAt"'

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'teams: who shares grants',
    more: 'What is granted to team:NAME, all of its members may do. Maintainers change who is in.',
    examples: [
      'carrel team create web',
      'carrel team add web ann --maintainer',
      'carrel grant add team:web web/ writer',
    ],
  })
  defineLs(command, context)
  defineShow(command, context)
  defineCreate(command, context)
  defineEdit(command, context)
  defineRm(command, context)
  defineAdd(command, context)
  defineRemove(command, context)
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list teams',
    more: 'Without a terminal: name, members, groups, description, tab-separated.',
    examples: ['carrel team ls', 'carrel team ls --host https://registry.example.com --json'],
    json: `[{ ${teamJson} }]`,
  })
  addManagementOptions(ls).action(async (options: Options) => {
    const { output } = context
    const teams = await withApi(context, options, async (api) =>
      collect(api.pages('teams.list', { limit: 500 })),
    )
    if (options.json) output.json(teams)
    else output.list(teams, columns)
    if (teams.length === 0 && !options.json)
      output.say('no teams yet; try: carrel team create NAME')
  })
}

function defineShow(command: Command, context: CommandContext): void {
  const show = describeCommand(command.command('show'), {
    summary: 'show a team and who is in it',
    more: 'Without a terminal: one member a line: name, maintainer or member, sources.',
    examples: ['carrel team show web', 'carrel team show web --json'],
    json: `{ "name", "description", "groups", "createdAt",\n  "members": [{ ${memberJson} }] }`,
  })
  addManagementOptions(show.argument('<TEAM>')).action(async (name: string, options: Options) => {
    const { output } = context
    await withApi(context, options, async (api) => {
      const guess = guessTeam(api, name, (near) => `carrel team show ${near}`)
      const team = await guessing(guess, () => api.call('teams.show', { name }))
      const members = await collect(api.pages('teams.members', { name, limit: 500 }))
      if (options.json) output.json({ ...team, members })
      else printTeam(output, team, members)
    })
  })
}

function defineCreate(command: Command, context: CommandContext): void {
  const create = describeCommand(command.command('create'), {
    summary: 'make a team',
    examples: [
      'carrel team create web --description "the web shop"',
      'carrel team create ops --group oidc:corp=operators',
    ],
    json: `{ ${teamJson} }`,
  })
  create
    .argument('<TEAM>')
    .option('--description <TEXT>', 'one line for people')
    .option('--group <PROVIDER=GROUP>', 'whoever is in it joins at sign-in; repeatable', gather)
  addManagementOptions(create).action(async (name: string, options: ChangeOptions) => {
    const { output } = context
    const { description, group } = options
    const made = await withApi(context, options, async (api) =>
      api.call('teams.create', {
        name,
        ...(description !== undefined && { description }),
        ...(group !== undefined && { groups: group.map(parseGroup) }),
      }),
    )
    if (options.json) output.json(made)
    output.say(`made team ${name}`)
    output.say(`next: carrel team add ${name} USER`)
  })
}

function defineEdit(command: Command, context: CommandContext): void {
  const edit = describeCommand(command.command('edit'), {
    summary: 'change the description or the groups of a team',
    more: 'Groups that are given take the place of those that are there. Whom a group that goes had put here leaves.',
    examples: [
      'carrel team edit web --description "the web shop"',
      'carrel team edit ops --group oidc:corp=operators --group ldap:hq=ops',
    ],
    json: `{ ${teamJson} }`,
  })
  edit
    .argument('<TEAM>')
    .option('--description <TEXT>', 'one line for people')
    .option('--group <PROVIDER=GROUP>', 'whoever is in it joins at sign-in; repeatable', gather)
    .option('--no-groups', 'from now on nobody joins by a group')
  addManagementOptions(edit).action(async (name: string, options: ChangeOptions) => {
    const { output } = context
    const change = changeOf(options)
    await withApi(context, options, async (api) => {
      const guess = guessTeam(api, name, (near) => `carrel team edit ${near} …`)
      const edited = await guessing(guess, () => api.call('teams.change', { name, ...change }))
      if (options.json) output.json(edited)
      output.say(`changed team ${name}`)
    })
  })
}

function changeOf({ description, group, groups }: ChangeOptions) {
  if (group !== undefined && groups === false) {
    throw usageError('--group and --no-groups exclude each other')
  }
  const wanted = groups === false ? [] : group?.map(parseGroup)
  if (description === undefined && wanted === undefined) {
    throw usageError('nothing to change was given', { fix: 'add --description or --group' })
  }
  return {
    ...(description !== undefined && { description }),
    ...(wanted !== undefined && { groups: wanted }),
  }
}

function parseGroup(text: string): { readonly provider: string; readonly group: string } {
  const equals = text.indexOf('=')
  if (equals > 0 && equals < text.length - 1) {
    return { provider: text.slice(0, equals), group: text.slice(equals + 1) }
  }
  throw usageError(`--group "${text.slice(0, 100)}" names no group`, {
    why: 'write the sign-in provider and the group with = between',
    fix: '--group oidc:corp=developers',
  })
}

function defineRm(command: Command, context: CommandContext): void {
  const rm = describeCommand(command.command('rm'), {
    summary: 'remove a team and its grants',
    examples: ['carrel team rm web --dry-run', 'carrel team rm web --yes'],
    json: '{ "name", "removed": true|false, "members", "grants" }',
  })
  rm.argument('<TEAM>')
  addManagementOptions(addRemovalOptions(rm)).action(
    async (name: string, options: Options & RemovalOptions) => {
      const { output } = context
      await withApi(context, options, async (api) => {
        const guess = guessTeam(api, name, (near) => `carrel team rm ${near}`)
        const { members } = await guessing(guess, () => api.call('teams.show', { name }))
        const who = `team:${name}`
        const grants = (await collect(api.pages('grants.list', { who, limit: 500 }))).length
        const holds = `${plural(members, 'member')} and ${plural(grants, 'grant')}`
        const consequences = `team ${name} is removed with ${holds}; the members stay users`
        const agreed = await agreeToRemoval(output, consequences, options)
        if (agreed) {
          await api.call('teams.remove', { name })
          output.say(`removed team ${name}`)
        }
        if (options.json) output.json({ name, removed: agreed, members, grants })
      })
    },
  )
}

interface AddOptions extends Options {
  readonly maintainer?: boolean
}

function defineAdd(command: Command, context: CommandContext): void {
  const add = describeCommand(command.command('add'), {
    summary: 'put a user or a robot into a team',
    more: 'Who is in already becomes a maintainer with --maintainer, and is none any more without.',
    examples: ['carrel team add web ann', 'carrel team add web ann --maintainer'],
    json: `{ ${memberJson} }`,
  })
  add.argument('<TEAM>').argument('<USER>').option('--maintainer', 'may change who is in the team')
  addManagementOptions(add).action(async (name: string, member: string, options: AddOptions) => {
    const { output } = context
    const maintainer = options.maintainer === true
    const added = await withApi(context, options, async (api) =>
      api.call('teams.addMember', { name, member, maintainer }),
    )
    if (options.json) output.json(added)
    output.say(`${member} is ${maintainer ? 'a maintainer of' : 'in'} team ${name}`)
  })
}

function defineRemove(command: Command, context: CommandContext): void {
  const remove = describeCommand(command.command('remove'), {
    summary: 'take a user or a robot out of a team',
    examples: ['carrel team remove web ann'],
    json: '{ "team", "member", "sources" }',
  })
  remove.argument('<TEAM>').argument('<USER>')
  addManagementOptions(remove).action(async (name: string, member: string, options: Options) => {
    const { output } = context
    await withApi(context, options, async (api) => {
      const known = async () =>
        (await collect(api.pages('teams.members', { name, limit: 500 }))).map((one) => one.name)
      const fix = (near: string) => `carrel team remove ${name} ${near}`
      const guess = { name: member, known, fix, otherwise: `carrel team show ${name}` }
      const { sources } = await guessing(guess, () =>
        api.call('teams.removeMember', { name, member }),
      )
      if (options.json) output.json({ team: name, member, sources })
      output.say(`took ${member} out of team ${name}`)
      if (sources.length > 0)
        output.say(`groups of ${sources.join(', ')} keep ${member} in it still`)
    })
  })
}

const columns: readonly Column<Team>[] = [
  { title: 'name', show: ({ name }) => name },
  { title: 'members', show: ({ members }) => String(members), align: 'right' },
  { title: 'groups', show: ({ groups }) => groups.map(formatGroup).join(', ') },
  { title: 'description', show: ({ description }) => description },
]

const memberColumns: readonly Column<Member>[] = [
  { title: 'name', show: ({ name }) => name },
  { title: 'is', show: ({ maintainer }) => (maintainer ? 'maintainer' : 'member') },
  { title: 'by', show: ({ sources }) => sources.join(', ') },
  { title: 'state', show: ({ disabled }) => (disabled ? 'disabled' : 'active') },
  {
    title: 'since',
    show: ({ addedAt }) => formatMoment(new Date(addedAt)),
    plain: ({ addedAt }) => addedAt,
  },
]

function printTeam(output: Output, team: Team, members: readonly Member[]): void {
  if (output.terminal) {
    output.data(`${output.paint('bold', team.name)}  ${printable(team.description)}\n`)
    for (const group of team.groups) output.data(`joins by ${printable(formatGroup(group))}\n`)
  }
  output.list(members, memberColumns)
  if (members.length === 0)
    output.say(`nobody is in it yet; try: carrel team add ${team.name} USER`)
}

function formatGroup({ provider, group }: Team['groups'][number]): string {
  return `${provider}=${group}`
}

function guessTeam(api: ApiClient, name: string, fix: (near: string) => string) {
  const known = async () =>
    (await collect(api.pages('teams.list', { limit: 500 }))).map((one) => one.name)
  return { name, known, fix, otherwise: 'carrel team ls' }
}
