// Options that many commands have, said the same way everywhere.
import type { Command } from 'commander'

/** For every command that touches an installation. */
export function addPlaceOptions(command: Command): Command {
  return command
    .option('--data <DIR>', 'folder of the installation (./data)')
    .option('--config <FILE>', 'carrel.yaml, wherever it is')
}

export function addPasswordOptions(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input')
    .option('--password-file <FILE>', 'read the password from a file')
    .option('--generate', 'make a password and print it')
}

/** For every command that takes something away. */
export function addRemovalOptions(command: Command): Command {
  return command.option('-y, --yes', 'do not ask').option('--dry-run', 'only say what would happen')
}
