// `carrel export --layout registry2|oci DIR`: everything that is kept, as something that others read. Ends with 6 when
// something could not be written.
import { resolve } from 'node:path'
import { Option, type Command } from 'commander'

import type { ExportLayout, ExportReport } from '../adoption.ts'
import { addPlaceOptions } from '../common-options.ts'
import { loadConfig, placeFlags } from '../context.ts'
import type { CommandContext, PlaceOptions } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import type { Output } from '../output.ts'
import { createProgressBar } from '../progress.ts'
import { formatBytes, plural, printable } from '../text.ts'

interface Options extends PlaceOptions {
  readonly layout: ExportLayout
  readonly repo: string
  readonly json?: boolean
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'write images for registry:2, or as an OCI image layout',
    more: `The way back: registry:2 serves the folder as it is. On the same file system
large files are hard links and need no room. A server may run meanwhile. An
export that was cut short goes on when it is started again.
Ends with 6 when something could not be written.`,
    examples: [
      'carrel export --layout registry2 /srv/registry2',
      'carrel export --layout oci ./images --repo "team/*"',
    ],
    json: `{ "ok", "layout", "directory", "repositories", "tags", "manifests", "blobs",
  "bytes", "linked", "copied", "kept",
  "problems": [{ "kind", "name", "digest"?, "message" }], "notes": [text] }`,
  })
  addPlaceOptions(command.argument('<DIR>', 'an empty or new folder'))
    .addOption(
      new Option('--layout <LAYOUT>', 'registry2 or oci')
        .choices(['registry2', 'oci'])
        .makeOptionMandatory(),
    )
    .option('--repo <GLOB>', 'only these: * within a component, ** across them', '**')
    .action(async (directory: string, options: Options) => exportTo(context, directory, options))
}

async function exportTo(
  context: CommandContext,
  directory: string,
  options: Options,
): Promise<void> {
  const { output, composition } = context
  const { config } = await loadConfig(context, placeFlags(options))
  const commands = await composition.adoption()
  const bar = createProgressBar(output)
  const request = {
    layout: options.layout,
    directory: resolve(output.io.cwd, directory),
    repositories: options.repo,
  }
  const report = await commands.export(config, request, bar.show.bind(bar)).finally(() => bar.end())
  if (!report.ok) context.exitCode = exitCodes.problemsFound
  if (options.json) output.json(report)
  else print(output, report)
}

function print(output: Output, report: ExportReport): void {
  output.list(report.problems, [
    { title: 'kind', show: ({ kind }) => kind },
    { title: 'name', show: ({ name }) => name },
    { title: 'digest', show: ({ digest }) => digest ?? '' },
    { title: 'message', show: ({ message }) => message },
  ])
  for (const note of report.notes) output.say(`note: ${printable(note)}`)
  const { repositories, tags, manifests, blobs, bytes, linked, copied, kept } = report
  output.say(
    `${plural(repositories, 'repository', 'repositories')}, ${plural(tags, 'tag')}, ${plural(manifests, 'manifest')}, ${plural(blobs, 'blob')}, ${formatBytes(bytes)}`,
  )
  const there = kept === 0 ? '' : `, ${kept} there already`
  output.say(`${plural(linked, 'file')} linked, ${copied} copied${there}`)
}
