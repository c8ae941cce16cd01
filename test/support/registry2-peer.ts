// The real registry:2 (Debian's docker-registry) on a folder, and what tests do with it and with registries like it.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../../src/oci/digest.ts'
import { freePort, runOk, startDaemon, waitUntil } from './processes.ts'

export interface Registry2 extends AsyncDisposable {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** `root` becomes its rootdirectory; `folder` gets its log and configuration. */
export async function startRegistry2(root: string, folder: string): Promise<Registry2> {
  const port = await freePort()
  const file = await writeConfiguration(root, folder, port)
  const server = await startDaemon('docker-registry', ['serve', file], {
    logFile: join(folder, `registry2-${port}.log`),
    env: withoutVariables(),
  })
  const url = `http://127.0.0.1:${port}`
  await waitUntil('docker-registry did not answer', async () => {
    if (!server.isRunning()) throw new Error(`docker-registry ended:\n${server.log()}`)
    return fetch(`${url}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
  return {
    url,
    async stop() {
      await server.stop('SIGTERM', 2000)
    },
    [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
  }
}

/** Its own collection, with the server stopped. */
export async function collectRegistry2(
  root: string,
  folder: string,
  options: readonly string[] = [],
): Promise<void> {
  const file = await writeConfiguration(root, folder, 0)
  await runOk('docker-registry', ['garbage-collect', ...options, file], {
    env: withoutVariables(),
  })
}

async function writeConfiguration(root: string, folder: string, port: number): Promise<string> {
  const file = join(folder, `registry2-${port}.yml`)
  const configuration = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: root }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: 'of one test' },
  }
  await writeFile(file, JSON.stringify(configuration))
  return file
}

function withoutVariables(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('REGISTRY_'))
  return Object.fromEntries(own)
}

export interface Place {
  readonly url: string
  readonly authorization?: string
}

export const mediaTypes = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.v2+json',
  list: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const

async function ask(
  { url, authorization }: Place,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = new Headers(init.headers)
  if (authorization !== undefined) headers.set('authorization', authorization)
  return fetch(path.startsWith('http') ? path : `${url}${path}`, { ...init, headers })
}

async function expectStatus(response: Response, what: string, wanted: number): Promise<Response> {
  if (response.status === wanted) return response
  throw new Error(`${what}: ${response.status} ${await response.text()}`)
}

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const bytesType = { 'content-type': 'application/octet-stream' }

export async function pushBlob(
  place: Place,
  repository: string,
  bytes: Uint8Array,
  mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip',
): Promise<Descriptor> {
  const digest = digestOf(bytes)
  const head = await ask(place, `/v2/${repository}/blobs/${digest}`, { method: 'HEAD' })
  if (head.status !== 200) {
    const location = await startUpload(place, repository)
    location.searchParams.set('digest', digest)
    const init = { method: 'PUT', body: new Uint8Array(bytes), headers: bytesType }
    await expectStatus(await ask(place, location.href, init), `blob of ${repository}`, 201)
  }
  return { mediaType, digest, size: bytes.length }
}

async function startUpload(place: Place, repository: string): Promise<URL> {
  const started = await ask(place, `/v2/${repository}/blobs/uploads/`, { method: 'POST' })
  await expectStatus(started, `upload to ${repository}`, 202)
  return new URL(started.headers.get('location') ?? '', place.url)
}

/** Begins an upload and leaves it. */
export async function leaveUpload(place: Place, repository: string): Promise<void> {
  const { href } = await startUpload(place, repository)
  const init = { method: 'PATCH', body: 'unfinished', headers: bytesType }
  await expectStatus(await ask(place, href, init), 'unfinished upload', 202)
}

/** Without a tag, under its digest. */
export async function pushManifest(
  place: Place,
  repository: string,
  manifest: object,
  { tag, mediaType }: { readonly tag?: string | undefined; readonly mediaType: string },
): Promise<Descriptor> {
  const body = JSON.stringify(manifest, undefined, 3)
  const digest = digestOf(Buffer.from(body))
  const path = `/v2/${repository}/manifests/${tag ?? digest}`
  const headers = { 'content-type': mediaType }
  await expectStatus(await ask(place, path, { method: 'PUT', body, headers }), path, 201)
  return { mediaType, digest, size: Buffer.byteLength(body) }
}

export async function pushImage(
  place: Place,
  repository: string,
  image: {
    readonly layers: readonly Uint8Array[]
    readonly config?: object
    readonly tag?: string
    readonly more?: object
    /** False: the manifest has no mediaType. */
    readonly named?: boolean
  },
): Promise<Descriptor> {
  const { layers, config = {}, tag, more = {}, named = true } = image
  const bytes = Buffer.from(JSON.stringify(config))
  const type = 'application/vnd.oci.image.config.v1+json'
  const manifest = {
    schemaVersion: 2,
    ...(named && { mediaType: mediaTypes.image }),
    config: await pushBlob(place, repository, bytes, type),
    layers: await Promise.all(layers.map(async (layer) => pushBlob(place, repository, layer))),
    ...more,
  }
  return pushManifest(place, repository, manifest, { tag, mediaType: mediaTypes.image })
}

export async function pushIndex(
  place: Place,
  repository: string,
  manifests: readonly Descriptor[],
  tag?: string,
): Promise<Descriptor> {
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
  return pushManifest(place, repository, index, { tag, mediaType: mediaTypes.index })
}

export async function deleteManifest(
  place: Place,
  repository: string,
  digest: string,
): Promise<void> {
  const path = `/v2/${repository}/manifests/${digest}`
  await expectStatus(await ask(place, path, { method: 'DELETE' }), `delete ${path}`, 202)
}

/** `repository:tag` or `repository@digest` to the digest of what came (and its type), or to what went wrong. */
export type Served = ReadonlyMap<string, string>

/** All tags, and everything that can be reached from them, by reading every byte. */
export async function readEverything(place: Place): Promise<Served> {
  const served = new Map<string, string>()
  for (const repository of await listAll(place, '/v2/_catalog', 'repositories')) {
    for (const tag of await listAll(place, `/v2/${repository}/tags/list`, 'tags')) {
      const said = await readManifest(place, served, { repository, reference: tag })
      served.set(`${repository}:${tag}`, said)
    }
  }
  return served
}

async function listAll(place: Place, path: string, field: string): Promise<readonly string[]> {
  const found: string[] = []
  for (let next: string | undefined = `${path}?n=1000`; next !== undefined;) {
    const response: Response = await ask(place, next)
    if (response.status === 404) return found
    await expectStatus(response, path, 200)
    const body = (await response.json()) as Record<string, string[] | null>
    found.push(...(body[field] ?? []))
    next = /<([^>]+)>/.exec(response.headers.get('link') ?? '')?.[1]
  }
  return found
}

const accept = Object.values(mediaTypes).join(', ')

async function readManifest(
  place: Place,
  served: Map<string, string>,
  { repository, reference }: { readonly repository: string; readonly reference: string },
): Promise<string> {
  const path = `/v2/${repository}/manifests/${reference}`
  const response = await ask(place, path, { headers: { accept } })
  const bytes = Buffer.from(await response.arrayBuffer())
  if (response.status !== 200) return String(response.status)
  const digest = digestOf(bytes)
  if (response.headers.get('docker-content-digest') !== digest) return 'other bytes than it says'
  const { manifests, layers, config } = JSON.parse(bytes.toString()) as {
    readonly manifests?: readonly Descriptor[]
    readonly layers?: readonly Descriptor[]
    readonly config?: Descriptor
  }
  for (const child of manifests ?? []) {
    const key = `${repository}@${child.digest}`
    if (served.has(key)) continue
    served.set(key, await readManifest(place, served, { repository, reference: child.digest }))
  }
  for (const blob of [...(layers ?? []), ...(config ? [config] : [])]) {
    const key = `${repository}@${blob.digest}`
    if (!served.has(key)) served.set(key, await readBlob(place, repository, blob.digest))
  }
  return `${digest} ${response.headers.get('content-type') ?? ''}`
}

async function readBlob(place: Place, repository: string, digest: string): Promise<string> {
  const response = await ask(place, `/v2/${repository}/blobs/${digest}`).catch(() => undefined)
  const bytes = await response?.arrayBuffer().catch(() => undefined)
  if (response?.status !== 200 || bytes === undefined) return String(response?.status ?? 'cut off')
  return `sha256:${createHash('sha256').update(Buffer.from(bytes)).digest('hex')}`
}

/** What `wanted` has whole and `other` has not, or has otherwise. */
export function differences(wanted: Served, other: Served): readonly string[] {
  const found: string[] = []
  for (const [name, value] of wanted) {
    if (!value.startsWith('sha256:')) continue
    if (other.get(name) !== value) found.push(`${name}: ${value} became ${other.get(name)}`)
  }
  return found
}
