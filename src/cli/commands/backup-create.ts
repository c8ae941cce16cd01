// `carrel backup create [DEST]`. Ends with 1 when a blob could not be copied; the snapshot is there all the same.
import type { Command } from 'commander'

import { addBackupOptions, withBackup, type BackupOptions } from '../backup-options.ts'
import type { CreatedBackup } from '../backup.ts'
import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import { formatBytes, plural } from '../text.ts'

interface Options extends BackupOptions {
  readonly encrypt?: boolean
  readonly keep?: string
}

export function defineCreate(command: Command, context: CommandContext): void {
  const create = describeCommand(command.command('create'), {
    summary: 'copy everything that is new, and make a snapshot',
    more:
      'The first one copies all, later ones what is new since. A snapshot is of one moment, and whole on its own. ' +
      'Ends with 1 when a blob could not be copied: everything else is kept then.',
    examples: [
      'carrel backup create /mnt/backup/carrel',
      'carrel backup create /mnt/backup/carrel --key-file backup.key --keep 14',
    ],
    json: `{ "snapshot", "complete": true|false, "encrypted",
  "counts": { "repositories", "tags", "manifests", "blobs", "bytes" },
  "copied": { "blobs", "bytes" }, "missing": [{ "digest", "message" }],
  "pruned"?: { "snapshots", "blobs", "bytes" } }`,
  })
  addBackupOptions(create)
    .option('--encrypt', 'ask for a passphrase that a new backup is encrypted with')
    .option('--keep <N>', 'then remove all but the newest N snapshots, and blobs only those had')
    .action(async (dest: string | undefined, options: Options) => {
      const { output } = context
      const keep = keepOf(options.keep)
      const made = await withBackup(
        context,
        { dest, options },
        async ({ config, commands, ...call }) => commands.create(config, { ...call, keep }),
      )
      if (!made.complete) context.exitCode = exitCodes.failed
      if (options.json) output.json(made)
      else print(context, made)
    })
}

function keepOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw usageError(`--keep ${text}: must be a whole number from 1 on`)
}

function print({ output }: CommandContext, made: CreatedBackup): void {
  const { snapshot, counts, copied, missing, pruned } = made
  output.data(`${snapshot}\n`)
  output.say(
    `${plural(counts.tags, 'tag')}, ${plural(counts.manifests, 'manifest')}, ` +
      `${plural(counts.blobs, 'blob')} (${formatBytes(counts.bytes)})`,
  )
  output.say(`new in the backup: ${plural(copied.blobs, 'blob')} (${formatBytes(copied.bytes)})`)
  if (pruned !== undefined && pruned.snapshots > 0) {
    output.say(
      `removed ${plural(pruned.snapshots, 'old snapshot')}, ` +
        `and ${plural(pruned.blobs, 'blob')} that only they had (${formatBytes(pruned.bytes)})`,
    )
  }
  for (const { digest, message } of missing) output.warn(`${digest} is not in it. ${message}`)
  if (missing.length > 0) {
    output.warn(`incomplete: ${plural(missing.length, 'blob')} could not be copied; carrel fsck`)
  }
}
