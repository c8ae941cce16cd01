// The habit before anything is taken away: say what will happen, ask a person, and never guess in a script.
import { CliError, usageError } from './cli-error.ts'
import { exitCodes } from './exit-codes.ts'
import type { Output } from './output.ts'
import { canAsk, confirm } from './prompt.ts'
import { wrap } from './text.ts'

export interface RemovalOptions {
  readonly yes?: boolean
  readonly dryRun?: boolean
}

/**
 * True when it is to be done now.
 * @throws {CliError} usage when nobody can be asked; failed when the answer was no
 */
export async function agreeToRemoval(
  output: Output,
  consequences: string,
  { yes, dryRun }: RemovalOptions,
): Promise<boolean> {
  if (dryRun) {
    output.say(`would happen: ${consequences}`)
    return false
  }
  if (yes) return true
  if (!canAsk(output.io)) {
    throw usageError('not done: this needs a yes, and there is no terminal to ask', {
      why: consequences,
      fix: 'add --yes, or --dry-run to see what would happen',
    })
  }
  const lines = wrap(consequences, output.width)
  output.io.stderr.write(lines.map((line) => `${line}\n`).join(''))
  if (await confirm(output.io, 'Do it?')) return true
  throw new CliError(exitCodes.failed, { what: 'nothing was changed' })
}
