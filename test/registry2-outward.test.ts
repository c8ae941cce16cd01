// What registry:2's configuration has beyond the registry itself: another token service, and receivers of notifications.
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { waitUntil } from './support/processes.ts'
import { startRegistry, type StartedRegistry } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const digestOf = (bytes: string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

type Ask = (path: string, init?: RequestInit) => Promise<Response>

function asking({ url }: StartedRegistry, authorization: string): Ask {
  return async (path, init = {}) =>
    fetch(path.startsWith('http') ? path : `${url}${path}`, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), authorization },
    })
}

async function pushImage(ask: Ask, repository: string): Promise<string> {
  const config = '{}'
  const upload = await ask(`/v2/${repository}/blobs/uploads/?digest=${digestOf(config)}`, {
    method: 'POST',
    body: config,
  })
  assert.equal(upload.status, 201)
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(config), size: 2 },
    layers: [],
  })
  const put = await ask(`/v2/${repository}/manifests/1.0`, {
    method: 'PUT',
    body: manifest,
    headers: { 'content-type': manifestType },
  })
  assert.equal(put.status, 201)
  return digestOf(manifest)
}

test('a token of another token service lets its bearer do what it says, and nothing else', async () => {
  await using folder = await temporaryFolder('token-service')
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwks = join(folder.path, 'jwks.json')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }
  await writeFile(jwks, JSON.stringify({ keys: [jwk] }))
  await using registry = await startRegistry({
    env: {
      REGISTRY_AUTH: 'token',
      REGISTRY_AUTH_TOKEN_REALM: 'https://auth.example.com/token',
      REGISTRY_AUTH_TOKEN_SERVICE: 'our registry',
      REGISTRY_AUTH_TOKEN_ISSUER: 'auth.example.com',
      REGISTRY_AUTH_TOKEN_JWKS: jwks,
    },
  })
  const challenged = await fetch(`${registry.url}/v2/web/app/tags/list`)
  assert.equal(challenged.status, 401)
  assert.equal(
    challenged.headers.get('www-authenticate'),
    'Bearer realm="https://auth.example.com/token",service="our registry",scope="repository:web/app:pull"',
  )
  const bearer = async (access: readonly object[], audience = 'our registry') => {
    const token = await new SignJWT({ access })
      .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'JWT' })
      .setIssuer('auth.example.com')
      .setAudience(audience)
      .setSubject('ann')
      .setExpirationTime('5m')
      .sign(privateKey)
    return asking(registry, `Bearer ${token}`)
  }
  const onApp = (...actions: string[]) => [{ type: 'repository', name: 'web/app', actions }]
  await pushImage(await bearer(onApp('pull', 'push')), 'web/app')
  const reader = await bearer(onApp('pull'))
  assert.equal((await reader('/v2/web/app/manifests/1.0')).status, 200)
  assert.equal((await reader('/v2/web/app/blobs/uploads/', { method: 'POST' })).status, 401)
  assert.equal((await reader('/v2/web/other/tags/list')).status, 401)
  assert.equal((await reader('/v2/_catalog')).status, 401)
  const listing = await bearer([{ type: 'registry', name: 'catalog', actions: ['*'] }])
  assert.deepEqual(await (await listing('/v2/_catalog')).json(), { repositories: ['web/app'] })
  const elsewhere = await bearer(onApp('pull'), 'another registry')
  assert.equal((await elsewhere('/v2/web/app/manifests/1.0')).status, 401)
  // Nothing but images is in its power, whatever it says.
  const everything = await bearer(onApp('pull', 'push', 'delete', 'admin', '*'))
  assert.equal((await everything('/api/v1/users')).status, 401)
})

interface Told {
  readonly action: string
  readonly target: { readonly repository: string; readonly digest?: string; readonly tag?: string }
  readonly actor: { readonly name?: string }
}

async function receiver(t: TestContext) {
  const events: Told[] = []
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    assert.equal(request.headers['x-secret'], 'of ours')
    events.push(...(JSON.parse(Buffer.concat(chunks).toString()) as { events: Told[] }).events)
    response.end()
  }
  const server = createServer((request, response) => void receive(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, events }
}

test('what is pushed, mounted, pulled and deleted is told in the envelope of registry:2', async (t) => {
  const { url, events } = await receiver(t)
  await using registry = await startRegistry({
    env: {
      CARREL_WORKERS: '1',
      REGISTRY_NOTIFICATIONS_ENDPOINTS: `[{name: ci, url: "${url}", headers: {X-Secret: [of ours]}, ignore: {actions: []}}]`,
    },
  })
  const ask = asking(registry, registry.authorization)
  const digest = await pushImage(ask, 'web/app')
  const mounted = await ask(`/v2/web/copy/blobs/uploads/?mount=${digestOf('{}')}&from=web/app`, {
    method: 'POST',
  })
  assert.equal(mounted.status, 201)
  assert.equal((await ask('/v2/web/app/manifests/1.0')).status, 200)
  assert.equal((await ask(`/v2/web/app/blobs/${digestOf('{}')}`)).status, 200)
  const options = { method: 'DELETE' }
  assert.equal((await ask(`/v2/web/app/manifests/${digest}`, options)).status, 202)
  await waitUntil('Not all was told', () => events.length >= 6)
  const told = events.map(({ action, target }) => `${action} ${target.repository} ${target.digest}`)
  assert.deepEqual(told.toSorted(), [
    `delete web/app ${digest}`,
    `mount web/copy ${digestOf('{}')}`,
    `pull web/app ${digest}`,
    `pull web/app ${digestOf('{}')}`,
    `push web/app ${digest}`,
    `push web/app ${digestOf('{}')}`,
  ])
  const push = events.find(({ action, target }) => action === 'push' && target.digest === digest)
  assert.deepEqual([push?.target.tag, push?.actor.name], ['1.0', 'admin'])
})
