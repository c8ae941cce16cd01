// `carrel repo ls --deleted` and `carrel repo restore`.
import type { Command } from 'commander'

import type { ItemOf } from '../../contract/operations.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import type { Column } from '../table.ts'
import { formatBytes, formatMoment, plural } from '../text.ts'

type Deleted = ItemOf<'repositories.deleted'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

export async function listDeleted(
  context: CommandContext,
  options: Options,
  isIn: (repository: Pick<Deleted, 'name' | 'visibility'>) => boolean,
): Promise<void> {
  const { output } = context
  await withApi(context, options, async (api) => {
    const found = await collect(api.pages('repositories.deleted', { limit: 500 }))
    const deleted = found.filter(isIn)
    if (options.json) output.json(deleted)
    else output.list(deleted, columns)
    if (deleted.length === 0 && !options.json) output.say('no removed repositories to restore')
  })
}

const columns: readonly Column<Deleted>[] = [
  { title: 'name', show: ({ name }) => name },
  { title: 'tags', show: ({ tags }) => String(tags), align: 'right' },
  {
    title: 'size',
    show: ({ bytes }) => formatBytes(bytes),
    plain: ({ bytes }) => String(bytes),
    align: 'right',
  },
  {
    title: 'removed',
    show: ({ deletedAt }) => formatMoment(new Date(deletedAt)),
    plain: ({ deletedAt }) => deletedAt,
  },
  { title: 'by', show: ({ deletedBy }) => deletedBy ?? '' },
  {
    title: 'kept until',
    show: ({ purgedAfter }) =>
      purgedAfter === undefined ? '' : formatMoment(new Date(purgedAfter)),
    plain: ({ purgedAfter }) => purgedAfter ?? '',
  },
]

export function defineRestore(command: Command, context: CommandContext): void {
  const restore = describeCommand(command.command('restore'), {
    summary: 'bring a removed repository back',
    more: 'Of several of this name the one that was removed last, with tags, images, and those of its grants whose holders are still there. Its name must be free.',
    examples: ['carrel repo restore team/old', 'carrel repo ls --deleted'],
    json: '{ "repository": as repo show, "grants", "grantsEnded" }',
  })
  addManagementOptions(restore.argument('<NAME>')).action(
    async (name: string, options: Options) => {
      const { output } = context
      await withApi(context, options, async (api) => {
        const done = await api.call('repositories.restore', { name })
        if (options.json) output.json(done)
        const { repository, grants, grantsEnded } = done
        const holds = `${plural(repository.tags, 'tag')} and ${plural(repository.manifests, 'manifest')}`
        output.say(`brought back repository ${name} with ${holds} and ${plural(grants, 'grant')}`)
        if (grantsEnded > 0) output.say(`${plural(grantsEnded, 'grant')} ended meanwhile`)
      })
    },
  )
}
