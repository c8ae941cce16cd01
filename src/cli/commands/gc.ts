// `carrel gc status|run|undo`: what collection will give back, a run of it now, and taking it back.
import type { Command } from 'commander'

import type { ApiClient } from '../../contract/client.ts'
import type { OutputOf } from '../../contract/operations.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import type { Output } from '../output.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import { formatBytes, plural } from '../text.ts'
import { printStatus } from './gc-status.ts'

type Outcome = OutputOf<'collection.run'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

interface StatusOptions extends Options {
  readonly all?: boolean
}

interface RunOptions extends Options {
  readonly dryRun?: boolean
}

const counts = `"repositories", "manifests", "purgedManifests", "blobs", "purgedBlobs",
  "bytes", "complete", "errors", "errorMessages": [text]`

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'see and run the collection of what nothing needs',
    more: 'The server collects by itself, every minute, while everything else goes on. See: carrel help environment (CARREL_KEEP_…)',
    examples: ['carrel gc status', 'carrel gc run --dry-run', 'carrel gc undo'],
  })
  defineStatus(command, context)
  defineRun(command, context)
  defineUndo(command, context)
}

function defineStatus(command: Command, context: CommandContext): void {
  const status = describeCommand(command.command('status', { isDefault: true }), {
    summary: 'say what will come back, what waits, and why it is kept',
    more: 'What will come back does so when nothing is restored or used until then.\nWithout a terminal: kind, repository, digest, tags, bytes, reason, due, tab-separated.',
    examples: ['carrel gc status', 'carrel gc status --all', 'carrel gc status --json'],
    json: `{ "keep": { "untagged", "unreferenced", "trash", "deleted" } seconds or null,
  "running", "heldByBackup",
  "last"?: { "startedAt", "endedAt", and what run prints },
  "reclaimable": { "blobs", "bytes" }, "trash": { "blobs", "bytes" },
  "waiting": [{ "kind", "count", "next"? }],
  "things": [{ "kind", "repository"?, "digest"?, "tags", "bytes", "reason",
    "deletedBy"?, "due"? }], "more" }`,
  })
  status.option('--all', 'list up to 10,000 of each kind, not only the first few')
  addManagementOptions(status).action(async (options: StatusOptions) => {
    const { output } = context
    const limit = options.all === true ? 10_000 : 10
    const found = await withApi(context, options, async (api) =>
      api.call('collection.status', { limit }),
    )
    if (options.json) output.json(found)
    else printStatus(output, found)
  })
}

function defineRun(command: Command, context: CommandContext): void {
  const run = describeCommand(command.command('run'), {
    summary: 'collect now what is due',
    more: 'What is not due yet stays: see carrel gc status. Ends with 1 when something could not be collected; it is kept then.',
    examples: ['carrel gc run --dry-run', 'carrel gc run', 'carrel gc run --json'],
    json: `{ ${counts},
  "busy", "heldByBackup", "trashedBytes"? with --dry-run }`,
  })
  run.option('--dry-run', 'say what would be done, and change nothing')
  addManagementOptions(run).action(async (options: RunOptions) => {
    const { output } = context
    const outcome = await withApi(context, options, async (api) =>
      options.dryRun === true ? api.call('collection.run', { dryRun: true }) : runAll(api, output),
    )
    if (outcome.errors > 0) context.exitCode = exitCodes.failed
    if (options.json) output.json(outcome)
    tell(output, outcome, options.dryRun === true)
  })
}

/** A long run comes in pieces. */
async function runAll(api: ApiClient, output: Output): Promise<Outcome> {
  let all = await api.call('collection.run', {})
  while (!all.complete && !all.busy && all.errors === 0) {
    output.say(`so far: ${whatOf(all).join(', ')}`)
    all = sum(all, await api.call('collection.run', {}))
  }
  return all
}

function sum(before: Outcome, next: Outcome): Outcome {
  return {
    ...next,
    repositories: before.repositories + next.repositories,
    manifests: before.manifests + next.manifests,
    purgedManifests: before.purgedManifests + next.purgedManifests,
    blobs: before.blobs + next.blobs,
    purgedBlobs: before.purgedBlobs + next.purgedBlobs,
    bytes: before.bytes + next.bytes,
  }
}

function tell(output: Output, outcome: Outcome, isDry: boolean): void {
  if (outcome.busy) {
    output.say('collection is running already, in the server or elsewhere; nothing was done here')
    return
  }
  for (const message of outcome.errorMessages) output.warn(`${message} (it is kept)`)
  const done = whatOf(outcome)
  const least = isDry && !outcome.complete ? ' at least' : ''
  const back = formatBytes(outcome.bytes)
  if (done.length === 0) output.say('nothing is due: carrel gc status says what waits')
  else if (isDry)
    output.say(`would happen${least}: ${done.join(', ')}; ${back} would come back now`)
  else output.say(`${done.join(', ')}; ${back} came back`)
  const { trashedBytes = 0 } = outcome
  if (trashedBytes > 0) output.say(`${formatBytes(trashedBytes)} more when the trash is purged`)
  if (outcome.heldByBackup) output.say('a backup is being made: nothing is purged until it is done')
}

function whatOf(outcome: Outcome): readonly string[] {
  const { repositories, manifests, purgedManifests, blobs, purgedBlobs } = outcome
  const parts: readonly (readonly [number, string])[] = [
    [repositories, `${plural(repositories, 'deleted repository', 'deleted repositories')} purged`],
    [manifests, `${plural(manifests, 'untagged image')} to the recycle bin`],
    [purgedManifests, `${plural(purgedManifests, 'image')} out of the recycle bin for good`],
    [blobs, `${plural(blobs, 'blob')} to the trash`],
    [purgedBlobs, `${plural(purgedBlobs, 'blob')} out of the trash for good`],
  ]
  return parts.filter(([count]) => count > 0).map(([, text]) => text)
}

function defineUndo(command: Command, context: CommandContext): void {
  const undo = describeCommand(command.command('undo'), {
    summary: 'bring back what was collected and is not purged yet',
    more: 'What somebody deleted is not meant: see carrel tag restore and carrel repo restore. What comes back is collected again when nothing uses it until then.',
    examples: ['carrel gc undo', 'carrel gc undo --yes --json'],
    json: `{ "undone": true|false, "blobs", "bytes", "manifests", "errors",
  "errorMessages": [text] }`,
  })
  addManagementOptions(addRemovalOptions(undo)).action(
    async (options: Options & RemovalOptions) => {
      const { output } = context
      await withApi(context, options, async (api) => {
        const { trash, waiting } = await api.call('collection.status', { limit: 0 })
        const images = waiting.find(({ kind }) => kind === 'collected-manifests')?.count ?? 0
        const what = `${plural(trash.blobs, 'blob')} (${formatBytes(trash.bytes)}) and ${plural(images, 'untagged image')} come back`
        const agreed = await agreeToRemoval(output, what, options)
        const nothing = { blobs: 0, bytes: 0, manifests: 0, errors: 0, errorMessages: [] }
        const done = agreed ? await api.call('collection.undo', {}) : nothing
        if (done.errors > 0) context.exitCode = exitCodes.failed
        for (const message of done.errorMessages) output.warn(message)
        if (options.json) output.json({ undone: agreed, ...done })
        if (!agreed) return
        const { blobs, bytes, manifests } = done
        const back = `${plural(blobs, 'blob')} (${formatBytes(bytes)})`
        output.say(`brought back ${back} and ${plural(manifests, 'untagged image')}`)
      })
    },
  )
}
