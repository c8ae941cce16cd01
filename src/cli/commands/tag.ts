// `carrel tag ls|rm`; history and restore are in tag-history.ts.
import type { Command } from 'commander'

import type { ApiClient } from '../../contract/client.ts'
import type { ItemOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { formatBytes, formatMoment } from '../text.ts'
import { guessRepository } from './repo.ts'
import { defineHistory, defineRestore } from './tag-history.ts'

type Tag = ItemOf<'tags.list'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

type RmOptions = Options & RemovalOptions

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'list and remove tags, see their history, and go back in it',
    examples: [
      'carrel tag ls team/api',
      'carrel tag rm team/api:1.0-rc1',
      'carrel tag history team/api:latest',
      'carrel tag restore team/api:latest',
    ],
  })
  const ls = describeCommand(command.command('ls'), {
    summary: 'list the tags of a repository',
    more: 'Without a terminal: tag, digest, bytes, media type, time, user, tab-separated.',
    examples: ['carrel tag ls team/api', 'carrel tag ls team/api --json'],
    json: '[{ "name", "digest", "mediaType", "bytes", "updatedAt", "updatedBy"? }]',
  })
  addManagementOptions(ls.argument('<REPOSITORY>')).action((name: string, options: Options) =>
    listTags(context, name, options),
  )
  const rm = describeCommand(command.command('rm'), {
    summary: 'remove a tag',
    more: 'Only the name goes: the manifest can still be pulled by its digest, and carrel tag restore brings the tag back.',
    examples: ['carrel tag rm team/api:old', 'carrel tag rm team/api:old --yes'],
    json: '{ "repository", "tag", "removed": true|false, "digest" }',
  })
  rm.argument('<REPOSITORY:TAG>')
  addManagementOptions(addRemovalOptions(rm)).action((reference: string, options: RmOptions) =>
    removeTag(context, reference, options),
  )
  defineHistory(command, context)
  defineRestore(command, context)
}

const indexTypes = /index|manifest\.list/

const columns: readonly Column<Tag>[] = [
  { title: 'tag', show: ({ name }) => name },
  {
    title: 'digest',
    show: ({ digest }) => digest.replace(/^([^:]+:.{12}).*$/, '$1'),
    plain: ({ digest }) => digest,
  },
  {
    title: 'size',
    show: ({ bytes }) => formatBytes(bytes),
    plain: ({ bytes }) => String(bytes),
    align: 'right',
  },
  {
    title: 'kind',
    show: ({ mediaType }) => (indexTypes.test(mediaType) ? 'index' : 'manifest'),
    plain: ({ mediaType }) => mediaType,
  },
  {
    title: 'updated',
    show: ({ updatedAt }) => formatMoment(new Date(updatedAt)),
    plain: ({ updatedAt }) => updatedAt,
  },
  { title: 'by', show: ({ updatedBy }) => updatedBy ?? '' },
]

async function listTags(context: CommandContext, name: string, options: Options): Promise<void> {
  const { output } = context
  await withApi(context, options, async (api) => {
    const guess = guessRepository(api, name, (near) => `carrel tag ls ${near}`)
    const tags = await guessing(guess, async () => allTags(api, name))
    if (options.json) output.json(tags.map(tagForJson))
    else output.list(tags, columns)
    if (tags.length === 0 && !options.json) output.say(`${name} has no tags`)
  })
}

async function removeTag(context: CommandContext, reference: string, options: RmOptions) {
  const { output } = context
  const { repository, tag } = splitReference(reference)
  await withApi(context, options, async (api) => {
    const typed = (near: string) => `carrel tag rm ${near}:${tag}`
    const guess = guessRepository(api, repository, typed)
    const tags = await guessing(guess, async () => allTags(api, repository))
    const names = tags.map((each) => each.name)
    const guessTag = {
      name: tag,
      known: () => Promise.resolve(names),
      fix: (near: string) => `carrel tag rm ${repository}:${near}`,
      otherwise: `carrel tag ls ${repository}`,
    }
    const digest = tags.find((each) => each.name === tag)?.digest
    const remove = () =>
      guessing(guessTag, async () => api.call('tags.remove', { repository, tag }))
    // Without such a tag there is nothing to ask about: the server says so.
    if (digest === undefined) {
      await remove()
      return
    }
    const consequences = `tag ${tag} of ${repository} is removed; ${digest} can still be pulled by digest`
    const agreed = await agreeToRemoval(output, consequences, options)
    if (agreed) {
      await remove()
      output.say(`removed tag ${repository}:${tag}`)
    }
    if (options.json) output.json({ repository, tag, removed: agreed, digest })
  })
}

async function allTags(api: ApiClient, repository: string): Promise<readonly Tag[]> {
  return collect(api.pages('tags.list', { repository, limit: 500 }))
}

function splitReference(reference: string): { repository: string; tag: string } {
  const colon = reference.lastIndexOf(':')
  if (colon <= 0 || colon < reference.lastIndexOf('/') || reference.includes('@')) {
    throw usageError(`"${reference}" names no tag`, {
      why: 'a tag is REPOSITORY:TAG, such as team/api:1.0, without the host',
      fix: 'carrel tag rm --help',
    })
  }
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) }
}

function tagForJson({ name, digest, mediaType, bytes, updatedAt, updatedBy }: Tag) {
  return { name, digest, mediaType, bytes, updatedAt, updatedBy }
}
