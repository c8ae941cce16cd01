// `carrel config show|check`: which settings hold, who set them, and whether they can be used.
import type { Command } from 'commander'

import type { AsRegistry2 } from '../../config/registry2/read-registry2.ts'
import { addPlaceOptions } from '../common-options.ts'
import { checkConfig, loadConfig, placeFlags } from '../context.ts'
import type { CommandContext, PlaceOptions } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import { plural } from '../text.ts'

interface Options extends PlaceOptions {
  readonly json?: boolean
  readonly registry?: string | true
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'show and check the settings',
    examples: ['carrel config show', 'carrel config check'],
  })
  const show = describeCommand(command.command('show'), {
    summary: 'print every setting, its value and who set it',
    more: 'Secrets are shown as [secret].',
    examples: ['carrel config show', 'carrel config show --data /var/lib/carrel --json'],
    json: '[{ "key", "env", "value", "source" }]',
  })
  addOptions(show).action((options: Options) => showConfig(context, options))
  const check = describeCommand(command.command('check'), {
    summary: 'say everything that is wrong with the settings',
    more: 'Ends with 6 when a setting cannot be used. Opens nothing but the files of settings.',
    examples: ['carrel config check', 'carrel config check --config /etc/carrel.yaml'],
    json: '{ "ok", "file"?, "problems": [text], "warnings": [text] }',
  })
  addOptions(check).action((options: Options) => checkSettings(context, options))
}

function addOptions(command: Command): Command {
  return addPlaceOptions(command).option(
    '--registry [CONFIG]',
    'as carrel registry serve [CONFIG] would read them',
  )
}

function asRegistry2Of({ registry }: Options): AsRegistry2 | undefined {
  if (registry === undefined) return undefined
  return registry === true ? {} : { file: registry }
}

async function showConfig(context: CommandContext, options: Options): Promise<void> {
  const { output } = context
  const { raw, config } = await loadConfig(context, placeFlags(options), asRegistry2Of(options))
  const { explainConfig } = await import('../../config/explain.ts')
  const explained = explainConfig(raw, config)
  if (options.json) {
    output.json(explained.map(({ key, env, value, source }) => ({ key, env, value, source })))
    return
  }
  output.list(explained, [
    { title: 'setting', show: ({ key }) => key },
    { title: 'value', show: ({ value }) => value },
    { title: 'set by', show: ({ source }) => source },
  ])
}

async function checkSettings(context: CommandContext, options: Options): Promise<void> {
  const { output } = context
  const {
    raw,
    config,
    problems: wrong = [],
  } = await checkConfig(context, placeFlags(options), asRegistry2Of(options))
  const { file, warnings } = raw
  const problems = config === undefined ? wrong : await context.composition.fileProblems(config)
  if (problems.length > 0) context.exitCode = exitCodes.problemsFound
  if (options.json) {
    output.json({ ok: problems.length === 0, file, problems, warnings })
    return
  }
  for (const warning of warnings) output.warn(warning)
  for (const problem of problems) output.data(`${problem}\n`)
  if (wrong.length > 0) output.say(`${plural(wrong.length, 'setting')} cannot be used`)
  else if (problems.length > 0) output.say('a file that the settings name cannot be used')
  else output.say(`the settings are good${file === undefined ? '' : `; read ${file}`}`)
}
