// `carrel fsck`: reads everything that is kept. Ends with 0 when all is whole and 6 when it is not.
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
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'prove that everything kept is there and unharmed',
    more: 'Reads and hashes every byte, beside a running server too. Ends with 6 when something is wrong.',
    examples: ['carrel fsck', 'carrel fsck --data /var/lib/carrel --json'],
    json: `{ "ok", "repositories", "tags", "manifests", "blobs", "bytes",
  "problems": [{ "kind", "digest"?, "name"?, "message" }], "notes": [text] }`,
  })
  addPlaceOptions(command).action((options: Options) => fsck(context, options))
}

async function fsck(context: CommandContext, options: Options): Promise<void> {
  const { output } = context
  const report = await withInstallation(context, { place: options }, async (installation) => {
    const bar = createProgressBar(output)
    try {
      return await installation.fsck((progress) => bar.show(progress))
    } finally {
      bar.end()
    }
  })
  if (!report.ok) context.exitCode = exitCodes.problemsFound
  if (options.json) {
    const { ok, repositories, tags, manifests, blobs, bytes, problems, notes } = report
    output.json({ ok, repositories, tags, manifests, blobs, bytes, problems, notes })
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
    formatBytes(report.bytes),
  ].join(', ')
  if (report.ok) return `all is whole: ${counts}`
  return `${plural(report.problems.length, 'problem')} in ${counts}`
}
