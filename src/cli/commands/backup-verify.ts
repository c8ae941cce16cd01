// `carrel backup ls` and `carrel backup verify`.
import type { Command } from 'commander'

import { addBackupOptions, withBackup, type BackupOptions } from '../backup-options.ts'
import type { ListedSnapshot, VerifiedBackup } from '../backup.ts'
import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import type { Column } from '../table.ts'
import { formatBytes, formatMoment, plural } from '../text.ts'

export function defineList(command: Command, context: CommandContext): void {
  const list = describeCommand(command.command('ls'), {
    summary: 'list the snapshots, oldest first',
    examples: ['carrel backup ls /mnt/backup/carrel'],
    json: `[{ "snapshot", "state": "complete"|"incomplete"|"damaged", "createdAt"?,
  "carrel"?,
  "counts"?: { "repositories", "tags", "manifests", "blobs", "bytes" } }]`,
  })
  addBackupOptions(list).action(async (dest: string | undefined, options: BackupOptions) => {
    const { output } = context
    const snapshots = await withBackup(
      context,
      { dest, options },
      async ({ config, commands, ...call }) => commands.list(config, call),
    )
    if (options.json) output.json(snapshots)
    else output.list(snapshots, columns(output.terminal))
    if (snapshots.length === 0) output.say('no snapshots yet')
  })
}

function columns(terminal: boolean): readonly Column<ListedSnapshot>[] {
  const moment = (time: string | undefined): string => {
    if (time === undefined) return ''
    return terminal ? formatMoment(new Date(time)) : time
  }
  const size = (bytes: number | undefined): string => {
    if (bytes === undefined) return ''
    return terminal ? formatBytes(bytes) : String(bytes)
  }
  return [
    { title: 'snapshot', show: ({ snapshot }) => snapshot },
    { title: 'made', show: ({ createdAt }) => moment(createdAt) },
    { title: 'tags', show: ({ counts }) => String(counts?.tags ?? ''), align: 'right' },
    { title: 'size', show: ({ counts }) => size(counts?.bytes), align: 'right' },
    { title: 'state', show: ({ state }) => state },
  ]
}

interface VerifyOptions extends BackupOptions {
  readonly all?: boolean
  readonly part?: string
}

export function defineVerify(command: Command, context: CommandContext): void {
  const verify = describeCommand(command.command('verify'), {
    summary: 'read a backup back and compare its bytes',
    more:
      'That every blob is there in its full length, always; the bytes of a share of them, another one each day, so ' +
      'that all have been read after 28 days. Damaged blobs are moved aside, and the next backup copies them again. ' +
      'Ends with 6 when something is wrong.',
    examples: [
      'carrel backup verify /mnt/backup/carrel',
      'carrel backup verify /mnt/backup/carrel --all',
      'carrel backup verify /mnt/backup/carrel --part 3/7',
    ],
    json: `{ "ok", "part", "snapshots", "blobs", "hashed": { "objects", "bytes" },
  "problems": [{ "key", "digest"?, "message" }], "recorded" }`,
  })
  addBackupOptions(verify)
    .option('--all', 'every byte')
    .option('--part <N/M>', 'the Nth of M shares')
    .action(async (dest: string | undefined, options: VerifyOptions) => {
      const { output } = context
      const part = partOf(options)
      const report = await withBackup(
        context,
        { dest, options },
        async ({ config, commands, ...call }) => commands.verify(config, { ...call, part }),
      )
      if (!report.ok) context.exitCode = exitCodes.problemsFound
      if (options.json) output.json(report)
      else print(context, report)
    })
}

function partOf({ all, part }: VerifyOptions) {
  if (all && part !== undefined) {
    throw usageError('--all and --part exclude each other', { fix: 'use one' })
  }
  if (all) return { number: 1, of: 1 }
  if (part === undefined) return undefined
  const [number = 0, of = 0] = part.split('/').map(Number)
  const isGood = /^\d{1,4}\/\d{1,4}$/.test(part) && number >= 1 && number <= of
  if (isGood) return { number, of }
  throw usageError(`--part ${part}: must be N/M, from 1/M to M/M`)
}

function print({ output }: CommandContext, report: VerifiedBackup): void {
  const { problems, snapshots, blobs, hashed, part, ok, recorded } = report
  for (const { message } of problems) output.data(`${output.paint('red', '✗')} ${message}\n`)
  const share = part === '1/1' ? 'all' : `part ${part}`
  const read = `${share} was read: ${plural(hashed.objects, 'object')}, ${formatBytes(hashed.bytes)}`
  const what = `${plural(snapshots, 'snapshot')}, ${plural(blobs, 'blob')}; ${read}`
  if (ok) output.say(`all is whole: ${what}`)
  else output.say(`${plural(problems.length, 'problem')} in ${what}`)
  if (!recorded) output.detail('nobody remembers this: no installation of this backup is here')
}
