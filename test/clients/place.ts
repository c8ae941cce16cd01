// Where one client works: the registry as it sees it, a folder and an environment of its own, and a
// second look at the registry that does not go through the client.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { waitUntil } from '../support/processes.ts'
import type { Environment } from '../support/processes.ts'
import type { StartedRegistry } from '../support/start-registry.ts'

export interface Place {
  readonly registry: StartedRegistry
  /** `127.0.0.1:PORT`, as this client is given it. */
  readonly host: string
  /** The authority's certificate where the client must speak TLS; without it, plain HTTP. */
  readonly caFile: string | undefined
  readonly folder: string
  readonly env: Environment
  /** `admin/CLIENT-DOOR`. */
  readonly repositories: string
  /** `HOST/admin/CLIENT-DOOR/NAME`. */
  readonly image: (name: string) => string
}

export interface SeenManifest {
  readonly digest: string
  readonly mediaType: string
  readonly body: Readonly<Record<string, unknown>>
}

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly status: number
}

export async function makePlace(options: {
  readonly registry: StartedRegistry
  readonly host: string
  readonly caFile: string | undefined
  readonly folder: string
  readonly name: string
}): Promise<Place> {
  const { registry, host, caFile, folder, name } = options
  const home = join(folder, 'home')
  await mkdir(home, { recursive: true })
  const env: Environment = {
    PATH: process.env['PATH'],
    HOME: home,
    LANG: 'C',
    XDG_RUNTIME_DIR: home,
    DOCKER_CONFIG: join(home, '.docker'),
  }
  const repositories = `admin/${name}`
  return placeAt({ registry, host, caFile, folder, env, repositories, image: String }, host)
}

/** The same place, with the registry at another address. */
export function placeAt(place: Place, host: string): Place {
  return { ...place, host, image: (name) => `${host}/${place.repositories}/${name}` }
}

/** A reference `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST` in its parts. */
function partsOf(place: Place, image: string): { repository: string; reference: string } {
  const path = image.slice(place.host.length + 1)
  const at = path.includes('@') ? path.indexOf('@') : path.lastIndexOf(':')
  return { repository: path.slice(0, at), reference: path.slice(at + 1) }
}

/** What the registry holds under that reference, asked without the client. */
export async function seeManifest(place: Place, image: string): Promise<SeenManifest | undefined> {
  const { repository, reference } = partsOf(place, image)
  const response = await ask(place, `/v2/${repository}/manifests/${reference}`)
  const text = await response.text()
  if (response.status === 404) return undefined
  if (response.status !== 200) throw new Error(`GET ${image}: ${response.status} ${text}`)
  return {
    digest: response.headers.get('docker-content-digest') ?? '',
    mediaType: response.headers.get('content-type') ?? '',
    body: JSON.parse(text) as Readonly<Record<string, unknown>>,
  }
}

/** The descriptors that refer to the image. */
export async function seeReferrers(
  place: Place,
  image: string,
): Promise<readonly { readonly digest: string; readonly artifactType?: string }[]> {
  const seen = await seeManifest(place, image)
  const { repository } = partsOf(place, image)
  const response = await ask(place, `/v2/${repository}/referrers/${seen?.digest}`)
  const body = (await response.json()) as { manifests: { digest: string; artifactType?: string }[] }
  return body.manifests
}

async function ask(place: Place, path: string): Promise<Response> {
  // The same port answers plain HTTP on loopback, also where clients use TLS.
  const { port, authorization } = place.registry
  return fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization } })
}

/** Remembers this moment; the function that it returns gives what was asked of the registry since. */
export function watchRequests(place: Place): () => readonly SeenRequest[] {
  const before = place.registry.log().length
  return () =>
    place.registry
      .log()
      .slice(before)
      .split('\n')
      .filter((line) => line.startsWith('{') && line.includes('"method"'))
      .map((line) => JSON.parse(line) as SeenRequest)
}

/** The log is written a moment after the answer. */
export async function expectRequests(
  watch: () => readonly SeenRequest[],
  what: string,
  isThere: (requests: readonly SeenRequest[]) => boolean,
): Promise<void> {
  await waitUntil(what, () => isThere(watch()), { timeoutMs: 2000 }).catch(() => {
    const lines = watch().map(({ method, path, status }) => `  ${method} ${path} ${status}`)
    throw new Error(`${what}. Requests:\n${lines.join('\n')}`)
  })
}

/** A mount is the only POST of these clients that ends with 201. */
export async function expectMount(
  watch: () => readonly SeenRequest[],
  image: string,
): Promise<void> {
  const repository = image.slice(image.indexOf('/') + 1, image.lastIndexOf(':'))
  await expectRequests(watch, `No blob was mounted into ${repository}`, (requests) =>
    requests.some(
      ({ method, path, status }) =>
        method === 'POST' && status === 201 && path === `/v2/${repository}/blobs/uploads/`,
    ),
  )
}
