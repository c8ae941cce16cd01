// `carrel registry garbage-collect`: registry:2's command over Carrel's own collection. It needs no stop of the server.
import { Argument } from 'commander'
import type { Command } from 'commander'

import { loadConfig } from '../context.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import type { GarbageReport } from '../garbage.ts'
import { describeCommand } from '../help-text.ts'
import { formatBytes, plural, printable } from '../text.ts'

interface Options {
  readonly dryRun?: true
  readonly deleteUntagged?: true
  readonly json?: true
}

export function defineGarbageCollect(command: Command, context: CommandContext): void {
  const collecting = describeCommand(command.command('garbage-collect'), {
    summary: 'take away what no image needs',
    more:
      'Safe beside a running server, which does the same by itself. What came within the last day (CARREL_KEEP_UNREFERENCED) stays, as it may be a part of a push. ' +
      'Images go to the recycle bin, and bytes come back after a day in the trash (CARREL_KEEP_TRASH).',
    examples: [
      'carrel registry garbage-collect --dry-run /etc/docker/registry/config.yml',
      'carrel registry garbage-collect -m /etc/docker/registry/config.yml',
    ],
    json: '{ "dryRun", "busy", "manifests", "blobs", "purgedBlobs", "bytes", "errors": [text] }',
  })
  collecting
    .addArgument(new Argument('[CONFIG]', 'config.yml, as for carrel registry serve'))
    .option('-d, --dry-run', 'only say what would go')
    .option('-m, --delete-untagged', 'images without a tag too')
  collecting.action(async (file: string | undefined, options: Options) =>
    collectGarbage(context, file, options),
  )
}

async function collectGarbage(
  context: CommandContext,
  file: string | undefined,
  options: Options,
): Promise<void> {
  const { output, composition } = context
  const asRegistry2 = { dataOnly: true, ...(file !== undefined && { file }) }
  const { config } = await loadConfig(context, {}, asRegistry2)
  const dryRun = options.dryRun === true
  const deleteUntagged = options.deleteUntagged === true
  const report = await composition.collectGarbage(config, { dryRun, deleteUntagged })
  const { trashMs: _, ...shown } = report
  if (report.errors.length > 0) context.exitCode = exitCodes.problemsFound
  if (options.json) {
    output.json({ dryRun, ...shown })
    return
  }
  for (const error of report.errors) output.warn(`kept: ${printable(error)}`)
  for (const line of linesOf(report, dryRun)) output.say(line)
}

function* linesOf(report: GarbageReport, dryRun: boolean): Generator<string> {
  const { busy, manifests, blobs, purgedBlobs, bytes, trashMs } = report
  if (busy) {
    yield 'the server collects at this moment: nothing to do'
    return
  }
  const verb = dryRun ? 'would go' : 'went'
  yield `${plural(manifests, 'image')} ${verb} to the recycle bin, ${plural(blobs, 'blob')} to the trash`
  const came = dryRun ? 'would come back' : 'came back'
  yield `${formatBytes(bytes)} ${came} from ${plural(purgedBlobs, 'blob')} of the trash`
  const hours = Math.ceil(trashMs / 3_600_000)
  if (blobs > 0)
    yield `what is in the trash comes back ${plural(hours, 'hour')} after it went there`
}
