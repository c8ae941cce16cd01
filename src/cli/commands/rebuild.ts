// `carrel rebuild`: the database made anew from the storage. Ends with 6 when something did not come back.
import type { Command } from 'commander'

import { addPlaceOptions } from '../common-options.ts'
import { loadConfig, placeFlags } from '../context.ts'
import type { CommandContext, PlaceOptions } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import type { Output } from '../output.ts'
import { createProgressBar } from '../progress.ts'
import type { RebuildFinding, RebuildReport } from '../rebuild.ts'
import { formatBytes, plural, printable, wrap } from '../text.ts'

interface Options extends PlaceOptions {
  readonly deep?: boolean
  readonly force?: boolean
  readonly json?: boolean
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'make a lost or damaged database anew from the storage',
    more:
      'Brings back repositories, manifests, tags, their history and the recycle bin, up to the last second or two. ' +
      'Users, grants, tokens and the audit log were in the database only: a backup has them. The server must not ' +
      'run. Ends with 6 when something did not come back.',
    examples: ['carrel rebuild --data /var/lib/carrel', 'carrel rebuild --data ./data --deep'],
    json: `{ "ok", "installation", "journal": { "segments", "bytes", "writtenAt" },
  "repositories", "deletedRepositories", "tags", "manifests",
  "deletedManifests", "tagChanges", "blobs", "bytes", "principals",
  "findings": [{ "kind", "name"?, "digest"?, "message" }],
  "movedAside": [path], "lost": [text], "notes": [text],
  "fsck": what carrel fsck prints }`,
  })
  addPlaceOptions(command)
    .option('--deep', 'read and hash every blob')
    .option('--force', 'also when a whole database is there; it is moved aside')
    .action((options: Options) => rebuild(context, options))
}

async function rebuild(context: CommandContext, options: Options): Promise<void> {
  const { output, composition } = context
  const { config } = await loadConfig(context, placeFlags(options))
  const { deep = false, force = false } = options
  const bar = createProgressBar(output)
  const onProgress = bar.show.bind(bar)
  const report = await composition
    .rebuild(config, { deep, force, onProgress })
    .finally(() => bar.end())
  if (!report.ok) context.exitCode = exitCodes.problemsFound
  if (options.json) output.json(report)
  else print(output, report)
}

function print(output: Output, report: RebuildReport): void {
  const found = [...report.findings, ...report.fsck.problems.filter(isNewIn(report))]
  if (output.terminal) printFindings(output, found)
  else {
    output.list(found, [
      { title: 'kind', show: ({ kind }) => kind },
      { title: 'digest', show: ({ digest }) => digest ?? '' },
      { title: 'name', show: ({ name }) => name ?? '' },
      { title: 'message', show: ({ message }) => message },
    ])
  }
  output.say(summary(report))
  sayList(output, 'moved aside:', report.movedAside)
  sayList(output, 'only the database had, and did not come back:', report.lost)
  output.say('  with a backup, into an empty folder: carrel backup restore DEST --data DIR')
  for (const note of report.notes) output.say(`note: ${printable(note)}`)
  output.say(fsckText(report))
  if (report.principals > 0) {
    const people = plural(report.principals, 'account')
    output.say(`${people} came back by name, and cannot sign in: carrel user enable NAME`)
  }
  output.say('next: carrel admin link, or: carrel admin reset-password')
}

/** fsck finds the same blobs missing again. */
function isNewIn({ findings }: RebuildReport): (problem: RebuildFinding) => boolean {
  const told = new Set(findings.map(({ digest }) => digest))
  return ({ digest }) => digest === undefined || !told.has(digest)
}

function printFindings(output: Output, findings: readonly RebuildFinding[]): void {
  for (const { kind, digest, name, message } of findings) {
    const where = [name, digest].filter((each) => each !== undefined).map(printable)
    output.data(`${output.paint('red', '✗')} ${output.paint('bold', printable(kind))}\n`)
    const lines = [...where, ...wrap(printable(message), output.width - 4)]
    output.data(lines.map((line) => `    ${line}\n`).join(''))
  }
}

function sayList(output: Output, title: string, items: readonly string[]): void {
  if (items.length === 0) return
  output.say([title, ...items.map((item) => `  ${printable(item)}`)].join('\n'))
}

function summary(report: RebuildReport): string {
  const counts = [
    plural(report.repositories, 'repository', 'repositories'),
    plural(report.tags, 'tag'),
    plural(report.manifests, 'manifest'),
    plural(report.blobs, 'blob'),
    formatBytes(report.bytes),
  ]
  const bin = [
    plural(report.deletedRepositories, 'repository', 'repositories'),
    plural(report.deletedManifests, 'manifest'),
  ]
  const until = report.journal.writtenAt.slice(0, 19).replace('T', ' ') + ' UTC'
  return [
    `made anew: ${counts.join(', ')}`,
    `recycle bin: ${bin.join(', ')}`,
    `history: ${plural(report.tagChanges, 'change')} of tags`,
    `the journal ends at ${until}; later pushes are not there`,
  ].join('\n')
}

function fsckText({ fsck, findings }: RebuildReport): string {
  if (fsck.ok && findings.length === 0) return 'fsck: all is there'
  return `fsck: ${plural(fsck.problems.length, 'problem')}; carrel fsck tells them again`
}
