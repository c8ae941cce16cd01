// `carrel adopt --check DIR`: what a volume of registry:2 holds, and what is wrong with it. Changes nothing. Ends with 1
// when something in it is lost.
import { resolve } from 'node:path'
import type { Command } from 'commander'

import type { FindingSummary, VolumeFinding, VolumeReport } from '../adoption.ts'
import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import type { Output } from '../output.ts'
import { createProgressBar } from '../progress.ts'
import { formatBytes, plural, printable, wrap } from '../text.ts'

interface Options {
  readonly check?: boolean
  readonly json?: boolean
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'look at a volume of registry:2 before it is taken over',
    more: `Changes nothing. A server that is started on such a volume takes it over by
itself: carrel serve --data DIR. Ends with 1 when something in it is lost.`,
    examples: [
      'carrel adopt --check /var/lib/registry',
      'carrel adopt --check /srv/old --json | jq .losses',
    ],
    json: `{ "ok", "directory", "repositories", "tags", "manifests", "blobs", "bytes",
  "reclaimable": { "blobs", "bytes" }, "losses",
  "findings": { KIND: { "count", "bytes",
    "examples": [{ "name"?, "digest"?, "bytes"?, "message" }] } } }`,
  })
  command
    .argument('<DIR>', 'the volume: the folder that has docker/registry/v2 in it')
    .option('--check', 'look only; there is nothing else to do here')
    .action(async (directory: string, options: Options) => adopt(context, directory, options))
}

async function adopt(context: CommandContext, directory: string, options: Options): Promise<void> {
  const { output, composition } = context
  if (options.check !== true) {
    throw usageError('volumes are taken over by the server', {
      why: 'at its first start on one; this command only looks',
      fix: `carrel adopt --check ${directory}`,
    })
  }
  const commands = await composition.adoption()
  const bar = createProgressBar(output)
  const report = await commands
    .check(resolve(output.io.cwd, directory), bar.show.bind(bar))
    .finally(() => bar.end())
  if (!report.ok) context.exitCode = exitCodes.failed
  if (options.json) output.json(report)
  else if (output.terminal) print(output, report)
  else printPlain(output, report)
}

interface KindText {
  readonly kind: string
  readonly isLoss: boolean
  readonly text: string
}

const loss = (kind: string, text: string): KindText => ({ kind, isLoss: true, text })
const note = (kind: string, text: string): KindText => ({ kind, isLoss: false, text })

/** In the order in which they are told; a kind that is not here is told by its name. */
const kinds: readonly KindText[] = [
  loss('tag-broken', 'tags that lead nowhere'),
  loss('index-broken', 'indexes without some of their manifests'),
  loss('manifest-lost', 'manifests without bytes'),
  loss('manifest-damaged', 'manifests with wrong bytes'),
  loss('blob-lost', 'blobs that manifests need and that are gone'),
  loss('blob-damaged', 'blobs with wrong bytes'),
  loss('manifest-skipped', 'manifests that Carrel does not store'),
  loss('name-refused', 'repositories with names that are not valid'),
  note('ghost', 'repositories with nothing in them, not taken over'),
  note('orphan', 'blobs in no repository, to be collected'),
  note('unneeded', 'blobs that no manifest needs, to be collected'),
  note('upload', 'uploads that were never finished'),
  note('size-differs', 'blobs of another size than a manifest says, unharmed'),
  note('link-repaired', 'damaged links whose meaning is plain'),
  note('link-dangling', 'links to what is gone and not needed'),
  note('leftover', 'leftovers of deletes and of writes that were cut short'),
  note('odd', 'things that registry:2 never wrote, left alone'),
]

const shownExamples = 3

function print(output: Output, report: VolumeReport): void {
  const { repositories, tags, manifests, blobs, bytes, reclaimable, losses } = report
  const { paint } = output
  output.data(
    `${paint('bold', printable(report.directory))}\n` +
      `  ${plural(repositories, 'repository', 'repositories')}, ${plural(tags, 'tag')}, ${plural(manifests, 'manifest')}\n` +
      `  ${plural(blobs, 'file')} of content, ${formatBytes(bytes)}\n`,
  )
  for (const { kind, isLoss, text } of kinds) {
    const found = report.findings[kind]
    if (found === undefined) continue
    const mark = isLoss ? paint('red', '✗') : paint('dim', '·')
    const size = found.bytes > 0 ? ` (${formatBytes(found.bytes)})` : ''
    output.data(`${mark} ${text}: ${found.count.toLocaleString('en')}${size}\n`)
    if (isLoss) printExamples(output, found)
  }
  if (reclaimable.bytes > 0) {
    output.say(`${formatBytes(reclaimable.bytes)} will come back by collection`)
  }
  output.say(
    losses === 0
      ? `nothing is lost. Take it over: carrel serve --data ${report.directory}`
      : `${plural(losses, 'thing')} in it cannot be served, here or there; all else can be taken over`,
  )
}

function printExamples(output: Output, { count, examples }: FindingSummary): void {
  for (const { name, digest, message } of examples.slice(0, shownExamples)) {
    const where = [name, digest].filter((each) => each !== undefined).map(printable)
    const lines = [...where, ...wrap(printable(message), output.width - 4)]
    output.data(lines.map((line) => `    ${line}\n`).join(''))
  }
  const more = count - shownExamples
  if (more > 0) output.data(`    and ${more.toLocaleString('en')} more (--json shows a hundred)\n`)
}

type Row = VolumeFinding & { readonly kind: string }

function printPlain(output: Output, report: VolumeReport): void {
  const rows: Row[] = kinds.flatMap(({ kind }) =>
    (report.findings[kind]?.examples ?? []).map((finding) => ({ kind, ...finding })),
  )
  output.list(rows, [
    { title: 'kind', show: ({ kind }) => kind },
    { title: 'name', show: ({ name }) => name ?? '' },
    { title: 'digest', show: ({ digest }) => digest ?? '' },
    { title: 'bytes', show: ({ bytes }) => (bytes === undefined ? '' : String(bytes)) },
    { title: 'message', show: ({ message }) => message },
  ])
  const { repositories, tags, manifests, bytes, losses } = report
  const counts = `${plural(repositories, 'repository', 'repositories')}, ${plural(tags, 'tag')}, ${plural(manifests, 'manifest')}, ${formatBytes(bytes)}`
  output.say(`${counts}; ${plural(losses, 'loss', 'losses')}`)
}
