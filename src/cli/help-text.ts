// How help looks: what the command does, examples first, then usage and options.
import type { Command, Help, HelpConfiguration } from 'commander'

import { wrap } from './text.ts'

export interface CommandHelp {
  readonly summary: string
  /** More than the summary says, in whole sentences. */
  readonly more?: string
  /** Lines to type. */
  readonly examples: readonly string[]
  /** The shape that `--json` prints. */
  readonly json?: string
}

/** Gives a command its help. */
export function describeCommand(command: Command, help: CommandHelp): Command {
  const sentence = `${help.summary[0]?.toUpperCase()}${help.summary.slice(1)}.`
  const parts = [
    [sentence, ...moreLines(help.more)].join('\n'),
    ['Examples:', ...help.examples.map((line) => `  ${line}`)].join('\n'),
  ]
  command.summary(help.summary).description(parts.join('\n\n'))
  if (help.json === undefined) return command
  return command
    .option('--json', 'print JSON')
    .addHelpText('after', `\n--json prints:\n${help.json.replace(/^/gm, '  ')}`)
}

// Leaves room for `./carrel` where the text says `carrel`.
const textWidth = 76

function moreLines(more: string | undefined): readonly string[] {
  return more === undefined ? [] : more.split('\n').flatMap((line) => wrap(line, textWidth))
}

export const helpConfiguration: HelpConfiguration = {
  showGlobalOptions: true,
  formatHelp(command: Command, helper: Help): string {
    const termWidth = helper.padWidth(command, helper)
    const item = (term: string, description: string) =>
      helper.formatItem(term, termWidth, description, helper)
    const options = helper
      .visibleOptions(command)
      .map((option) => item(helper.optionTerm(option), helper.optionDescription(option)))
    const common = helper
      .visibleGlobalOptions(command)
      .filter((option) => option.long !== '--version')
      .map((option) => item(helper.optionTerm(option), helper.optionDescription(option)))
    const commands = helper
      .visibleCommands(command)
      .map((each) => item(helper.subcommandTerm(each), helper.subcommandDescription(each)))
    const blocks = [
      [command.description()],
      ['Usage:', `  ${helper.commandUsage(command)}`],
      block('Commands:', commands),
      block('Options:', [...options, ...common]),
    ]
    return `${blocks
      .filter((lines) => lines.length > 0)
      .map((lines) => lines.join('\n'))
      .join('\n\n')}\n`
  },
}

function block(title: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [title, ...items]
}
