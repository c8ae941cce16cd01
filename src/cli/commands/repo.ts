// `carrel repo ls|create|show|edit|rm`.
import { Option } from 'commander'
import type { Command } from 'commander'

import { registryOf } from '../addresses.ts'
import { usageError } from '../cli-error.ts'
import { addPlaceOptions, addRemovalOptions } from '../common-options.ts'
import type { Installation, RepositorySummary, Visibility } from '../composition.ts'
import { loadConfig, placeFlags, withInstallation } from '../context.ts'
import type { CommandContext, PlaceOptions } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { guessing } from '../not-found.ts'
import type { Output } from '../output.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { formatBytes, formatMoment, plural, printable } from '../text.ts'

interface Options extends PlaceOptions {
  readonly json?: boolean
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
    more: 'A first push makes a repository by itself; it is private then.\nprivate: who has a grant may pull; internal: all who sign in; public: everybody.',
    examples: ['carrel repo ls', 'carrel repo create team/api --visibility internal'],
  })
  defineLs(command, context)
  defineCreate(command, context)
  defineShow(command, context)
  defineEdit(command, context)
  defineRm(command, context)
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list repositories',
    more: 'Without a terminal: name, visibility, tags, bytes, last push, description, tab-separated.',
    examples: ['carrel repo ls', 'carrel repo ls --json', 'carrel repo ls | cut -f1'],
    json: `[{ ${repositoryJson} }]`,
  })
  addPlaceOptions(ls).action(async (options: Options) => {
    const { output } = context
    const { config } = await loadConfig(context, placeFlags(options))
    await using installation = await context.composition.openInstallation(config, { create: false })
    const repositories = await installation.listRepositories()
    if (options.json) output.json(repositories.map(repositoryForJson))
    else output.list(repositories, columns)
    if (repositories.length > 0 || options.json) return
    output.say(`nothing yet; push something: docker push ${registryOf(config)}/NAME:TAG`)
  })
}

function defineCreate(command: Command, context: CommandContext): void {
  const create = describeCommand(command.command('create'), {
    summary: 'make a repository before its first push',
    more: 'private (default): who has a grant may pull; internal: all who sign in;\npublic: everybody.',
    examples: [
      'carrel repo create team/api',
      'carrel repo create team/site --visibility public --description "our site"',
    ],
    json: `{ ${repositoryJson} }`,
  })
  create.argument('<NAME>')
  addPlaceOptions(addChangeOptions(create)).action(async (name: string, options: ChangeOptions) => {
    const { output } = context
    const { visibility = 'private', description = '' } = options
    await withInstallation(context, { place: options, create: true }, async (it, config) => {
      const made = await it.createRepository({ name, visibility, description })
      if (options.json) output.json(repositoryForJson(made))
      output.say(`made ${made.visibility} repository ${made.name}`)
      output.say(`next: docker push ${registryOf(config)}/${made.name}:TAG`)
    })
  })
}

function defineShow(command: Command, context: CommandContext): void {
  const show = describeCommand(command.command('show'), {
    summary: 'show one repository',
    examples: ['carrel repo show team/api', 'carrel repo show team/api --json'],
    json: `{ ${repositoryJson} }`,
  })
  addPlaceOptions(show.argument('<NAME>')).action(async (name: string, options: Options) => {
    await withInstallation(context, { place: options }, async (installation) => {
      const guess = guessRepository(installation, name, (near) => `carrel repo show ${near}`)
      const repository = await guessing(guess, () => installation.showRepository(name))
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
  addPlaceOptions(addChangeOptions(edit)).action(async (name: string, options: ChangeOptions) => {
    const { output } = context
    const { visibility, description } = options
    if (visibility === undefined && description === undefined) {
      throw usageError('nothing to change was given', { fix: 'add --visibility or --description' })
    }
    const changes = {
      ...(visibility !== undefined && { visibility }),
      ...(description !== undefined && { description }),
    }
    await withInstallation(context, { place: options }, async (installation) => {
      const guess = guessRepository(installation, name, (near) => `carrel repo edit ${near} …`)
      const edited = await guessing(guess, () => installation.editRepository(name, changes))
      if (options.json) output.json(repositoryForJson(edited))
      output.say(`changed repository ${edited.name}: ${edited.visibility}`)
    })
  })
}

function defineRm(command: Command, context: CommandContext): void {
  const rm = describeCommand(command.command('rm'), {
    summary: 'remove a repository and all its tags',
    examples: ['carrel repo rm team/old --dry-run', 'carrel repo rm team/old --yes'],
    json: '{ "name", "removed": true|false, "tags", "manifests", "bytes" }',
  })
  rm.argument('<NAME>')
  addPlaceOptions(addRemovalOptions(rm)).action(async (name: string, options: RmOptions) => {
    const { output } = context
    await withInstallation(context, { place: options }, async (installation) => {
      const guess = guessRepository(installation, name, (near) => `carrel repo rm ${near}`)
      const repository = await guessing(guess, () => installation.showRepository(name))
      const { tags, manifests, bytes } = repository
      const holds = `${plural(tags, 'tag')} and ${plural(manifests, 'manifest')} (${formatBytes(bytes)})`
      const consequences = `repository ${name} is removed with ${holds}; nobody can pull it any more`
      const agreed = await agreeToRemoval(output, consequences, options)
      if (agreed) {
        await installation.removeRepository(name)
        output.say(`removed repository ${name}`)
      }
      if (options.json) output.json({ name, removed: agreed, tags, manifests, bytes })
    })
  })
}

function addChangeOptions(command: Command): Command {
  const visibility = new Option('--visibility <WHO>', 'who may pull').choices([
    'private',
    'internal',
    'public',
  ])
  return command.addOption(visibility).option('--description <TEXT>', 'one line for people')
}

const columns: readonly Column<RepositorySummary>[] = [
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
    show: ({ pushedAt }) => (pushedAt === undefined ? 'never' : formatMoment(pushedAt)),
    plain: ({ pushedAt }) => pushedAt?.toISOString() ?? '',
  },
  { title: 'description', show: ({ description }) => description },
]

function printRepository(output: Output, repository: RepositorySummary): void {
  const { pushedAt, createdAt, bytes } = repository
  const people = output.terminal
  const time = people ? formatMoment : (moment: Date) => moment.toISOString()
  const rows = [
    ['name', repository.name],
    ['visibility', repository.visibility],
    ['description', repository.description],
    ['tags', String(repository.tags)],
    ['manifests', String(repository.manifests)],
    people ? ['size', formatBytes(bytes)] : ['bytes', String(bytes)],
    ['created', time(createdAt)],
    ['last push', pushedAt === undefined ? (people ? 'never' : '') : time(pushedAt)],
  ] as const
  for (const [label, value] of rows) {
    const name = people ? output.paint('bold', label.padEnd(13)) : `${label}\t`
    output.data(`${name}${printable(value)}\n`)
  }
}

export function guessRepository(
  installation: Installation,
  name: string,
  fix: (near: string) => string,
) {
  const known = async () => (await installation.listRepositories()).map((each) => each.name)
  return { name, known, fix, otherwise: 'carrel repo ls' }
}

function repositoryForJson(repository: RepositorySummary) {
  const { name, visibility, description, tags, manifests, bytes, createdAt, pushedAt } = repository
  return { name, visibility, description, tags, manifests, bytes, createdAt, pushedAt }
}
