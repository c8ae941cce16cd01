// `carrel registry serve` as a whole process, and a client that pushes to it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, runOk, startDaemon, waitUntil, type Environment } from './processes.ts'
import { withoutSettings } from './start-registry.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const carrel = join(root, 'carrel')
// What the launcher becomes. It is a script of sh, and that drops variables with a hyphen in their name from the
// environment, as those of headers are.
export const node = join(root, '.node', 'node')
export const program = join(root, '.node', 'app', 'main.js')
/** The launcher compiles what has changed. */
const compiled = runOk(carrel, ['--version'])
export const ociManifest = 'application/vnd.oci.image.manifest.v1+json'

export function cleanEnv(env: Environment): Environment {
  const own = Object.entries(withoutSettings(process.env))
  const bare = Object.fromEntries(own.filter(([name]) => !name.startsWith('REGISTRY_')))
  return { ...bare, ...env }
}

export interface Served extends AsyncDisposable {
  readonly url: string
  readonly log: () => string
}

interface Serving {
  readonly env: Environment
  readonly args?: readonly string[]
  readonly secure?: https.RequestOptions
}

/** `carrel registry serve`, ready. The port comes by the variable of registry:2. */
export async function serve(
  folder: TemporaryFolder,
  { env, args = [], secure }: Serving,
): Promise<Served> {
  const port = await freePort()
  await compiled
  const server = await startDaemon(node, [program, 'registry', 'serve', ...args], {
    cwd: folder.path,
    logFile: join(folder.path, `log-${port}`),
    endWith: 'SIGTERM',
    env: cleanEnv({ CARREL_WORKERS: '1', REGISTRY_HTTP_ADDR: `127.0.0.1:${port}`, ...env }),
  })
  const url = `${secure === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  await waitUntil('Carrel was not ready', async () => {
    if (!server.isRunning()) throw new Error(`Carrel ended at its start:\n${server.log()}`)
    return (await ask(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.status === 200
  })
  return { url, log: server.log, [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose]() }
}

interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  readonly tls?: https.RequestOptions
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

export async function ask(url: string, { body, tls, ...more }: Asking = {}): Promise<Answer> {
  const { request } = url.startsWith('https:') ? https : http
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, timeout: 10_000, ...tls, ...more }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      )
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

export const digestOf = (content: string) =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`

/** Pushes an image with one small layer; `urls`: the layer is elsewhere. Returns the answer to its manifest. */
export async function push(
  { url }: Served,
  {
    name,
    tag,
    authorization,
    urls,
  }: Readonly<Record<'name' | 'tag' | 'authorization', string>> & {
    readonly urls?: readonly string[]
  },
): Promise<Answer> {
  const headers = { authorization }
  for (const content of ['{}', `layer of ${tag}`]) {
    const to = `${url}/v2/${name}/blobs/uploads/?digest=${digestOf(content)}`
    const put = await ask(to, { method: 'POST', headers, body: content })
    assert.equal(put.status, 201, put.text)
  }
  const descriptor = (content: string, mediaType: string) => {
    return { mediaType, digest: digestOf(content), size: content.length }
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: ociManifest,
    config: descriptor('{}', 'application/vnd.oci.image.config.v1+json'),
    layers: [
      {
        ...descriptor(`layer of ${tag}`, 'application/vnd.oci.image.layer.v1.tar'),
        ...(urls && { urls }),
      },
    ],
  }
  return ask(`${url}/v2/${name}/manifests/${tag}`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': ociManifest },
    body: JSON.stringify(manifest),
  })
}

export const code = ({ text }: Answer): string =>
  (JSON.parse(text) as { errors: { code: string }[] }).errors[0]?.code ?? ''

/** Ours are for servers, and a client's must say that it is for a client. */
export async function clientCertificate(
  folder: TemporaryFolder,
  authority: { readonly certificatePem: string; readonly keyPem: string },
): Promise<{ readonly cert: string; readonly key: string }> {
  const at = (name: string) => join(folder.path, name)
  await writeFile(at('signer.crt'), authority.certificatePem)
  await writeFile(at('signer.key'), authority.keyPem)
  await writeFile(at('client.ext'), 'extendedKeyUsage=clientAuth\n')
  const openssl = async (...args: readonly string[]) => runOk('openssl', args, { cwd: folder.path })
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await openssl('req', ...ec, '-keyout', 'client.key', '-subj', '/CN=ann', '-out', 'client.csr')
  const signing = ['-CA', 'signer.crt', '-CAkey', 'signer.key', '-set_serial', '7', '-days', '2']
  await openssl(
    'x509',
    '-req',
    '-in',
    'client.csr',
    ...signing,
    '-extfile',
    'client.ext',
    '-out',
    'client.crt',
  )
  return {
    cert: await readFile(at('client.crt'), 'utf8'),
    key: await readFile(at('client.key'), 'utf8'),
  }
}
