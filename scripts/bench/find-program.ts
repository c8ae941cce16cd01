// Where a program is: on the path, where daemons live, or in the cache of built clients.
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Environment } from '../../test/support/processes.ts'

const daemonFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin']

export function findOnPath(env: Environment, name: string): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...folders, ...daemonFolders].map((folder) => join(folder, name)).find(isProgram)
}

/**
 * A program that was built: in the folder of CARREL_CLIENTS, in the cache, where each version has a
 * folder of its own, or on the path.
 */
export function findBuilt(env: Environment, name: string, version: string): string | undefined {
  const given = env['CARREL_CLIENTS'] ?? env['CARREL_TEST_CLIENTS']
  const cache = clientCache(env)
  const folders = [
    ...(given === undefined ? [] : [given]),
    join(cache, `${name}@${version}`),
    cache,
  ]
  const built = folders.map((folder) => join(folder, name)).find(isProgram)
  return built ?? findOnPath(env, name)
}

/** Where `npm run test:clients` keeps what it builds. */
export function clientCache(env: Environment): string {
  const cache = env['XDG_CACHE_HOME'] ?? ''
  return join(cache === '' ? join(homedir(), '.cache') : cache, 'carrel-clients')
}

export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
