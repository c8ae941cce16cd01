// `carrel audit ls|verify|export`.
import type { Command } from 'commander'

import type { InputOf, OutputOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { parseDuration } from '../duration.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import type { Output } from '../output.ts'
import type { Column } from '../table.ts'
import { formatMoment, plural } from '../text.ts'

type Entry = OutputOf<'audit.list'>['items'][number]

interface FilterOptions extends ManagementOptions {
  readonly json?: boolean
  readonly event?: string
  readonly actor?: string
  readonly subject?: string
  readonly since?: string
  readonly until?: string
}

const entryJson = `"id", "at", "event", "actor", "actorId"?, "subject", "address"?, "detail": {…},
   "seq"?, "hash"?`

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'the audit log: who did what to what',
    examples: [
      'carrel audit ls --event grant. --since 7d',
      'carrel audit verify',
      'carrel audit export --csv > audit.csv',
    ],
  })
  defineLs(command, context)
  defineVerify(command, context)
  defineExport(command, context)
}

function addFilterOptions(command: Command): Command {
  return command
    .option('--event <EVENT>', 'this one, or all of a kind: grant.added, grant.')
    .option('--actor <NAME>', 'who did it')
    .option('--subject <NAME>', 'what it was done to')
    .option('--since <WHEN>', 'from then on: 7d, 2026-11-01 or 2026-11-01T12:00:00Z')
    .option('--until <WHEN>', 'before then')
}

interface LsOptions extends FilterOptions {
  readonly limit: string
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list what happened, newest first',
    examples: [
      'carrel audit ls',
      'carrel audit ls --event login.failed --since 24h',
      'carrel audit ls --actor ann --json',
    ],
    json: `[{ ${entryJson} }]`,
  })
  addFilterOptions(ls).option('--limit <COUNT>', 'the most entries to print', '100')
  addManagementOptions(ls).action(async (options: LsOptions) => {
    const { output } = context
    const limit = parseLimit(options.limit)
    const filters = filtersOf(options)
    const entries: Entry[] = []
    await withApi(context, options, async (api) => {
      const page = Math.min(limit, 500)
      for await (const entry of api.pages('audit.list', { ...filters, limit: page })) {
        entries.push(entry)
        if (entries.length === limit) break
      }
    })
    if (options.json) output.json(entries)
    else output.list(entries, columns)
    if (entries.length === 0 && !options.json) output.say('nothing like that happened')
    if (entries.length === limit) output.say(`there may be more: --limit ${limit * 10}`)
  })
}

function parseLimit(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw usageError(`--limit "${text.slice(0, 40)}" is no number of entries`, {
    fix: '--limit 100, or all of them: carrel audit export',
  })
}

function defineVerify(command: Command, context: CommandContext): void {
  const verify = describeCommand(command.command('verify'), {
    summary: 'check that nothing in the log was changed, removed or put in between',
    more: 'Ends with 6 when something is wrong.',
    examples: ['carrel audit verify', 'carrel audit verify --json'],
    json: `{ "ok": true|false, "entries", "from"?, "to"?, "unsealed", "heads", "signaturesChecked",
  "problems": [{ "kind", "seq"?, "message" }], "problemCount" }`,
  })
  addManagementOptions(verify).action(
    async (options: ManagementOptions & { readonly json?: boolean }) => {
      const { output } = context
      const report = await withApi(context, options, async (api) => api.call('audit.verify', {}))
      const { ok, entries, unsealed, heads, problems, problemCount } = report
      if (options.json) output.json(report)
      else output.list(problems, problemColumns)
      if (ok) output.say(`${plural(entries, 'entry', 'entries')}, all as they were written`)
      else
        output.warn(`${plural(problemCount, 'problem')} in ${plural(entries, 'entry', 'entries')}`)
      if (heads > 0) output.say(`compared with ${plural(heads, 'end')} of the log, kept elsewhere`)
      if (unsealed > 0) output.say(`${unsealed} too young to be in the chain`)
      if (!ok) context.exitCode = exitCodes.problemsFound
    },
  )
}

type Problem = OutputOf<'audit.verify'>['problems'][number]

const problemColumns: readonly Column<Problem>[] = [
  { title: 'entry', show: ({ seq }) => seq?.toString() ?? '', align: 'right' },
  { title: 'kind', show: ({ kind }) => kind },
  { title: 'problem', show: ({ message }) => message },
]

function defineExport(command: Command, context: CommandContext): void {
  const write = describeCommand(command.command('export'), {
    summary: 'print the whole log, oldest first',
    more: 'One entry a line, in JSON, with all that is needed to check it far from here; or a table for spreadsheets.\nThat it was exported is told in the log.',
    examples: [
      'carrel audit export > audit.jsonl',
      'carrel audit export --since 30d --csv > audit.csv',
    ],
  })
  addFilterOptions(write).option('--csv', 'a table')
  addManagementOptions(write).action(
    async (options: FilterOptions & { readonly csv?: boolean }) => {
      const { output } = context
      const format = options.csv === true ? 'csv' : 'jsonl'
      let lines = 0
      const write = async (piece: Uint8Array) => {
        await print(output, piece)
        for (const byte of piece) if (byte === lineEnd) lines += 1
      }
      try {
        await withApi(context, options, async (api) =>
          api.stream('audit.export', { ...filtersOf(options), format }, write),
        )
      } catch (error) {
        // `carrel audit export | head` has all that it wanted.
        if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return
        throw error
      }
      const entries = format === 'csv' ? lines - 1 : lines
      output.say(plural(entries, 'entry', 'entries'))
    },
  )
}

const lineEnd = 0x0a

/** Waits for whoever reads slowly: the log can be long. Fails when nobody reads any more. */
async function print({ io: { stdout } }: Output, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(piece, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}

function filtersOf({ event, actor, subject, since, until }: FilterOptions): InputOf<'audit.list'> {
  return {
    ...(event !== undefined && { event }),
    ...(actor !== undefined && { actor }),
    ...(subject !== undefined && { subject }),
    ...(since !== undefined && { from: parseMoment(since, '--since') }),
    ...(until !== undefined && { until: parseMoment(until, '--until') }),
  }
}

/** A duration is that long ago; a day begins at midnight in UTC. */
function parseMoment(text: string, option: string): string {
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(text)
  const at = isDate ? Date.parse(text) : Date.now() - parseDuration(text, option)
  if (!Number.isNaN(at)) return new Date(at).toISOString()
  throw usageError(`${option} "${text.slice(0, 40)}" is no time`, {
    fix: `${option} 7d, or ${option} 2026-11-01`,
  })
}

const columns: readonly Column<Entry>[] = [
  { title: 'when', show: ({ at }) => formatMoment(new Date(at)), plain: ({ at }) => at },
  { title: 'event', show: ({ event }) => event },
  { title: 'who', show: ({ actor }) => actor },
  { title: 'what', show: ({ subject }) => subject },
  { title: 'from', show: ({ address = '' }) => address },
  {
    title: 'detail',
    show: ({ detail }) => shortDetail(detail),
    plain: ({ detail }) => JSON.stringify(detail),
  },
]

function shortDetail(detail: Entry['detail']): string {
  return Object.entries(detail)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
