// `carrel access explain|review|shrink|campaign`.
import type { Command } from 'commander'

import type { ApiClient } from '../../contract/client.ts'
import type { OutputOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { parseDuration } from '../duration.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import { printable } from '../text.ts'
import { defineCampaign, parseId } from './access-campaign.ts'
import { defineReview, wholeDays } from './access-review.ts'

type Grant = OutputOf<'grants.show'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'who may do what and why; review and take away what nobody uses',
    examples: [
      'carrel access explain user:ann web/app push',
      'carrel access review --unused 90d',
      'carrel access shrink 7',
      'carrel access campaign open "spring 2027" --where web/ --owner ann --due 14d',
    ],
  })
  defineExplain(command, context)
  defineReview(command, context)
  defineShrink(command, context)
  defineCampaign(command, context)
}

type Explanation = OutputOf<'access.explain'>

function defineExplain(command: Command, context: CommandContext): void {
  const explain = describeCommand(command.command('explain'), {
    summary: 'whether somebody may do something to a repository, and why',
    more:
      'WHO: user:NAME, robot:NAME, federated:NAME, team:NAME, signed-in or anonymous.\n' +
      'ACTION: pull, push, overwrite, delete, decide, admin or create.\nEnds with 0 when it is allowed, with 4 when it is not.',
    examples: [
      'carrel access explain user:ann web/app push',
      'carrel access explain anonymous web/app pull --json',
    ],
    json: `{ "who", "repository", "action", "exists"?, "allowed": true|false, "because", "by"?, "grantId"?,
  "ways": [{ "kind", "message", "via"?, "grant"? }], "needed": [{ "where", "role", "command" }], "fix"?,
  "memberships" }`,
  })
  explain.argument('<WHO>').argument('<REPOSITORY>').argument('<ACTION>')
  addManagementOptions(explain).action(
    async (who: string, repository: string, action: string, options: Options) => {
      const { output } = context
      const asked = { who, repository, action: action as Explanation['action'] }
      const explanation = await withApi(context, options, async (api) =>
        api.call('access.explain', asked),
      )
      if (options.json) output.json(explanation)
      else printExplanation(context, explanation)
      if (!explanation.allowed) context.exitCode = exitCodes.denied
    },
  )
}

function printExplanation({ output }: CommandContext, explanation: Explanation): void {
  const { allowed, because, ways, needed, fix } = explanation
  const word = allowed ? output.paint('green', 'yes') : output.paint('red', 'no')
  output.data(`${word}\t${printable(because)}\n`)
  for (const { message } of ways) {
    if (message !== because) output.data(`\t${printable(message)}\n`)
  }
  const commands = new Set([
    ...(fix === undefined ? [] : [fix]),
    ...needed.map((way) => way.command),
  ])
  for (const line of commands) output.say(`to allow it: ${line}`)
}

interface ShrinkOptions extends Options, RemovalOptions {
  readonly all?: boolean
  readonly where?: string
  readonly unused?: string
  readonly minAge: string
}

function defineShrink(command: Command, context: CommandContext): void {
  const shrink = describeCommand(command.command('shrink'), {
    summary: 'take away the actions of a grant that nobody ever used',
    more:
      'What was used still works: whoever pushes, deletes or decides keeps pull.\n' +
      '--all leaves out what was given or changed within --min-age, and what users have in their own namespace.\n' +
      'A grant that was never used is not shrunk; take it away: carrel grant rm ID',
    examples: [
      'carrel access shrink 7 --dry-run',
      'carrel access shrink 7 9 --yes',
      'carrel access shrink --all --where web/ --min-age 30d',
    ],
    json: '[{ "id", "who", "where", "before": [...], "after": [...], "shrunk": true|false }]',
  })
  shrink
    .argument('[ID...]')
    .option('--all', 'every grant that is broader than what it was used for')
    .option('--where <WHERE>', 'with --all: on this place, and on all within it')
    .option('--unused <TIME>', 'with --all: that nobody used for so long: 90d')
    .option('--min-age <TIME>', 'with --all: neither given nor changed for so long', '90d')
  addManagementOptions(addRemovalOptions(shrink)).action(
    async (ids: readonly string[], options: ShrinkOptions) => {
      checkSelection(ids, options)
      await withApi(context, options, async (api) => shrinkGrants(context, api, { ids, options }))
    },
  )
}

function checkSelection(ids: readonly string[], { all, where, unused }: ShrinkOptions): void {
  const isAll = all === true
  if (isAll === ids.length > 0) {
    throw usageError(isAll ? 'an ID and --all exclude each other' : 'which grant was not said', {
      fix: 'carrel access shrink ID, or carrel access shrink --all',
    })
  }
  if (!isAll && (where !== undefined || unused !== undefined)) {
    throw usageError('--where and --unused are for --all')
  }
}

interface Found {
  readonly grant: Grant
  readonly tag: string | undefined
}

async function shrinkGrants(
  { output }: CommandContext,
  api: ApiClient,
  { ids, options }: { readonly ids: readonly string[]; readonly options: ShrinkOptions },
): Promise<void> {
  const wanted = options.all === true ? await broadGrants(api, options) : ids.map(parseId)
  const found: Found[] = []
  for (const id of new Set(wanted)) {
    const { output: grant, tag } = await api.callWithTag('grants.show', { id })
    if (grant.actionsUsed.length === 0) throw neverUsed(grant)
    found.push({ grant, tag })
  }
  if (found.length === 0) {
    if (options.json) output.json([])
    output.say('no grant is broader than what it was used for')
    return
  }
  const agreed = await agreeToRemoval(
    output,
    found.map(({ grant }) => consequence(grant)).join('; '),
    options,
  )
  const done: { readonly before: Grant; readonly after: Grant }[] = []
  for (const { grant, tag } of found) {
    const change = { id: grant.id, shrinkToUsed: true } as const
    const guard = tag === undefined ? {} : { ifMatch: tag }
    const after = agreed ? await api.call('grants.change', change, guard) : grant
    done.push({ before: grant, after })
  }
  if (agreed) for (const { before, after } of done) output.say(outcome(before, after))
  if (options.json) output.json(done.map(({ before, after }) => shrunkForJson(before, after)))
}

async function broadGrants(
  api: ApiClient,
  { where, unused, minAge }: ShrinkOptions,
): Promise<readonly number[]> {
  const before = Date.now() - parseDuration(minAge, '--min-age')
  const grants = await collect(
    api.pages('grants.list', {
      broaderThanUsed: true,
      ...(where !== undefined && { where }),
      ...(unused !== undefined && { unusedDays: wholeDays(unused, '--unused') }),
      limit: 500,
    }),
  )
  return grants
    .filter((grant) => isOld(grant, before) && !isOwnNamespace(grant))
    .map(({ id }) => id)
}

function isOld({ grantedAt, changedAt }: Grant, before: number): boolean {
  return Date.parse(grantedAt) < before && Date.parse(changedAt) < before
}

/** Whoever uses a namespace of their own for little still owns it. */
function isOwnNamespace({ who, where }: Grant): boolean {
  return who === `user:${where.slice(0, -1)}` && where.endsWith('/')
}

function neverUsed({ id }: Grant) {
  return usageError(`grant ${id} was never used`, {
    why: 'nothing would be left of it',
    fix: `carrel grant rm ${id}`,
  })
}

function consequence({ id, who, where, actions, actionsUsed }: Grant): string {
  return (
    `${who} has ${actions.join(',')} on ${where}, used ${actionsUsed.join(',')}, ` +
    `and loses what that does not need (grant ${id})`
  )
}

function outcome(before: Grant, after: Grant): string {
  const lost = before.actions.filter((action) => !after.actions.includes(action))
  const told = lost.length === 0 ? 'needs all that it has' : `lost ${lost.join(',')}`
  return `grant ${before.id}: ${before.who} ${told} on ${before.where}`
}

function shrunkForJson(before: Grant, after: Grant) {
  const { id, who, where } = before
  const shrunk = after.actions.length < before.actions.length
  return { id, who, where, before: before.actions, after: after.actions, shrunk }
}
