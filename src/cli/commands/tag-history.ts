// `carrel tag history|restore`: what tags pointed to, and back to that.
import type { Command } from 'commander'

import type { ItemOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import type { Column } from '../table.ts'
import { formatMoment } from '../text.ts'
import { guessRepository } from './repo.ts'

type Change = ItemOf<'tags.history'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

interface HistoryOptions extends Options {
  readonly limit?: string
}

export function defineHistory(command: Command, context: CommandContext): void {
  const history = describeCommand(command.command('history'), {
    summary: 'say what tags pointed to, when, and by whom',
    more: 'The latest change first. Without a terminal: time, tag, before, after, user, tab-separated.',
    examples: [
      'carrel tag history team/api:latest',
      'carrel tag history team/api --limit 500',
      'carrel tag history team/api:latest --json',
    ],
    json: '[{ "tag", "digest"?, "before"?, "at", "by"? }]; no "digest": it was deleted',
  })
  history.argument('<REPOSITORY[:TAG]>').option('--limit <N>', 'the most changes to list', '100')
  addManagementOptions(history).action(async (reference: string, options: HistoryOptions) => {
    const { output } = context
    const { repository, tag, digest } = parseReference(reference)
    if (digest !== undefined) {
      throw usageError('a digest never changes', { fix: `carrel tag history ${repository}` })
    }
    const limit = limitOf(options.limit)
    await withApi(context, options, async (api) => {
      const input = { repository, ...(tag !== undefined && { tag }), limit: Math.min(limit, 500) }
      const typed = (near: string) => `carrel tag history ${near}`
      const changes = await guessing(guessRepository(api, repository, typed), async () => {
        const found: Change[] = []
        for await (const change of api.pages('tags.history', input)) {
          if (found.length === limit) break
          found.push(change)
        }
        return found
      })
      if (options.json) output.json(changes)
      else output.list(changes, columns)
      if (changes.length === 0 && !options.json) output.say(`${reference} has no history`)
    })
  })
}

export function defineRestore(command: Command, context: CommandContext): void {
  const restore = describeCommand(command.command('restore'), {
    summary: 'let a tag point to what it did before, or bring a deleted image back',
    more: `Without a digest: to what it was before its last change, or before it was deleted.
An image that was deleted comes back with it, as long as it is in the recycle bin (keep.deleted).
That needs push; overwrite when the tag is there; delete when the image has to come back.`,
    examples: [
      'carrel tag restore team/api:latest',
      'carrel tag restore team/api:latest@sha256:4f2a…',
      'carrel tag restore team/api@sha256:4f2a…',
    ],
    json: `{ "tag", "digest", "before"?, "changed", "imageRestored" }
without a tag:
{ "digest", "tags": [text], "tagsElsewhere": [text] }`,
  })
  restore.argument('<REPOSITORY:TAG[@DIGEST]>')
  addManagementOptions(restore).action(async (reference: string, options: Options) => {
    const { repository, tag, digest } = parseReference(reference)
    if (tag !== undefined) await restoreTag(context, options, { repository, tag, digest })
    else if (digest !== undefined) await restoreImage(context, options, { repository, digest })
    else throw noTag(reference)
  })
}

async function restoreTag(
  context: CommandContext,
  options: Options,
  { repository, tag, digest }: { repository: string; tag: string; digest: string | undefined },
): Promise<void> {
  const { output } = context
  await withApi(context, options, async (api) => {
    const input = { repository, tag, ...(digest !== undefined && { digest }) }
    const guess = guessRepository(api, repository, (near) => `carrel tag restore ${near}:${tag}`)
    const done = await guessing(guess, async () => api.call('tags.restore', input))
    if (options.json) output.json(done)
    const name = `${repository}:${tag}`
    if (!done.changed) output.say(`${name} points to ${done.digest} already`)
    else output.say(`${name} points to ${done.digest} again`)
    if (done.changed && done.before !== undefined) output.say(`until now: ${done.before}`)
    if (done.imageRestored) output.say('the image came back from the recycle bin')
  })
}

async function restoreImage(
  context: CommandContext,
  options: Options,
  input: { readonly repository: string; readonly digest: string },
): Promise<void> {
  const { output } = context
  const { repository, digest } = input
  await withApi(context, options, async (api) => {
    const typed = (near: string) => `carrel tag restore ${near}@${digest}`
    const guess = guessRepository(api, repository, typed)
    const done = await guessing(guess, async () => api.call('images.restore', input))
    if (options.json) output.json(done)
    output.say(`${repository}@${digest} is there again`)
    if (done.tags.length > 0) output.say(`with ${done.tags.join(', ')}`)
    for (const tag of done.tagsElsewhere) output.say(`${tag} points to another image and stays`)
  })
}

const short = (digest: string) => digest.replace(/^([^:]+:.{12}).*$/, '$1')

const columns: readonly Column<Change>[] = [
  { title: 'when', show: ({ at }) => formatMoment(new Date(at)), plain: ({ at }) => at },
  { title: 'tag', show: ({ tag }) => tag },
  {
    title: 'from',
    show: ({ before }) => (before === undefined ? 'none' : short(before)),
    plain: ({ before }) => before ?? '',
  },
  {
    title: 'to',
    show: ({ digest }) => (digest === undefined ? 'deleted' : short(digest)),
    plain: ({ digest }) => digest ?? '',
  },
  { title: 'by', show: ({ by }) => by ?? '' },
]

interface Reference {
  readonly repository: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

function parseReference(reference: string): Reference {
  const [name = '', digest, ...more] = reference.split('@')
  const colon = name.lastIndexOf(':')
  const hasTag = colon > name.lastIndexOf('/')
  const repository = hasTag ? name.slice(0, colon) : name
  if (more.length > 0 || repository === '' || digest === '') throw noTag(reference)
  return { repository, tag: hasTag ? name.slice(colon + 1) : undefined, digest }
}

function noTag(reference: string) {
  return usageError(`"${reference.slice(0, 200)}" names no tag`, {
    why: 'a tag is REPOSITORY:TAG, such as team/api:1.0, without the host',
    fix: 'carrel tag --help',
  })
}

function limitOf(text: string | undefined): number {
  const limit = Number(text)
  if (Number.isSafeInteger(limit) && limit > 0) return limit
  throw usageError(`--limit "${text}" is no number of changes`, { fix: '--limit 500' })
}
