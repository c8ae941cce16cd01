// All commands but the fast ones of run.ts: parses what was typed, runs it, and says what went wrong.
import { Command, CommanderError } from 'commander'

import { describeError, usageError } from './cli-error.ts'
import type { CliError } from './cli-error.ts'
import type { CliIo } from './cli-io.ts'
import { commandList } from './command-list.ts'
import type { CommandEntry } from './command-list.ts'
import type { Composition } from './composition.ts'
import type { CommandContext } from './context.ts'
import { exitCodes } from './exit-codes.ts'
import { helpConfiguration } from './help-text.ts'
import { createOutput } from './output.ts'
import type { Output } from './output.ts'
import { asTyped } from './text.ts'
import { usageErrorOf } from './usage-error.ts'

/** `argv` is what stands after the program's name. */
export async function runCommand(
  argv: readonly string[],
  io: CliIo,
  composition: Composition,
): Promise<number> {
  ignoreClosedPipe(io)
  const program = createProgram(io, composition.version)
  const verbosity = {
    get quiet() {
      return program.opts()['quiet'] === true
    },
    get verbose() {
      return program.opts()['verbose'] === true
    },
  }
  const output = createOutput(io, verbosity)
  const context: CommandContext = { composition, output, exitCode: exitCodes.ok }
  try {
    await addCommands(program, context, argv)
    await program.parseAsync(await resolveHelp(argv, output), { from: 'user' })
    return context.exitCode
  } catch (error) {
    return report(error, program, { argv, output })
  }
}

function createProgram(io: CliIo, version: string): Command {
  const write = (stream: CliIo['stdout']) => (text: string) =>
    void stream.write(asTyped(text, io.program))
  return new Command(io.program)
    .description(`A private image library: an OCI and Docker registry.\n\n${topExamples}`)
    .version(`carrel ${version}`, '-V, --version', 'print the version')
    .option('-q, --quiet', 'say nothing but data and errors')
    .option('-v, --verbose', 'say more')
    .helpOption('-h, --help', 'show this')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureHelp(helpConfiguration)
    .configureOutput({
      writeOut: write(io.stdout),
      writeErr: write(io.stderr),
      // Errors are said once, by report().
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
    })
}

const topExamples = `Examples:
  carrel up                          start here, for this machine
  carrel up --listen 0.0.0.0:5443    let other machines in
  carrel user create ann             make a user
  carrel repo create team/api        make a private repository
  carrel doctor                      what is wrong, and how to fix it`

/** All commands are listed; only the one that is called is loaded. */
async function addCommands(program: Command, context: CommandContext, argv: readonly string[]) {
  const called = argv.filter((word) => !word.startsWith('-'))
  const wanted = called[0] === 'help' ? [called[0], called[1]] : [called[0]]
  for (const { name, summary, load } of commandList) {
    const command = program.command(name).summary(summary)
    if (!wanted.includes(name)) continue
    const { define } = await load()
    define(command.helpCommand(false), context)
    if (command.commands.length > 0) command.usage('COMMAND [options]')
  }
}

/** `help repo create` is `repo create --help`. */
async function resolveHelp(argv: readonly string[], output: Output): Promise<readonly string[]> {
  const words = argv.filter((word) => !word.startsWith('-'))
  if (words[0] === undefined) return argv.length === 0 ? ['--help'] : argv
  if (words[0] !== 'help' || words[1] === undefined) return argv
  const { isHelpTopic } = await import('./commands/help.ts')
  if (isHelpTopic(words[1])) return argv
  if (commandList.some((entry: CommandEntry) => entry.name === words[1])) {
    return [...words.slice(1), '--help']
  }
  output.detail('looked among the commands and the help topics')
  const { didYouMean } = await import('../config/did-you-mean.ts')
  const names = commandList.map((entry) => entry.name)
  const guess = didYouMean(words[1], [...names, 'exit-codes', 'environment'])
  throw usageError(`there is no help for "${words[1]}"`, {
    fix: guess === undefined ? 'carrel help' : `carrel help ${guess}`,
  })
}

interface Said {
  readonly argv: readonly string[]
  readonly output: Output
}

function report(error: unknown, program: Command, { argv, output }: Said): number {
  const failure = error instanceof CommanderError ? fromCommander(error, program, argv) : error
  if (failure === undefined) return exitCodes.ok
  const described = describeError(failure)
  if (described.failure.what !== '') output.error(described)
  return described.exitCode
}

function fromCommander(
  error: CommanderError,
  program: Command,
  argv: readonly string[],
): CliError | undefined {
  if (error.exitCode === 0) return undefined
  // The help of a command that needs a sub-command was printed already.
  if (error.code === 'commander.help') return usageError('')
  return usageErrorOf(error, commandPath(program, argv))
}

/** The names of the command that was meant, as far as they are known: `repo create`. */
function commandPath(program: Command, argv: readonly string[]): string {
  const path: string[] = []
  let command = program
  for (const word of argv) {
    const next = command.commands.find((each) => each.name() === word)
    if (next === undefined) continue
    path.push(word)
    command = next
  }
  return path.join(' ')
}

/** `carrel repo ls | head` ends the pipe early, and that is no error. */
function ignoreClosedPipe({ stdout }: CliIo): void {
  stdout.on('error', (error: Error & { code?: string }) => {
    if (error.code !== 'EPIPE') throw error
  })
}
