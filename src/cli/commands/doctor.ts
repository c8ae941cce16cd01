// `carrel doctor`: everything that can be wrong with an installation, each with the line that puts it right.
import type { Command } from 'commander'

import { addPlaceOptions } from '../common-options.ts'
import type { Check } from '../composition.ts'
import { checkConfig, placeFlags } from '../context.ts'
import type { CommandContext, PlaceOptions } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import type { Output } from '../output.ts'
import { asTyped, plural, printable, wrap } from '../text.ts'

interface Options extends PlaceOptions {
  readonly json?: boolean
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'check this installation, and say what to do',
    more: 'Ends with 6 when there is a problem, and with 0 when there are warnings at most.',
    examples: ['carrel doctor', 'carrel doctor --data /var/lib/carrel --json'],
    json: `{ "ok", "checks": [{ "name", "status": "ok"|"note"|"warning"|"problem",
  "message", "fix"? }] }`,
  })
  addPlaceOptions(command).action((options: Options) => doctor(context, options))
}

async function doctor(context: CommandContext, options: Options): Promise<void> {
  const { output } = context
  const checks: Check[] = []
  for await (const check of allChecks(context, options)) {
    checks.push(check)
    if (options.json) continue
    output.data(output.terminal ? forPeople(output, check) : forPrograms(check))
  }
  const problems = checks.filter(({ status }) => status === 'problem').length
  const warnings = checks.filter(({ status }) => status === 'warning').length
  if (problems > 0) context.exitCode = exitCodes.problemsFound
  if (options.json) {
    const shown = checks.map(({ name, status, message, fix }) => ({ name, status, message, fix }))
    output.json({ ok: problems === 0, checks: shown })
    return
  }
  if (problems + warnings === 0) output.say('all is well')
  else output.say(`${plural(problems, 'problem')}, ${plural(warnings, 'warning')}`)
}

/** Settings that cannot be used are a finding as well; nothing else can be looked at then. */
async function* allChecks(context: CommandContext, options: Options): AsyncGenerator<Check> {
  const { raw, config, problems } = await checkConfig(context, placeFlags(options))
  for (const message of problems ?? []) {
    yield { name: 'settings', status: 'problem', message, fix: 'carrel help environment' }
  }
  for (const message of raw.warnings) {
    yield { name: 'settings', status: 'warning', message, fix: 'carrel help environment' }
  }
  if (config === undefined) return
  if (raw.warnings.length === 0) {
    yield { name: 'settings', status: 'ok', message: raw.file ? `read ${raw.file}` : 'can be used' }
  }
  yield* context.composition.doctor(config)
}

const marks = {
  ok: ['✓', 'green'],
  note: ['·', 'dim'],
  warning: ['!', 'yellow'],
  problem: ['✗', 'red'],
} as const

const nameWidth = 18

function forPeople({ paint, width, io }: Output, { name, status, message, fix }: Check): string {
  const [mark, color] = marks[status]
  const indent = 4 + nameWidth
  const [head = '', ...rest] = wrap(printable(message), width - indent)
  const title = printable(name).padEnd(nameWidth - 1)
  const lines = [`  ${paint(color, mark)} ${title} ${head}`]
  lines.push(...rest.map((line) => ' '.repeat(indent) + line))
  if (fix !== undefined && status !== 'ok') {
    lines.push(
      `${' '.repeat(indent)}${paint('bold', 'try:')} ${asTyped(printable(fix), io.program)}`,
    )
  }
  return `${lines.join('\n')}\n`
}

function forPrograms({ name, status, message, fix }: Check): string {
  return `${[name, status, message, fix ?? ''].map(printable).join('\t')}\n`
}
