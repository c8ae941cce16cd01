// `carrel namespace ls|show|create|edit|rm`.
import type { Command } from 'commander'

import type { ApiClient } from '../../contract/client.ts'
import type { ItemOf, OutputOf } from '../../contract/operations.ts'
import { CliError, describeError, usageError } from '../cli-error.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { printFields, timeField } from '../fields.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import type { Output } from '../output.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { plural } from '../text.ts'
import { visibilityOption } from './repo.ts'

type Namespace = OutputOf<'namespaces.show'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

interface ChangeOptions extends Options {
  readonly visibility?: Namespace['defaultVisibility']
  readonly description?: string
}

const namespaceJson = '"name", "description", "defaultVisibility", "repositories", "createdAt"'
const withOwnersJson = `{ ${namespaceJson},\n  "owners": ["user:NAME"] }`

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'namespaces: whose they are, and what is made in them',
    more: 'A namespace is the first part of names: team/app is in team. Who has a right in it is told by grants: carrel grant ls --where team/',
    examples: [
      'carrel namespace ls',
      'carrel namespace create team --owner team:dev --visibility internal',
    ],
  })
  defineLs(command, context)
  defineShow(command, context)
  defineCreate(command, context)
  defineEdit(command, context)
  defineRm(command, context)
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list namespaces',
    more: 'Without a terminal: name, visibility, repositories, description, tab-separated.',
    examples: ['carrel namespace ls', 'carrel namespace ls --json'],
    json: `[{ ${namespaceJson} }]`,
  })
  addManagementOptions(ls).action(async (options: Options) => {
    const { output } = context
    const namespaces = await withApi(context, options, async (api) =>
      collect(api.pages('namespaces.list', { limit: 500 })),
    )
    if (options.json) output.json(namespaces)
    else output.list(namespaces, columns)
    if (namespaces.length === 0 && !options.json) {
      output.say('no namespaces yet; try: carrel namespace create NAME --owner user:USER')
    }
  })
}

function defineShow(command: Command, context: CommandContext): void {
  const show = describeCommand(command.command('show'), {
    summary: 'show a namespace, and whose it is',
    examples: ['carrel namespace show team', 'carrel namespace show team --json'],
    json: withOwnersJson,
  })
  addManagementOptions(show.argument('<NAME>')).action(async (typed: string, options: Options) => {
    const { output } = context
    const name = nameOf(typed)
    await withApi(context, options, async (api) => {
      const guess = guessNamespace(api, name, (near) => `carrel namespace show ${near}`)
      const namespace = await guessing(guess, async () => api.call('namespaces.show', { name }))
      if (options.json) output.json(namespace)
      else printNamespace(output, namespace)
    })
  })
}

function defineCreate(command: Command, context: CommandContext): void {
  const create = describeCommand(command.command('create'), {
    summary: 'make a namespace, and give it to somebody',
    more: 'The owner gets the role owner in it, which is everything. Others get theirs with: carrel grant add',
    examples: [
      'carrel namespace create team --owner user:ann',
      'carrel namespace create docs --owner team:web --visibility public',
    ],
    json: withOwnersJson,
  })
  create.argument('<NAME>').option('--owner <WHO>', 'user:NAME or team:NAME')
  addManagementOptions(addChangeOptions(create)).action(
    async (typed: string, options: ChangeOptions & { readonly owner?: string }) => {
      const { output } = context
      const name = nameOf(typed)
      const { owner } = options
      const input = { name, ...changesOf(options), ...(owner !== undefined && { owner }) }
      await withApi(context, options, async (api) => {
        const made = await withWholeLine(name, async () => api.call('namespaces.create', input))
        if (options.json) output.json(made)
        const whose = owner === undefined ? '' : ` for ${owner}`
        output.say(`made namespace ${name}${whose}: new repositories are ${made.defaultVisibility}`)
        if (owner === undefined) output.say(`next: carrel grant add WHO ${name}/ writer`)
      })
    },
  )
}

/** Where the server knows who was meant, the line to type is the whole command. */
async function withWholeLine<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { exitCode, failure } = describeError(error)
    const { fix = '' } = failure
    if (!/^(?:user|team|robot|federated):\S+$/.test(fix)) throw error
    const line = `carrel namespace create ${name} --owner ${fix}`
    throw new CliError(exitCode, { ...failure, fix: line }, error)
  }
}

function defineEdit(command: Command, context: CommandContext): void {
  const edit = describeCommand(command.command('edit'), {
    summary: 'change what new repositories in a namespace are, or its description',
    more: 'Repositories that are there already stay as they are: carrel repo edit',
    examples: [
      'carrel namespace edit team --visibility internal',
      'carrel namespace edit team --description "all that the web shop needs"',
    ],
    json: withOwnersJson,
  })
  edit.argument('<NAME>')
  addManagementOptions(addChangeOptions(edit)).action(
    async (typed: string, options: ChangeOptions) => {
      const { output } = context
      const name = nameOf(typed)
      const changes = changesOf(options)
      if (Object.keys(changes).length === 0) {
        throw usageError('nothing to change was given', {
          fix: 'add --visibility or --description',
        })
      }
      await withApi(context, options, async (api) => {
        const guess = guessNamespace(api, name, (near) => `carrel namespace edit ${near} …`)
        const edited = await guessing(guess, async () =>
          api.call('namespaces.change', { name, ...changes }),
        )
        if (options.json) output.json(edited)
        output.say(`changed namespace ${name}: new repositories are ${edited.defaultVisibility}`)
      })
    },
  )
}

function addChangeOptions(command: Command): Command {
  return command
    .addOption(visibilityOption('who may pull from repositories that a first push makes'))
    .option('--description <TEXT>', 'one line for people')
}

function changesOf({ visibility, description }: ChangeOptions) {
  return {
    ...(visibility !== undefined && { defaultVisibility: visibility }),
    ...(description !== undefined && { description }),
  }
}

function defineRm(command: Command, context: CommandContext): void {
  const rm = describeCommand(command.command('rm'), {
    summary: 'remove a namespace that has no repositories, and all grants in it',
    examples: ['carrel namespace rm team --dry-run', 'carrel namespace rm team --yes'],
    json: '{ "name", "removed": true|false, "grants" }',
  })
  rm.argument('<NAME>')
  addManagementOptions(addRemovalOptions(rm)).action(
    async (typed: string, options: Options & RemovalOptions) => {
      const { output } = context
      const name = nameOf(typed)
      await withApi(context, options, async (api) => {
        const guess = guessNamespace(api, name, (near) => `carrel namespace rm ${near}`)
        const found = await guessing(guess, async () => api.call('namespaces.show', { name }))
        requireEmpty(found)
        const where = `${name}/`
        const grants = (await collect(api.pages('grants.list', { where, limit: 500 }))).length
        const consequences = `namespace ${name} is removed with ${plural(grants, 'grant')} in it`
        const agreed = await agreeToRemoval(output, consequences, options)
        if (agreed) {
          await api.call('namespaces.remove', { name })
          output.say(`removed namespace ${name}`)
        }
        if (options.json) output.json({ name, removed: agreed, grants })
      })
    },
  )
}

/** The server would refuse: said before anything is asked, and for a dry run too. */
function requireEmpty({ name, repositories }: Namespace): void {
  if (repositories === 0) return
  throw new CliError(exitCodes.denied, {
    what: `the namespace ${name} is not empty`,
    why: `${plural(repositories, 'repository is', 'repositories are')} in it`,
    fix: `carrel repo ls ${name}/`,
  })
}

/** `team/`, as places are written, is the namespace team. */
function nameOf(typed: string): string {
  return typed.replace(/(?<=[^/])\/$/, '')
}

const columns: readonly Column<ItemOf<'namespaces.list'>>[] = [
  { title: 'name', show: ({ name }) => name },
  { title: 'visibility', show: ({ defaultVisibility }) => defaultVisibility },
  {
    title: 'repositories',
    show: ({ repositories }) => String(repositories),
    align: 'right',
  },
  { title: 'description', show: ({ description }) => description },
]

function printNamespace(output: Output, namespace: Namespace): void {
  const { name, description, defaultVisibility, repositories, owners = [], createdAt } = namespace
  printFields(output, [
    ['name', name],
    ['description', description],
    [
      'visibility',
      output.terminal ? `${defaultVisibility} (of new repositories)` : defaultVisibility,
    ],
    ['repositories', String(repositories)],
    ['owners', owners.join(', ')],
    ['created', timeField(output, createdAt, '')],
  ])
  if (owners.length === 0) {
    output.say(`nobody owns it; try: carrel grant add user:NAME ${name}/ owner`)
  }
}

function guessNamespace(api: ApiClient, name: string, fix: (near: string) => string) {
  const known = async () =>
    (await collect(api.pages('namespaces.list', { limit: 500 }))).map((one) => one.name)
  return { name, known, fix, otherwise: 'carrel namespace ls' }
}
