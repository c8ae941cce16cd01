// `carrel backup restore` and `carrel backup drill`.
import { resolve } from 'node:path'
import type { Command } from 'commander'

import { addBackupOptions, withBackup, type BackupOptions } from '../backup-options.ts'
import type { DrilledBackup, RestoredBackup, SnapshotCounts } from '../backup.ts'
import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import type { Output } from '../output.ts'
import { formatBytes, formatSeconds, plural, printable, wrap } from '../text.ts'

const countsJson = '"counts": { "repositories", "tags", "manifests", "blobs", "bytes" }'

interface RestoreOptions extends BackupOptions {
  readonly snapshot?: string
}

export function defineRestore(command: Command, context: CommandContext): void {
  const restore = describeCommand(command.command('restore'), {
    summary: 'make an installation from a backup, in an empty place',
    more:
      'Hashes every byte, and checks everything at the end as fsck does. With CARREL_METADATA_URL the database goes ' +
      'to an empty PostgreSQL, wherever it was before. Backups of older versions are brought up to date. ' +
      'Ends with 6 when something did not come back whole.',
    examples: [
      'carrel backup restore /mnt/backup/carrel --data /var/lib/carrel',
      'carrel backup restore /mnt/backup/carrel --snapshot ID --data /var/lib/carrel',
    ],
    json: `{ "ok", "snapshot", "createdAt", "dataDir",
  ${countsJson},
  "lost": [{ "digest", "message" }],
  "problems": [{ "kind", "digest"?, "name"?, "message" }], "notes": [text] }`,
  })
  addBackupOptions(restore)
    .option('--snapshot <ID>', 'this one, and not the newest that is complete')
    .action(async (dest: string | undefined, options: RestoreOptions) => {
      const { output } = context
      if (options.data === undefined) {
        throw usageError('say where to: --data DIR', { why: 'a restore makes an installation' })
      }
      const { snapshot } = options
      const done = await withBackup(
        context,
        { dest, options },
        async ({ config, commands, ...call }) => commands.restore(config, { ...call, snapshot }),
      )
      if (!done.ok) context.exitCode = exitCodes.problemsFound
      if (options.json) output.json(done)
      else printRestored(output, done)
    })
}

function printRestored(output: Output, done: RestoredBackup): void {
  for (const { digest, message } of done.lost) printProblem(output, `${digest} ${message}`)
  for (const { message, digest } of done.problems) {
    printProblem(output, [digest, message].filter((part) => part !== undefined).join(' '))
  }
  const wrong = done.lost.length + done.problems.length
  output.say(
    `${wrong === 0 ? 'restored whole' : plural(wrong, 'problem')}: ${countsText(done.counts)}`,
  )
  for (const note of done.notes) sayNote(output, note)
  output.say(`next: carrel up --data ${done.dataDir}`)
}

function sayNote(output: Output, note: string): void {
  const lines = wrap(printable(note), output.terminal ? output.width - 6 : Infinity)
  output.say(`note: ${lines.join('\n      ')}`)
}

function printProblem(output: Output, text: string): void {
  const [first = '', ...rest] = wrap(printable(text), output.terminal ? output.width - 2 : Infinity)
  output.data(`${output.paint('red', '✗')} ${first}\n${rest.map((line) => `  ${line}\n`).join('')}`)
}

function countsText({ repositories, tags, manifests, blobs, bytes }: SnapshotCounts): string {
  return [
    plural(repositories, 'repository', 'repositories'),
    plural(tags, 'tag'),
    plural(manifests, 'manifest'),
    plural(blobs, 'blob'),
    formatBytes(bytes),
  ].join(', ')
}

interface DrillOptions extends RestoreOptions {
  readonly scratch?: string
}

export function defineDrill(command: Command, context: CommandContext): void {
  const drill = describeCommand(command.command('drill'), {
    summary: 'restore aside, check everything, and remove it again',
    more:
      'The one proof that a backup is good. Needs as much room as the restored installation. Beside the installation ' +
      'that the backup is of, the result is remembered: carrel doctor and /metrics tell its age. ' +
      'Ends with 6 when something did not come back whole.',
    examples: [
      'carrel backup drill',
      'carrel backup drill /mnt/backup/carrel --scratch /mnt/scratch',
    ],
    json: `{ "ok", "snapshot", "createdAt",
  ${countsJson},
  "seconds", "problems": [text], "recorded" }`,
  })
  addBackupOptions(drill)
    .option('--snapshot <ID>', 'this one, and not the newest that is complete')
    .option('--scratch <DIR>', 'where it is restored to for that time (the data folder)')
    .action(async (dest: string | undefined, options: DrillOptions) => {
      const { output } = context
      const { snapshot } = options
      const scratch =
        options.scratch === undefined ? undefined : resolve(output.io.cwd, options.scratch)
      const done = await withBackup(
        context,
        { dest, options },
        async ({ config, commands, ...call }) =>
          commands.drill(config, { ...call, snapshot, scratch }),
      )
      if (!done.ok) context.exitCode = exitCodes.problemsFound
      if (options.json) output.json(done)
      else printDrilled(output, done)
    })
}

function printDrilled(output: Output, done: DrilledBackup): void {
  for (const problem of done.problems) printProblem(output, problem)
  const what = `${done.snapshot} in ${formatSeconds(done.seconds)}: ${countsText(done.counts)}`
  if (done.ok) output.say(`restored whole, checked and removed again: ${what}`)
  else output.say(`${plural(done.problems.length, 'problem')} in ${what}`)
  if (!done.recorded) sayNote(output, 'no installation of this backup is here to remember it')
}
