// Commander's complaints in our words. Values are left out: somebody may have typed a secret where none belongs.
import type { CommanderError } from 'commander'

import { usageError } from './cli-error.ts'
import type { CliError } from './cli-error.ts'

/** `path` is the command that was called, such as `repo create`, or empty. */
export function usageErrorOf(error: CommanderError, path: string): CliError {
  const { message } = error
  const quoted = /'([^'=]+)/.exec(message)?.[1] ?? ''
  const guess = /Did you mean (?:one of )?([^?,)]+)/.exec(message)?.[1]
  const help = path === '' ? 'carrel help' : `carrel ${path} --help`
  switch (error.code) {
    case 'commander.unknownCommand': {
      const whole = path === '' ? quoted : `${path} ${quoted}`
      const meant = guess === undefined ? help : `carrel ${path === '' ? '' : `${path} `}${guess}`
      return usageError(`there is no command "${whole}"`, { fix: meant })
    }
    case 'commander.unknownOption':
      return unknownOption(quoted, guess, help)
    case 'commander.missingArgument':
      return usageError(`${path} needs ${quoted}`, { fix: help })
    case 'commander.excessArguments':
      return usageError(`too many arguments for ${path === '' ? 'carrel' : path}`, { fix: help })
    case 'commander.optionMissingArgument':
      return usageError(`${quoted} needs a value`, { fix: help })
    case 'commander.missingMandatoryOptionValue':
      return usageError(`${path} needs ${quoted}`, { fix: help })
    case 'commander.invalidArgument': {
      const choices = /Allowed choices are (.+)\.$/.exec(message)?.[1] ?? 'something else'
      const option = quoted.split(' ', 1)[0]
      return usageError(`${option} must be one of: ${choices}`, { fix: help })
    }
    default:
      return usageError(message.replace(/^error: /, ''), { fix: help })
  }
}

function unknownOption(option: string, guess: string | undefined, help: string): CliError {
  if (option === '--password' || option === '-p') {
    return usageError('passwords are never given in a flag', {
      why: 'flags stand in the history of the shell and in the list of processes',
      fix: '--password-stdin, or --password-file FILE',
    })
  }
  return usageError(`there is no option ${option}`, {
    fix: guess === undefined ? help : `${guess} (${help})`,
  })
}
