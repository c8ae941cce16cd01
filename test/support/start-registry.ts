// Carrel as a whole process for system tests: ./carrel serve on a free loopback port with a folder
// of its own, ready when the promise resolves, ended by pid and cleaned up at dispose.
//
//   await using registry = await startRegistry({ tls: true })
import { X509Certificate, randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { issueAuthority, issueLeaf } from '../../src/certificates/issue.ts'
import { freePort, startDaemon, waitUntil } from './processes.ts'
import type { Ended, Environment } from './processes.ts'
import { startPostgres } from './start-postgres.ts'
import { temporaryFolder } from './temporary-folder.ts'

export { startPostgres } from './start-postgres.ts'

const carrel = fileURLToPath(new URL('../../carrel', import.meta.url))

export interface RegistryOptions {
  /**
   * Whether `url` and `caFile` are for TLS. True: certificate files of an authority that the test
   * makes (CARREL_TLS_CERT, CARREL_TLS_KEY); 'own-authority': what Carrel makes itself.
   */
  readonly tls?: boolean | 'own-authority'
  /** Without any login (--open). */
  readonly open?: boolean
  readonly env?: Environment
  /** More arguments after `serve`. */
  readonly args?: readonly string[]
  /** A data folder that is kept; without it, a temporary one. */
  readonly data?: string
  /** The port; without it, a free one. */
  readonly port?: number
  /**
   * PostgreSQL instead of SQLite: a URL of a database, or true for a server of one's own. Without
   * it, CARREL_TEST_METADATA=postgres decides.
   */
  readonly postgres?: boolean | { readonly url: string }
}

export interface StartedRegistry extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`. */
  readonly url: string
  /** `127.0.0.1:PORT`, as clients are given it. */
  readonly host: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  readonly user: 'admin'
  readonly password: string
  /** The value of an Authorization header for that user. */
  readonly authorization: string
  /** The authority that clients must trust for TLS. */
  readonly caFile: string
  /** What the server has written to stdout and stderr. */
  readonly log: () => string
  readonly ended: Promise<Ended>
  /** SIGTERM and its drain, or another signal; resolves with the end of the process. */
  readonly stop: (options?: { readonly signal?: NodeJS.Signals }) => Promise<Ended>
  /** SIGKILL. */
  readonly kill: () => Promise<Ended>
}

export async function startRegistry(options: RegistryOptions = {}): Promise<StartedRegistry> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder('registry'))
  const dataDir = options.data ?? join(folder.path, 'data')
  // Letters and digits: some clients take a word that begins with a hyphen for a flag.
  const password = randomBytes(16).toString('hex')
  const passwordFile = join(folder.path, 'admin-password')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  await mkdir(dataDir, { recursive: true, mode: 0o700 })

  const tls = options.tls === true ? await makeCertificate(folder.path) : undefined
  const port = options.port ?? (await freePort())
  const metadataUrl = await metadataUrlOf(options, stack)
  const listen = ['--listen', `127.0.0.1:${port}`, '--data', dataDir]
  const more = [...(options.open === true ? ['--open'] : []), ...(options.args ?? [])]
  const server = stack.use(
    await startDaemon(carrel, ['serve', ...listen, ...more], {
      cwd: folder.path,
      logFile: join(folder.path, 'log'),
      env: {
        ...withoutSettings(process.env),
        CARREL_ADMIN_PASSWORD_FILE: passwordFile,
        CARREL_METADATA_URL: metadataUrl,
        CARREL_TLS_CERT: tls?.certificateFile,
        CARREL_TLS_KEY: tls?.keyFile,
        ...options.env,
      },
    }),
  )
  await waitUntil('Carrel was not ready', async () => {
    if (!server.isRunning()) throw new Error(`Carrel ended at its start:\n${server.log()}`)
    return (await statusOf(port, '/readyz')) === 200
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${server.log()}`)
  })
  const disposables = stack.move()
  return {
    url: `${options.tls === undefined || options.tls === false ? 'http' : 'https'}://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    port,
    pid: server.pid,
    dataDir,
    user: 'admin',
    password,
    authorization: basic('admin', password),
    caFile: tls?.authorityFile ?? join(dataDir, 'tls', 'ca.crt'),
    log: server.log,
    ended: server.ended,
    stop: async ({ signal = 'SIGTERM' } = {}) => server.stop(signal),
    kill: async () => server.stop('SIGKILL'),
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** The developer's own settings must not reach the server that is tested. */
export function withoutSettings(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('CARREL_')))
}

async function metadataUrlOf(
  { postgres = process.env['CARREL_TEST_METADATA'] === 'postgres' }: RegistryOptions,
  stack: AsyncDisposableStack,
): Promise<string | undefined> {
  if (postgres === false) return undefined
  return postgres === true ? stack.use(await startPostgres()).url : postgres.url
}

async function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.setTimeout(5000, () => request.destroy(new Error('no answer')))
    request.on('error', () => resolve(undefined))
  })
}

interface TestCertificate {
  readonly authorityFile: string
  readonly certificateFile: string
  readonly keyFile: string
}

/** As an operator's own authority would give: a chain and a key in PEM. */
async function makeCertificate(folder: string): Promise<TestCertificate> {
  const now = new Date()
  const issued = await issueAuthority('system-test', now)
  const leaf = await issueLeaf(
    { certificate: new X509Certificate(issued.certificatePem), keyPem: issued.keyPem },
    { dnsNames: ['localhost'], addresses: ['127.0.0.1', '::1'] },
    now,
  )
  const files = {
    authorityFile: join(folder, 'ca.crt'),
    certificateFile: join(folder, 'server.crt'),
    keyFile: join(folder, 'server.key'),
  }
  await writeFile(files.authorityFile, issued.certificatePem)
  await writeFile(files.certificateFile, leaf.certificatePem)
  await writeFile(files.keyFile, leaf.keyPem, { mode: 0o600 })
  return files
}
