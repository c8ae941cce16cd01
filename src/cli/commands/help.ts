// `carrel help`: help on topics. Help on commands is what `carrel COMMAND --help` prints.
import type { Command } from 'commander'

import { configFileVariable, settings } from '../../config/settings.ts'
import type { CommandContext } from '../context.ts'
import { exitCodeMeanings } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import type { Output } from '../output.ts'
import { wrap } from '../text.ts'

export type HelpTopic = 'exit-codes' | 'environment'

export function isHelpTopic(word: string): word is HelpTopic {
  return word === 'exit-codes' || word === 'environment'
}

export function define(command: Command, { output }: CommandContext): void {
  describeCommand(command, {
    summary: 'help for a command, or: exit-codes, environment',
    examples: [
      'carrel help',
      'carrel help repo create',
      'carrel help exit-codes',
      'carrel help environment',
    ],
    json: 'exit-codes:  [{ "code", "meaning" }]\nenvironment: [{ "env", "key", "flag"?, "default", "help" }]',
  })
  command.argument('[TOPIC...]')
  command.action((topic: readonly string[], options: { readonly json?: boolean }) => {
    const [word] = topic
    if (word === undefined) command.parent?.outputHelp()
    else if (word === 'exit-codes') printExitCodes(output, options.json)
    else printEnvironment(output, options.json)
  })
}

function printExitCodes(output: Output, json = false): void {
  if (json) {
    output.json(exitCodeMeanings.map(([code, meaning]) => ({ code, meaning })))
    return
  }
  const rows = exitCodeMeanings.map(
    ([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}\n`,
  )
  output.data(`Exit codes:\n${rows.join('')}`)
}

function printEnvironment(output: Output, json = false): void {
  if (json) {
    const described = settings.map(({ env, key, flag, fallback, help }) => {
      return { env, key, flag, default: fallback, help }
    })
    output.json(described)
    return
  }
  const intro = [
    'A flag goes before a variable, a variable before carrel.yaml, and that before',
    'the default. carrel.yaml is looked for in the data folder, or is the file that',
    `--config or ${configFileVariable} names; its keys are in brackets ("tls.key": key below tls).`,
    'Variables of registry:2 (REGISTRY_*) count after carrel.yaml.',
  ]
  const rows = settings.map((setting) => {
    const { env, key, value, help, fallback, secret } = setting
    const head = `  ${env}${value === undefined ? '' : `=${value}`}  [${key}]`
    const also = secret ? ` Or a file that holds it: ${env}_FILE.` : ''
    const flag = setting.flag === undefined ? '' : ` Flag: ${setting.flag}.`
    const about = `${help}. Default: ${fallback}.${flag}${also}`
    return [head, ...wrap(about, output.width - 6).map((line) => `      ${line}`)].join('\n')
  })
  output.data(`${intro.join('\n')}\n\n${rows.join('\n')}\n\n${colours}\n`)
}

const colours = 'NO_COLOR, FORCE_COLOR, TERM=dumb and CI are honoured too.'
