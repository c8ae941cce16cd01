// What is measured: registries that can be started, each on a folder of its own.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, startDaemon, waitUntil } from '../../../test/support/processes.ts'
import type { Environment } from '../../../test/support/processes.ts'
import type { Bench } from '../bench.ts'
import { Connection, type Target } from '../wire.ts'

export type Subject = Peer | CarrelSubject

interface Named {
  readonly name: string
  /** With its version. */
  readonly title: string
}

export interface PeerOptions {
  /** Every request must carry a password that an htpasswd file knows. */
  readonly htpasswd: boolean
  readonly tls: boolean
}

export interface Peer extends Named {
  readonly kind: 'peer'
  readonly start: (bench: Bench, options: PeerOptions) => Promise<Instance>
}

/** What a Carrel works on. It outlives the server, so that one can be started on it again. */
export interface Installation extends AsyncDisposable {
  readonly dataDir: string
  /** Undefined: SQLite in the folder. */
  readonly metadataUrl: string | undefined
}

/** Carrel always asks for a login, and speaks HTTP and TLS on one port. */
export interface CarrelSubject extends Named {
  readonly kind: 'carrel'
  readonly install: (bench: Bench) => Promise<Installation>
  readonly start: (bench: Bench, installation: Installation) => Promise<Instance>
}

/** A running server. It is ended and its own folder removed at dispose. */
export interface Instance extends AsyncDisposable {
  readonly pid: number
  readonly target: Target
  /** From the start of the process to the first answer that says ready. */
  readonly readySeconds: number
}

export const user = 'admin'
export const password = 'a-password-for-measuring-only'

export interface Launch {
  readonly command: string
  /** Gets the instance's own folder and port. */
  readonly prepare: (
    folder: string,
    port: number,
  ) => Promise<{ readonly args: readonly string[]; readonly env: Environment }>
  readonly readyPath: string
  readonly tls: boolean
}

const pollEveryMs = 10

export async function launch(
  { folder: parent, certificate }: Bench,
  name: string,
  { command, prepare, readyPath, tls }: Launch,
): Promise<Instance> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(parent, `${name}-`))
  stack.defer(async () => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const port = await freePort()
  const { args, env } = await prepare(folder, port)
  const began = performance.now()
  const daemon = stack.use(
    await startDaemon(command, args, {
      env,
      cwd: folder,
      logFile: join(folder, 'log'),
      endWith: 'SIGTERM',
    }),
  )
  const target = { port, ...(tls && { authority: certificate.authority }) }
  await waitUntil(
    `${name} did not answer`,
    async () => {
      if (!daemon.isRunning()) throw new Error(`${name} ended at its start:\n${daemon.log()}`)
      return isReady(target, readyPath)
    },
    { everyMs: pollEveryMs, timeoutMs: 60_000 },
  )
  const readySeconds = (performance.now() - began) / 1000
  const disposables = stack.move()
  return {
    pid: daemon.pid,
    target,
    readySeconds,
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}

/** A server that wants a password is ready too. */
async function isReady(target: Target, path: string): Promise<boolean> {
  using connection = new Connection(target)
  try {
    const { status } = await connection.ask({ method: 'GET', path })
    return status < 500
  } catch {
    return false
  }
}
