// `carrel repo ls|create|show|edit|rm`; what concerns removed ones is in repo-deleted.ts.
import { Option } from 'commander'
import type { Command } from 'commander'

import type { ApiClient } from '../../contract/client.ts'
import type { InputOf, OutputOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { printFields, timeField } from '../fields.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import type { Output } from '../output.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { formatBytes, formatMoment, plural } from '../text.ts'
import { defineRestore, listDeleted } from './repo-deleted.ts'

type Repository = OutputOf<'repositories.show'>
type Visibility = Repository['visibility']

interface Options extends ManagementOptions {
  readonly json?: boolean
}

interface LsOptions extends Options {
  readonly visibility?: Visibility
  readonly deleted?: boolean
}

interface ChangeOptions extends Options {
  readonly visibility?: Visibility
  readonly description?: string
}

type RmOptions = Options & RemovalOptions

const repositoryJson = `"name", "visibility": "private"|"internal"|"public", "description",
   "tags", "manifests", "bytes", "createdAt", "pushedAt"?`

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'list, make, change and remove repositories',
    more: 'A first push makes a repository by itself; it is private then, unless its namespace says otherwise.\nprivate: who has a grant may pull; internal: all who sign in; public: everybody.',
    examples: ['carrel repo ls', 'carrel repo create team/api --visibility internal'],
  })
  defineLs(command, context)
  defineCreate(command, context)
  defineShow(command, context)
  defineEdit(command, context)
  defineRm(command, context)
  defineRestore(command, context)
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list repositories',
    more: 'team/: those in this namespace; team/app/: those below; /: those without a slash.\nWithout a terminal: name, visibility, tags, bytes, last push, description, tab-separated.',
    examples: [
      'carrel repo ls',
      'carrel repo ls team/ --visibility public',
      'carrel repo ls --deleted',
      'carrel repo ls | cut -f1',
    ],
    json: `[{ ${repositoryJson} }]
with --deleted:
[{ "name", "visibility", "description", "tags", "manifests", "bytes",
   "deletedAt", "deletedBy"?, "purgedAfter"? }]`,
  })
  ls.argument('[NAMESPACE/]')
    .addOption(visibilityOption('only those that are this'))
    .option('--deleted', 'those that were removed and can be restored')
  addManagementOptions(ls).action(async (prefix: string | undefined, options: LsOptions) => {
    const { output } = context
    const { input, isIn } = filtersOf(prefix, options)
    if (options.deleted === true) {
      const { visibility: wanted } = options
      await listDeleted(
        context,
        options,
        (one) => isIn(one) && (wanted === undefined || one.visibility === wanted),
      )
      return
    }
    await withApi(context, options, async (api, { registry }) => {
      const found = await collect(api.pages('repositories.list', { ...input, limit: 500 }))
      const repositories = found.filter(isIn)
      if (options.json) output.json(repositories.map(repositoryForJson))
      else output.list(repositories, columns)
      if (repositories.length > 0 || options.json) return
      const isAll = prefix === undefined && options.visibility === undefined
      if (!isAll) output.say('no such repositories')
      else output.say(`nothing yet; push something: docker push ${registry}/NAME:TAG`)
    })
  })
}

/** What the server is asked for, and what of its answer is meant: it knows namespaces alone. */
function filtersOf(
  prefix: string | undefined,
  { visibility }: LsOptions,
): {
  readonly input: InputOf<'repositories.list'>
  readonly isIn: (repository: Pick<Repository, 'name'>) => boolean
} {
  const wanted = visibility === undefined ? {} : { visibility }
  if (prefix === undefined) return { input: wanted, isIn: () => true }
  if (prefix === '/') return { input: wanted, isIn: ({ name }) => !name.includes('/') }
  if (!prefix.endsWith('/') || prefix.startsWith('/')) {
    throw usageError(`"${prefix.slice(0, 100)}" is no beginning of names`, {
      why: 'a namespace is written with a slash at its end, such as team/',
      fix: `carrel repo ls ${prefix.replace(/^\/+|\/+$/g, '')}/`,
    })
  }
  const namespace = prefix.slice(0, prefix.indexOf('/'))
  return { input: { ...wanted, namespace }, isIn: ({ name }) => name.startsWith(prefix) }
}

function defineCreate(command: Command, context: CommandContext): void {
  const create = describeCommand(command.command('create'), {
    summary: 'make a repository before its first push',
    more: 'private: who has a grant may pull; internal: all who sign in; public: everybody.\nWhen left out it is as its namespace says, which is private unless somebody changed it.',
    examples: [
      'carrel repo create team/api',
      'carrel repo create team/site --visibility public --description "our site"',
    ],
    json: `{ ${repositoryJson} }`,
  })
  create.argument('<NAME>')
  addManagementOptions(addChangeOptions(create)).action(
    async (name: string, options: ChangeOptions) => {
      const { output } = context
      const input = { name, ...changesOf(options) }
      await withApi(
        context,
        options,
        async (api, { registry }) => {
          const made = await api.call('repositories.create', input)
          if (options.json) output.json(repositoryForJson(made))
          output.say(`made ${made.visibility} repository ${made.name}`)
          output.say(`next: docker push ${registry}/${made.name}:TAG`)
        },
        { create: true },
      )
    },
  )
}

function changesOf({ visibility, description }: ChangeOptions) {
  return {
    ...(visibility !== undefined && { visibility }),
    ...(description !== undefined && { description }),
  }
}

function defineShow(command: Command, context: CommandContext): void {
  const show = describeCommand(command.command('show'), {
    summary: 'show one repository',
    examples: ['carrel repo show team/api', 'carrel repo show team/api --json'],
    json: `{ ${repositoryJson} }`,
  })
  addManagementOptions(show.argument('<NAME>')).action(async (name: string, options: Options) => {
    await withApi(context, options, async (api) => {
      const guess = guessRepository(api, name, (near) => `carrel repo show ${near}`)
      const repository = await guessing(guess, async () => api.call('repositories.show', { name }))
      if (options.json) context.output.json(repositoryForJson(repository))
      else printRepository(context.output, repository)
    })
  })
}

function defineEdit(command: Command, context: CommandContext): void {
  const edit = describeCommand(command.command('edit'), {
    summary: 'change who may see a repository, or its description',
    examples: [
      'carrel repo edit team/api --visibility internal',
      'carrel repo edit team/api --description "the API"',
    ],
    json: `{ ${repositoryJson} }`,
  })
  edit.argument('<NAME>')
  addManagementOptions(addChangeOptions(edit)).action(
    async (name: string, options: ChangeOptions) => {
      const { output } = context
      const changes = changesOf(options)
      if (Object.keys(changes).length === 0) {
        throw usageError('nothing to change was given', {
          fix: 'add --visibility or --description',
        })
      }
      await withApi(context, options, async (api) => {
        const guess = guessRepository(api, name, (near) => `carrel repo edit ${near} …`)
        const edited = await guessing(guess, async () =>
          api.call('repositories.change', { name, ...changes }),
        )
        if (options.json) output.json(repositoryForJson(edited))
        output.say(`changed repository ${edited.name}: ${edited.visibility}`)
      })
    },
  )
}

function defineRm(command: Command, context: CommandContext): void {
  const rm = describeCommand(command.command('rm'), {
    summary: 'remove a repository and all its tags',
    more: 'It can be brought back for a while (keep.deleted): carrel repo restore',
    examples: ['carrel repo rm team/old --dry-run', 'carrel repo rm team/old --yes'],
    json: '{ "name", "removed": true|false, "tags", "manifests", "bytes" }',
  })
  rm.argument('<NAME>')
  addManagementOptions(addRemovalOptions(rm)).action(async (name: string, options: RmOptions) => {
    const { output } = context
    await withApi(context, options, async (api) => {
      const guess = guessRepository(api, name, (near) => `carrel repo rm ${near}`)
      const repository = await guessing(guess, async () => api.call('repositories.show', { name }))
      const { tags, manifests, bytes } = repository
      const holds = `${plural(tags, 'tag')} and ${plural(manifests, 'manifest')} (${formatBytes(bytes)})`
      const consequences = `repository ${name} is removed with ${holds}; nobody can pull it any more`
      const agreed = await agreeToRemoval(output, consequences, options)
      if (agreed) {
        await api.call('repositories.remove', { name })
        output.say(`removed repository ${name}`)
      }
      if (options.json) output.json({ name, removed: agreed, tags, manifests, bytes })
    })
  })
}

export function visibilityOption(description: string): Option {
  const all: readonly Visibility[] = ['private', 'internal', 'public']
  return new Option('--visibility <WHO>', description).choices(all)
}

function addChangeOptions(command: Command): Command {
  return command
    .addOption(visibilityOption('who may pull'))
    .option('--description <TEXT>', 'one line for people')
}

const columns: readonly Column<Repository>[] = [
  { title: 'name', show: ({ name }) => name },
  { title: 'visibility', show: ({ visibility }) => visibility },
  { title: 'tags', show: ({ tags }) => String(tags), align: 'right' },
  {
    title: 'size',
    show: ({ bytes }) => formatBytes(bytes),
    plain: ({ bytes }) => String(bytes),
    align: 'right',
  },
  {
    title: 'last push',
    show: ({ pushedAt }) => (pushedAt === undefined ? 'never' : formatMoment(new Date(pushedAt))),
    plain: ({ pushedAt }) => pushedAt ?? '',
  },
  { title: 'description', show: ({ description }) => description },
]

function printRepository(output: Output, repository: Repository): void {
  const { pushedAt, createdAt, bytes } = repository
  printFields(output, [
    ['name', repository.name],
    ['visibility', repository.visibility],
    ['description', repository.description],
    ['tags', String(repository.tags)],
    ['manifests', String(repository.manifests)],
    output.terminal ? ['size', formatBytes(bytes)] : ['bytes', String(bytes)],
    ['created', timeField(output, createdAt, '')],
    ['last push', timeField(output, pushedAt, 'never')],
  ])
}

export function guessRepository(api: ApiClient, name: string, fix: (near: string) => string) {
  const known = async () =>
    (await collect(api.pages('repositories.list', { limit: 500 }))).map((each) => each.name)
  return { name, known, fix, otherwise: 'carrel repo ls' }
}

function repositoryForJson(repository: Repository) {
  const { name, visibility, description, tags, manifests, bytes, createdAt, pushedAt } = repository
  return { name, visibility, description, tags, manifests, bytes, createdAt, pushedAt }
}
