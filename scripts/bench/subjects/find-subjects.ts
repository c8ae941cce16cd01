// Which subjects this machine has. One that is missing is named with the way to get it, and left out.
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk, runProgram, type Environment } from '../../../test/support/processes.ts'
import { clientCache, findBuilt, findOnPath, isProgram } from '../find-program.ts'
import { carrelOnPostgres, carrelOnSqlite } from './carrel.ts'
import { distributionPeer, zotPeer } from './peers.ts'
import type { Subject } from './subject.ts'

export interface Search {
  readonly env: Environment
  readonly owned: AsyncDisposableStack
  readonly say: (line: string) => void
}

/** Why there is no such subject here: completes the sentence `… is left out: …`. */
class Missing extends Error {
  override readonly name = 'Missing'
}

const registryModule = 'github.com/distribution/distribution/v3/cmd/registry'
const registryVersion = 'v3.1.2'
const longestBuildMs = 30 * 60_000

const finders: Readonly<
  Record<string, { readonly about: string; readonly find: (search: Search) => Promise<Subject> }>
> = {
  carrel: {
    about: 'Carrel on SQLite',
    find: async ({ env }) => carrelOnSqlite(env),
  },
  'carrel-postgres': {
    about: 'Carrel on a PostgreSQL that the run starts',
    find: async ({ env, owned }) => carrelOnPostgres(env, owned),
  },
  reg28: {
    about: "registry 2.8: docker-registry on the path (Debian's package of that name)",
    find: async ({ env }) => findDistribution(env, 'reg28'),
  },
  reg3: {
    about: `registry 3: go install ${registryModule}@${registryVersion}`,
    find: async ({ env }) => findDistribution(env, 'reg3'),
  },
  zot: {
    about: 'zot: the program that ZOT names, or built from the checkout that ZOT_SOURCE names',
    find: findZot,
  },
}

export const knownSubjects = Object.entries(finders).map(([name, { about }]) => ({ name, about }))

export async function findSubjects(
  names: readonly string[],
  search: Search,
): Promise<readonly Subject[]> {
  const found: Subject[] = []
  for (const name of names) {
    const subject = await finders[name]?.find(search).catch((error: unknown) => {
      if (!(error instanceof Missing)) throw error
      search.say(`${name} is left out: ${error.message}`)
      return undefined
    })
    if (subject !== undefined) found.push(subject)
  }
  return found
}

async function findDistribution(env: Environment, name: 'reg28' | 'reg3'): Promise<Subject> {
  const isOld = name === 'reg28'
  const command = isOld
    ? findOnPath(env, 'docker-registry')
    : findBuilt(env, 'registry', registryVersion)
  if (command === undefined) {
    throw new Missing(
      isOld
        ? "there is no docker-registry on the path. It is Debian's package docker-registry."
        : `there is no registry in ${clientCache(env)}, in CARREL_CLIENTS or on the path. Get it with: GOBIN=${clientCache(env)} go install ${registryModule}@${registryVersion}`,
    )
  }
  const { output } = await runProgram(command, ['--version'])
  const version = /v?(\d+\.\d+\.\d+)/.exec(output)?.[1] ?? ''
  const major = isOld ? '2.' : '3.'
  if (!version.startsWith(major)) {
    throw new Missing(`${command} is not a version ${major}x of the registry: ${output.trim()}`)
  }
  return distributionPeer(env, { name, title: `registry ${version}`, command })
}

async function findZot(search: Search): Promise<Subject> {
  const { ZOT: given, ZOT_SOURCE: source } = search.env
  if (given !== undefined && given !== '') {
    if (!isProgram(given)) throw new Missing(`ZOT names ${given}, which is no program.`)
    const { output } = await runProgram(given, ['--version'])
    const commit = /"commit":"([^"]+)"/.exec(output)?.[1] ?? ''
    const title = `zot ${commit}`.trim()
    return zotPeer(search.env, { name: 'zot', title, command: given })
  }
  if (source === undefined || source === '') {
    throw new Missing('neither ZOT (a program) nor ZOT_SOURCE (a checkout of zot) is set.')
  }
  const git = await runProgram('git', ['-C', source, 'rev-parse', '--short', 'HEAD'])
  if (git.code !== 0) throw new Missing(`ZOT_SOURCE names ${source}, which is no checkout.`)
  const commit = git.stdout.trim()
  const command = await buildZot(search, source, commit)
  return zotPeer(search.env, { name: 'zot', title: `zot ${commit}`, command })
}

/** Without build tags it is the minimal zot: the registry alone. */
async function buildZot(search: Search, source: string, commit: string): Promise<string> {
  const { env, say } = search
  const folder = join(clientCache(env), `zot@${commit}`)
  const program = join(folder, 'zot')
  if (isProgram(program)) return program
  const go = findOnPath(env, 'go')
  if (go === undefined) throw new Missing('there is no go on the path to build it with.')
  say(`Building zot ${commit} into ${folder}. This takes some minutes, once.`)
  await mkdir(folder, { recursive: true })
  const half = `${program}.${process.pid}`
  const args = ['build', '-trimpath', '-ldflags=-s -w', '-o', half, './cmd/zot']
  try {
    await runOk(go, args, {
      cwd: source,
      env: { ...env, CGO_ENABLED: '0', GOEXPERIMENT: 'jsonv2' },
      timeoutMs: longestBuildMs,
    })
    await rename(half, program)
  } finally {
    await rm(half, { force: true })
  }
  return program
}
