// `carrel fsck`: looks at everything that is kept, with --deep at every byte. Ends with 0 when all is whole and 6 when it
// is not.
import type { Command } from 'commander'

import { addPlaceOptions } from '../common-options.ts'
import type { FsckProblem, FsckReport } from '../composition.ts'
import { withInstallation } from '../context.ts'
import type { CommandContext, PlaceOptions } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import type { Output } from '../output.ts'
import { createProgressBar } from '../progress.ts'
import { formatBytes, plural, printable, wrap } from '../text.ts'

interface Options extends PlaceOptions {
  readonly json?: boolean
  readonly deep?: boolean
  readonly repair?: boolean
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'prove that everything kept is there and unharmed',
    more: `Checks every reference and that every blob has as many bytes as were pushed;
with --deep it reads and hashes every byte. A server may be running meanwhile.
Ends with 6 when something is wrong.`,
    examples: [
      'carrel fsck',
      'carrel fsck --deep --data /var/lib/carrel --json',
      'carrel fsck --deep --repair',
    ],
    json: `{ "ok", "deep", "repositories", "tags", "manifests", "blobs", "bytes",
  "repaired", "problems": [{ "kind", "digest"?, "name"?, "message" }],
  "notes": [text] }`,
  })
  addPlaceOptions(command)
    .option('--deep', 'read and hash every byte')
    .option('--repair', 'set lost and damaged blobs aside, so that a push brings them back')
    .action((options: Options) => fsck(context, options))
}

async function fsck(context: CommandContext, options: Options): Promise<void> {
  const { output } = context
  const report = await withInstallation(context, { place: options }, async (installation) => {
    const bar = createProgressBar(output)
    try {
      const { deep = false, repair = false } = options
      return await installation.fsck((progress) => bar.show(progress), { deep, repair })
    } finally {
      bar.end()
    }
  })
  if (!report.ok) context.exitCode = exitCodes.problemsFound
  if (options.json) {
    const { ok, deep, repositories, tags, manifests, blobs, bytes } = report
    const { repaired, problems, notes } = report
    const counts = { repositories, tags, manifests, blobs, bytes, repaired }
    output.json({ ok, deep, ...counts, problems, notes })
    return
  }
  if (output.terminal) printProblems(output, report.problems)
  else {
    output.list(report.problems, [
      { title: 'kind', show: ({ kind }) => kind },
      { title: 'digest', show: ({ digest }) => digest ?? '' },
      { title: 'name', show: ({ name }) => name ?? '' },
      { title: 'message', show: ({ message }) => message },
    ])
  }
  for (const note of report.notes) output.say(`note: ${printable(note)}`)
  if (report.repaired > 0)
    output.say(`${plural(report.repaired, 'blob')} set aside or brought back`)
  output.say(summary(report))
}

function printProblems(output: Output, problems: readonly FsckProblem[]): void {
  for (const { kind, digest, name, message } of problems) {
    const where = [name, digest].filter((each) => each !== undefined).map(printable)
    output.data(`${output.paint('red', '✗')} ${output.paint('bold', printable(kind))}\n`)
    const lines = [...where, ...wrap(printable(message), output.width - 4)]
    output.data(lines.map((line) => `    ${line}\n`).join(''))
  }
}

function summary(report: FsckReport): string {
  const counts = [
    plural(report.repositories, 'repository', 'repositories'),
    plural(report.tags, 'tag'),
    plural(report.manifests, 'manifest'),
    plural(report.blobs, 'blob'),
    `${formatBytes(report.bytes)} read`,
  ].join(', ')
  const hint = report.deep ? '' : '; --deep reads every byte'
  if (report.ok) return `all is ${report.deep ? 'whole' : 'there'}: ${counts}${hint}`
  return `${plural(report.problems.length, 'problem')} in ${counts}`
}
