// What the commands of `carrel backup` have in common: where it lies, and where its key comes from. Never a flag's
// value: those stand in the shell's history and in the list of processes.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'

import type { Config } from '../config/config.ts'
import type { BackupCommands, BackupKeySource, BackupRequest } from './backup.ts'
import { CliError, usageError } from './cli-error.ts'
import { addPlaceOptions } from './common-options.ts'
import { loadConfig, placeFlags, type CommandContext, type PlaceOptions } from './context.ts'
import { exitCodes } from './exit-codes.ts'
import { createProgressBar } from './progress.ts'
import { askHidden, canAsk } from './prompt.ts'

export interface BackupOptions extends PlaceOptions {
  readonly keyFile?: string
  readonly passphraseFile?: string
  readonly json?: boolean
}

export function addBackupOptions(command: Command): Command {
  return addPlaceOptions(command.argument('[DEST]'))
    .option('--key-file <FILE>', 'key that the backup is encrypted with (CARREL_BACKUP_KEY_FILE)')
    .option('--passphrase-file <FILE>', 'the same as a passphrase; asked for when needed')
}

export interface BackupCall extends BackupRequest {
  readonly config: Config
  readonly commands: BackupCommands
}

/** Reads the settings, and shows progress while `work` runs. */
export async function withBackup<T>(
  context: CommandContext,
  call: {
    readonly dest: string | undefined
    readonly options: BackupOptions & { readonly encrypt?: boolean }
  },
  work: (call: BackupCall) => Promise<T>,
): Promise<T> {
  const { output, composition } = context
  const { dest, options } = call
  if (options.keyFile !== undefined && options.passphraseFile !== undefined) {
    throw usageError('--key-file and --passphrase-file exclude each other', { fix: 'use one' })
  }
  const { config } = await loadConfig(context, placeFlags(options))
  const to = dest === undefined ? config.backup.to : resolve(output.io.cwd, dest)
  if (to === undefined) {
    throw usageError('there is no DEST, and the setting backup.to is not set', {
      fix: 'say where the backup lies: carrel backup create DIR',
    })
  }
  const commands = await composition.backup()
  const bar = createProgressBar(output)
  try {
    return await work({
      config,
      commands,
      to,
      keys: keysOf(context, config, options),
      onProgress: (progress) => bar.show(progress),
      warn: (message) => {
        bar.end()
        output.warn(message)
      },
    })
  } finally {
    bar.end()
  }
}

function keysOf(
  { output }: CommandContext,
  config: Config,
  options: BackupOptions & { readonly encrypt?: boolean },
): BackupKeySource {
  const { io } = output
  const file = options.keyFile ?? options.passphraseFile
  const path = file === undefined ? config.backup.keyFile : resolve(io.cwd, file)
  const given = path === undefined ? undefined : async () => readSecret(path)
  const ask = async (question: string) =>
    canAsk(io) ? Buffer.from(await askHidden(io, question)) : undefined
  return {
    open: given ?? (async () => ask('Passphrase of the backup: ')),
    begin: given ?? (async () => (options.encrypt === true ? askNew(ask) : undefined)),
    isWanted: given !== undefined || options.encrypt === true,
  }
}

async function askNew(
  ask: (question: string) => Promise<Uint8Array | undefined>,
): Promise<Uint8Array> {
  const first = await ask('Passphrase for the new backup: ')
  const second = await ask('The same again: ')
  if (first === undefined || second === undefined) {
    throw usageError('there is no terminal to ask for a passphrase', {
      fix: 'add --key-file FILE or --passphrase-file FILE',
    })
  }
  if (Buffer.compare(first, second) === 0) return first
  throw new CliError(exitCodes.failed, { what: 'the two passphrases differ' })
}

async function readSecret(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    const what = `the key in ${path} cannot be read (${code})`
    throw new CliError(exitCodes.usage, { what }, error)
  }
}
