// Where the real clients are: a folder that CARREL_TEST_CLIENTS names, the cache that
// scripts/clients.mjs fills with the versions of pins.json, the path, and the folders of daemons.
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Environment } from '../support/processes.ts'
import pins from './pins.json' with { type: 'json' }

const daemonFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** The program's path, or `undefined` where this machine has none. */
export function findProgram(name: string): string | undefined {
  return foldersOf(name)
    .map((folder) => join(folder, name))
    .find(isProgram)
}

/** @throws {Error} for a program that the caller has not looked for before. */
export function programPath(name: string): string {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`There is no ${name} on this machine.`)
  return path
}

/** The path for daemons that start other programs by name. */
export function pathWithSbin(env: Environment): string {
  return [env['PATH'] ?? '', ...daemonFolders].join(delimiter)
}

/** How a person gets the program. */
export function howToGet(name: string): string {
  return name in pins ? 'npm run test:clients builds it' : 'a Debian package of test/packages.json'
}

function foldersOf(name: string): readonly string[] {
  const given = process.env['CARREL_TEST_CLIENTS']
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const pin = Object.entries(pins).find(([program]) => program === name)?.[1]
  return [
    ...(given === undefined ? [] : [given]),
    ...(pin === undefined ? [] : [join(cache, 'carrel-clients', `${name}@${pin.version}`)]),
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...daemonFolders,
  ]
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
