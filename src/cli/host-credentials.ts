// The token for a server on the network: from the environment, or from the file that `carrel login` writes. The file is
// its owner's alone.
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'

import { CliError, usageError } from './cli-error.ts'
import type { CliIo } from './cli-io.ts'
import { exitCodes } from './exit-codes.ts'

export interface HostCredential {
  /** Who it is for people; the token itself says it to the server. */
  readonly user?: string
  readonly token: string
  /** PEM of the authority that its certificate comes from, where this machine does not know it. */
  readonly ca?: string
}

/** What is needed of the outside to find the file. */
export type CredentialPlace = Pick<CliIo, 'env' | 'cwd'>

/** CARREL_TOKEN, CARREL_TOKEN_FILE, or what was stored for the origin; undefined when there is none. */
export async function findToken(
  place: CredentialPlace,
  origin: string,
): Promise<string | undefined> {
  const { env, cwd } = place
  const token = env['CARREL_TOKEN'] || undefined
  const file = env['CARREL_TOKEN_FILE'] || undefined
  if (token !== undefined && file !== undefined) {
    throw usageError('CARREL_TOKEN and CARREL_TOKEN_FILE are both set', { fix: 'set only one' })
  }
  if (token !== undefined) return requireToken(token, 'CARREL_TOKEN')
  if (file === undefined) return (await readHostCredential(place, origin))?.token
  const text = await readFile(resolve(cwd, file), 'utf8').catch((cause: unknown) => {
    throw usageError(`CARREL_TOKEN_FILE ${file}: cannot be read (${codeOf(cause)})`)
  })
  return requireToken(text, 'CARREL_TOKEN_FILE')
}

/** `origin` as in https://registry.example.com:5443. @throws {CliError} when the file is no good */
export async function readHostCredential(
  place: CredentialPlace,
  origin: string,
): Promise<HostCredential | undefined> {
  return (await readHosts(hostsFile(place))).get(origin)
}

/** All that there are, by origin. @throws {CliError} when the file is no good */
export async function listHostCredentials(
  place: CredentialPlace,
): Promise<ReadonlyMap<string, HostCredential>> {
  return readHosts(hostsFile(place))
}

/** Returns where it was stored. */
export async function storeHostCredential(
  place: CredentialPlace,
  origin: string,
  credential: HostCredential,
): Promise<string> {
  const file = hostsFile(place)
  const hosts = await readHosts(file)
  hosts.set(origin, credential)
  await writeHosts(file, hosts)
  return file
}

/** Returns whether there was one. */
export async function eraseHostCredential(
  place: CredentialPlace,
  origin: string,
): Promise<boolean> {
  const file = hostsFile(place)
  const hosts = await readHosts(file)
  if (!hosts.delete(origin)) return false
  await writeHosts(file, hosts)
  return true
}

/** XDG Base Directory Specification 0.8: a path that is not absolute is to be ignored. */
export function hostsFile({ env }: CredentialPlace): string {
  const xdg = env['XDG_CONFIG_HOME'] ?? ''
  const home = env['HOME'] || homedir()
  return join(isAbsolute(xdg) ? xdg : join(home, '.config'), 'carrel', 'hosts.json')
}

const othersMayRead = 0o077

async function readHosts(file: string): Promise<Map<string, HostCredential>> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw broken(file, `cannot be read (${codeOf(cause)})`)
  })
  if (text === undefined) return new Map()
  const { mode } = await stat(file)
  if (process.platform !== 'win32' && (mode & othersMayRead) !== 0) {
    throw new CliError(exitCodes.failed, {
      what: `${file} can be read by others`,
      why: 'it holds tokens, which whoever reads them can use',
      fix: `chmod 600 ${file}`,
    })
  }
  return parseHosts(text, file)
}

function parseHosts(text: string, file: string): Map<string, HostCredential> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw broken(file, 'is not JSON')
  }
  if (typeof value !== 'object' || value === null) throw broken(file, 'is no JSON object')
  const hosts = new Map<string, HostCredential>()
  for (const [origin, entry] of Object.entries(value)) {
    const { token, user, ca } = (entry ?? {}) as Readonly<Record<string, unknown>>
    if (typeof token !== 'string') throw broken(file, `has no token for ${origin}`)
    hosts.set(origin, {
      token,
      ...(typeof user === 'string' && { user }),
      ...(typeof ca === 'string' && { ca }),
    })
  }
  return hosts
}

function broken(file: string, what: string): CliError {
  return new CliError(exitCodes.failed, {
    what: `${file} ${what}`,
    fix: `remove it (rm ${file}) and sign in again`,
  })
}

/** All or nothing: whoever reads meanwhile sees the old file or the new one. */
async function writeHosts(file: string, hosts: ReadonlyMap<string, HostCredential>): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const temporary = `${file}.${process.pid}.${Date.now()}`
  const text = `${JSON.stringify(Object.fromEntries(hosts), undefined, 2)}\n`
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' })
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

function requireToken(text: string, name: string): string {
  const token = text.trim()
  // It becomes part of a header.
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw usageError(`${name} holds no token`, { why: 'a token is one word without blanks' })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
