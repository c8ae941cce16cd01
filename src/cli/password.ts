// Where a password comes from: standard input, a file, a generator, or two hidden questions. Never a flag's
// value: those stand in the shell's history and in the list of processes.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { CliError, usageError } from './cli-error.ts'
import type { CliIo } from './cli-io.ts'
import { exitCodes } from './exit-codes.ts'
import { askHidden, canAsk } from './prompt.ts'

export interface PasswordOptions {
  readonly passwordStdin?: boolean
  readonly passwordFile?: string
  readonly generate?: boolean
}

export interface ChosenPassword {
  readonly password: string
  readonly generated: boolean
}

export interface PasswordSource {
  readonly io: CliIo
  readonly options: PasswordOptions
  /** Whose password, for the question. */
  readonly name: string
  readonly generate: () => Promise<string>
}

export async function choosePassword(source: PasswordSource): Promise<ChosenPassword> {
  const { io, options, name, generate } = source
  const { passwordStdin, passwordFile } = options
  if (options.generate) return { password: await generate(), generated: true }
  if (passwordStdin) return { password: await readStdinLine(io, 'password'), generated: false }
  if (passwordFile !== undefined) {
    return { password: await readPasswordFile(io, passwordFile), generated: false }
  }
  if (!canAsk(io)) {
    throw usageError('no password was given, and there is no terminal to ask for one', {
      fix: 'add --password-stdin, --password-file FILE or --generate',
    })
  }
  return { password: await askTwice(io, name), generated: false }
}

/** Called before anything is opened, so that a contradiction costs nothing. */
export function checkPasswordOptions(options: PasswordOptions): void {
  const given = [
    options.passwordStdin && '--password-stdin',
    options.passwordFile !== undefined && '--password-file',
    options.generate && '--generate',
  ].filter((each) => typeof each === 'string')
  if (given.length > 1)
    throw usageError(`${given.join(' and ')} exclude each other`, { fix: 'use one' })
}

async function askTwice(io: CliIo, name: string): Promise<string> {
  const first = await askHidden(io, `Password for ${name}: `)
  const second = await askHidden(io, 'The same again: ')
  if (first !== second) throw new CliError(exitCodes.failed, { what: 'the two passwords differ' })
  if (first === '') throw new CliError(exitCodes.failed, { what: 'the password is empty' })
  return first
}

const longestInput = 4096

/** One line of standard input, whole: a password, or a token. @throws {CliError} usage */
export async function readStdinLine(io: CliIo, what: 'password' | 'token'): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of io.stdin as AsyncIterable<Buffer | string>) {
    chunks.push(Buffer.from(chunk))
    length += chunk.length
    if (length > longestInput) throw usageError(`standard input is too long to be a ${what}`)
  }
  return onlyLine(Buffer.concat(chunks).toString('utf8'), 'standard input', what)
}

async function readPasswordFile(io: CliIo, path: string): Promise<string> {
  try {
    return onlyLine(await readFile(resolve(io.cwd, path), 'utf8'), path)
  } catch (error) {
    if (error instanceof CliError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new CliError(
      exitCodes.usage,
      { what: `--password-file ${path}: cannot be read (${code})` },
      error,
    )
  }
}

/** One line break at the end is how files and echo end, and no part of the password. */
function onlyLine(text: string, from: string, what = 'password'): string {
  const password = text.replace(/\r?\n$/, '')
  if (password === '') throw usageError(`no ${what} came from ${from}: it was empty`)
  if (/[\r\n]/.test(password))
    throw usageError(`${from} holds more than one line: which is the ${what}?`)
  return password
}
