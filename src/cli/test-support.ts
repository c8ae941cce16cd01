// The outside of cli/ for its tests: streams that remember, and an installation that lives in Maps. It is an
// implementation of an interface to the outside, not a stand-in for code of cli/.
import { PassThrough, Writable } from 'node:stream'

import type { Config } from '../config/config.ts'
import type { CliIo } from './cli-io.ts'
import { InstallationError } from './composition.ts'
import type { Check, Composition, FsckReport, Installation, ServeOptions } from './composition.ts'
import { run } from './run.ts'
import type { ServeEvent, StartFacts } from './serve-events.ts'

export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: CliIo['env']
  readonly cwd?: string
  readonly program?: string
  /** Standard input, whole. */
  readonly input?: string
  /** What a person types in a terminal, one line for each question; makes all three streams terminals. */
  readonly typed?: readonly string[]
  readonly terminal?: boolean
}

/** Runs one command line and returns all that it said. */
export async function runCli(
  argv: readonly string[],
  composition: Composition,
  options: RunOptions = {},
): Promise<Said> {
  const terminal = options.terminal ?? options.typed !== undefined
  const stdout = new MemoryStream(terminal)
  const stderr = new MemoryStream(terminal)
  const stdin = Object.assign(new PassThrough(), { isTTY: terminal, setRawMode: () => undefined })
  if (options.typed === undefined) stdin.end(options.input ?? '')
  else stdin.write(options.typed.map((line) => `${line}\r`).join(''))
  const { env = {}, cwd = '/nowhere', program = 'carrel' } = options
  const code = await run(argv, { stdin, stdout, stderr, env, cwd, program }, composition)
  stdin.destroy()
  return { code, stdout: stdout.text, stderr: stderr.text }
}

export class MemoryStream extends Writable {
  text = ''
  readonly columns = 80
  readonly isTTY: boolean

  constructor(isTTY: boolean) {
    super({ decodeStrings: false })
    this.isTTY = isTTY
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

const created = new Date('2026-11-23T12:00:00Z')
export const madePassword = 'tall-otter-427-cinnamon-maple-drum'

/** A first start on this machine only. */
export function factsOf(changes: Partial<StartFacts>): StartFacts {
  return {
    version: '0.1.0',
    dataDir: '/home/ann/carrel/data',
    engines: 'sqlite + local disk',
    readySeconds: 0.41,
    firstStart: true,
    origin: 'http://localhost:5443',
    registry: 'localhost:5443',
    networkRegistries: [],
    listen: '127.0.0.1:5443',
    setup: { key: '7Q4K-M2XW-9DTR-ABCD-EFGH', expiresAt: new Date('2026-11-23T13:00:00Z') },
    generated: { name: 'admin', password: madePassword },
    authorityFingerprint: '3f9a'.repeat(16),
    open: false,
    repositories: 12,
    tags: 1,
    warnings: [],
    ...changes,
  }
}

export interface FakeWorld {
  readonly composition: Composition
  /** The password of admin, once it was reset. */
  adminPassword: string | undefined
  /** What was opened and with which settings. */
  readonly opened: { readonly config: Config; readonly create: boolean }[]
  readonly served: { readonly config: Config; readonly options: ServeOptions }[]
  report: FsckReport
  checks: readonly Check[]
  fileProblems: readonly string[]
  events: readonly ServeEvent[]
  closed: number
}

export function createWorld(): FakeWorld {
  const world: FakeWorld = {
    adminPassword: undefined,
    opened: [],
    served: [],
    report: { ...emptyReport },
    checks: [],
    fileProblems: [],
    events: [],
    closed: 0,
    composition: {
      version: '0.1.0',
      async serve(config, options) {
        world.served.push({ config, options })
        for (const event of world.events) options.onEvent(event)
        return 0
      },
      async openInstallation(config, { create }) {
        world.opened.push({ config, create })
        return createInstallation(world)
      },
      async openApi() {
        throw new InstallationError('not-found', 'this world has no management API')
      },
      fileProblems: async () => world.fileProblems,
      generatePassword: async () => madePassword,
      async adoption() {
        throw new InstallationError('not-found', 'this world has no volumes')
      },
      async backup() {
        throw new InstallationError('not-found', 'this world has no backups')
      },
      async collectGarbage() {
        throw new InstallationError('not-found', 'this world has no data')
      },
      async rebuild() {
        throw new InstallationError('not-found', 'this world has no storage')
      },
      async *doctor() {
        yield* world.checks
      },
    },
  }
  return world
}

export const emptyReport: FsckReport = {
  ok: true,
  deep: true,
  repositories: 0,
  tags: 0,
  manifests: 0,
  blobs: 0,
  bytes: 0,
  repaired: 0,
  problems: [],
  notes: [],
}

function createInstallation(world: FakeWorld): Installation {
  return {
    createSetupLink: async () => ({ key: '7Q4K-M2XW-9DTR', expiresAt: created }),
    async resetAdminPassword(password) {
      world.adminPassword = password
      return { name: 'admin' }
    },
    replaceSigningKeys: async () => ({ kid: 'key-2' }),
    importHtpasswd: nothingToImport,
    importDockerAuth: nothingToImport,
    fsck: async () => world.report,
    async [Symbol.asyncDispose]() {
      world.closed += 1
    },
  }
}

async function nothingToImport(): Promise<never> {
  throw new InstallationError('invalid', 'this world cannot import anything')
}
