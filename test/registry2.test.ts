// Carrel in the place of registry:2: its command, its config.yml, its variables, as people use them. The parser itself is
// held to distribution's own by src/config/registry2/configuration.test.ts.
import assert from 'node:assert/strict'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hash } from 'bcryptjs'
import { freePort, runOk, waitUntil, type Environment } from './support/processes.ts'
import { ask, cleanEnv, code, digestOf, node, ociManifest } from './support/registry2-serve.ts'
import { program, push, serve } from './support/registry2-serve.ts'
import { basic } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

test('the variables of the README of a registry with a user interface, and no file at all', async (t) => {
  await using folder = await temporaryFolder('registry2')
  const data = join(folder.path, 'data')
  const env = {
    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: data,
    REGISTRY_CONFIGURATION_PATH: '/etc/distribution/config.yml',
    REGISTRY_HTTP_DEBUG_ADDR: `127.0.0.1:${await freePort()}`,
    REGISTRY_HTTP_SECRET: 'asecretforlocaldevelopment',
    REGISTRY_HTTP_PREFIX: '/registry/',
    REGISTRY_LOG_LEVEL: 'warn',
    REGISTRY_LOG_FIELDS_ENVIRONMENT: 'test',
    REGISTRY_AUTH: 'htpasswd',
    REGISTRY_AUTH_HTPASSWD_REALM: 'Registry Realm',
    REGISTRY_AUTH_HTPASSWD_PATH: join(folder.path, 'auth', 'htpasswd'),
    REGISTRY_STORAGE_DELETE_ENABLED: 'true',
    REGISTRY_CATALOG_MAXENTRIES: '2',
    REGISTRY_TAGS_MAXTAGS: '1',
    REGISTRY_VALIDATION_MANIFESTS_URLS_ALLOW: "['^https://layers\\.example\\.com/']",
    'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin': "['http://ui.example.com']",
    'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Methods': '[HEAD,GET,OPTIONS,DELETE]',
    'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Headers': '[Authorization,Accept,Cache-Control]',
    'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Credentials': '[true]',
    'REGISTRY_HTTP_HEADERS_Access-Control-Expose-Headers': '[Docker-Content-Digest]',
    'REGISTRY_HTTP_HEADERS_Strict-Transport-Security': '[max-age=31536000]',
    REGISTRY_PORT: 'tcp://10.0.0.1:5000',
  }
  await using registry = await serve(folder, { env })
  const { url } = registry
  const password = /user docker, password ([A-Za-z0-9_-]{43})/.exec(registry.log())?.[1] ?? ''
  const authorization = basic('docker', password)
  const headers = { authorization }

  await t.test(
    'the missing htpasswd file is there, with a user docker that may do everything',
    async () => {
      const { mode } = await stat(env.REGISTRY_AUTH_HTPASSWD_PATH)
      assert.equal(mode & 0o777, 0o600)
      assert.equal((await ask(`${url}/v2/`)).status, 401)
      assert.equal((await ask(`${url}/v2/`, { headers })).status, 200)
      for (const name of ['a/app', 'b/app', 'plain']) {
        for (const tag of ['v1', 'v2']) {
          assert.equal((await push(registry, { name, tag, authorization })).status, 201)
        }
      }
      const gone = await ask(`${url}/v2/b/app/manifests/v1`, { method: 'DELETE', headers })
      assert.equal(gone.status, 202)
    },
  )

  await t.test('a page of another origin may ask, and is told what it may read', async () => {
    const preflight = await ask(`${url}/v2/a/app/manifests/v1`, {
      method: 'OPTIONS',
      headers: { origin: 'http://ui.example.com', 'access-control-request-method': 'DELETE' },
    })
    assert.equal(preflight.status, 200)
    assert.match(String(preflight.headers['allow']), /DELETE/)
    assert.equal(preflight.headers['access-control-allow-origin'], 'http://ui.example.com')
    assert.equal(preflight.headers['access-control-allow-methods'], 'HEAD, GET, OPTIONS, DELETE')
    assert.equal(preflight.headers['access-control-allow-credentials'], 'true')
    for (const path of ['/v2/', '/v2/_catalog', '/token?service=x', '/v2/nothing/tags/list']) {
      const { headers: told } = await ask(`${url}${path}`)
      assert.equal(told['access-control-allow-origin'], 'http://ui.example.com', path)
      assert.equal(told['access-control-expose-headers'], 'Docker-Content-Digest', path)
    }
  })

  await t.test(
    "pages and the management API of Carrel's own stay closed to other origins",
    async () => {
      for (const path of ['/', '/login', '/api/v1/repositories', '/readyz']) {
        const { headers: told } = await ask(`${url}${path}`)
        assert.equal(told['access-control-allow-origin'], undefined, path)
        assert.equal(told['access-control-allow-credentials'], undefined, path)
        assert.equal(told['strict-transport-security'], 'max-age=31536000', path)
      }
    },
  )

  await t.test('listings keep to catalog.maxentries and tags.maxtags', async () => {
    const all = await ask(`${url}/v2/_catalog`, { headers })
    assert.deepEqual(JSON.parse(all.text), { repositories: ['a/app', 'b/app'] })
    assert.match(String(all.headers['link']), /last=b%2Fapp&n=2/)
    const many = await ask(`${url}/v2/_catalog?n=3`, { headers })
    assert.deepEqual([many.status, code(many)], [400, 'PAGINATION_NUMBER_INVALID'])
    const tags = await ask(`${url}/v2/a/app/tags/list?n=10000`, { headers })
    assert.deepEqual(JSON.parse(tags.text), { name: 'a/app', tags: ['v1'] })
    assert.match(String(tags.headers['link']), /last=v1&n=1/)
  })

  await t.test(
    'layers come from elsewhere only where validation.manifests.urls allows it',
    async () => {
      const from = async (...urls: string[]) =>
        push(registry, { name: 'a/app', tag: 'foreign', authorization, urls })
      assert.equal((await from('https://layers.example.com/x')).status, 201)
      for (const bad of ['https://other.example.com/x', 'ftp://layers.example.com/x']) {
        const answer = await from('https://layers.example.com/x', bad)
        assert.deepEqual([answer.status, code(answer)], [400, 'MANIFEST_INVALID'])
        assert.match(answer.text, new RegExp(bad))
      }
    },
  )

  await t.test('the API answers below http.prefix, and leads on there', async () => {
    const started = await ask(`${url}/registry/v2/a/app/blobs/uploads/`, {
      method: 'POST',
      headers,
    })
    assert.equal(started.status, 202)
    assert.match(String(started.headers['location']), /^\/registry\/v2\/a\/app\/blobs\/uploads\//)
    const challenged = await ask(`${url}/registry/v2/`)
    assert.match(
      String(challenged.headers['www-authenticate']),
      /realm="http:\/\/[^"]+\/registry\/token"/,
    )
    assert.equal((await ask(`${url}/registry/token`, { headers })).status, 200)
    const page = await ask(`${url}/registry/v2/_catalog?n=1`, { headers })
    assert.match(String(page.headers['link']), /^<\/registry\/v2\/_catalog\?/)
  })

  await t.test('what did nothing was told, and fields are in the log', async () => {
    assert.match(registry.log(), /REGISTRY_PORT: no such setting of registry:2, so ignored/)
    assert.doesNotMatch(registry.log(), /REGISTRY_HTTP_SECRET|asecretfor/)
    assert.match(registry.log(), /Plain HTTP is answered to everybody/)
  })

  await t.test('metrics are served at http.debug.addr', async () => {
    const metrics = await ask(`http://${env.REGISTRY_HTTP_DEBUG_ADDR}/metrics`)
    assert.equal(metrics.status, 200)
    assert.equal(metrics.headers['access-control-allow-origin'], undefined)
  })
})

test('a config.yml with an htpasswd file: deletes are off, rights are grants that stay away', async (t) => {
  await using folder = await temporaryFolder('registry2')
  const data = join(folder.path, 'data')
  const users = [`admin:${await hash('secret', 4)}`, `bob:${await hash('secret', 4)}`]
  await mkdir(join(folder.path, 'auth'))
  await writeFile(join(folder.path, 'auth', 'htpasswd'), users.join('\n'))
  const file = join(folder.path, 'config.yml')
  await writeFile(
    file,
    `version: 0.1
log: {fields: {service: registry}}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: ${data}}
http:
  headers: {X-Content-Type-Options: [nosniff]}
auth: {htpasswd: {realm: basic-realm, path: auth/htpasswd}}
redis: {addr: 'redis:6379'}
`,
  )
  const as = (name: string) => ({ authorization: basic(name, 'secret') })
  const run = async (...args: readonly string[]) =>
    (await runOk(node, [program, ...args, '--data', data], { cwd: folder.path, env: cleanEnv({}) }))
      .stdout

  await t.test('every DELETE of content is answered with 405', async () => {
    await using registry = await serve(folder, { env: {}, args: [file] })
    const { url } = registry
    const pushed = await push(registry, { name: 'web/app', tag: 'v1', ...as('bob') })
    assert.equal(pushed.status, 201)
    const paths = [
      'manifests/v1',
      `manifests/${String(pushed.headers['docker-content-digest'])}`,
      `blobs/${digestOf('{}')}`,
      `blobs/${digestOf('nothing')}`,
      'manifests/nothing',
    ]
    for (const path of paths) {
      const line = `${url}/v2/web/app/${path}`
      const answer = await ask(line, { method: 'DELETE', headers: as('bob') })
      assert.deepEqual([answer.status, code(answer)], [405, 'UNSUPPORTED'], path)
      assert.equal((await ask(line, { method: 'DELETE' })).status, 401)
    }
    const upload = await ask(`${url}/v2/web/app/blobs/uploads/`, {
      method: 'POST',
      headers: as('bob'),
    })
    const cancelled = await ask(`${url}${String(upload.headers['location'])}`, {
      method: 'DELETE',
      headers: as('bob'),
    })
    assert.equal(cancelled.status, 204)
    const foreign = { name: 'web/app', tag: 'f', ...as('bob'), urls: ['https://a/'] }
    assert.equal((await push(registry, foreign)).status, 400)
    // A user called admin goes on to get in, and administers nothing.
    const tags = await ask(`${url}/v2/web/app/tags/list`, { headers: as('admin') })
    assert.equal(tags.status, 200)
    const listed = await ask(`${url}/api/v1/users`, { headers: as('admin') })
    assert.ok(listed.status === 403 || listed.status === 401, String(listed.status))
    assert.doesNotMatch(registry.log(), /\/setup#k=/)
    // Without Access-Control-Allow-Origin no page is let in.
    const preflight = await ask(`${url}/v2/`, { method: 'OPTIONS' })
    assert.equal(preflight.status, 405)
  })

  await t.test(
    'the grant on everything is there to be seen, and taken away it stays away',
    async () => {
      const mine = (await run('grant', 'ls'))
        .split('\n')
        .find((line) => /\tuser:bob\t\*\t/.test(line))
      assert.match(
        mine ?? '',
        /pull,push,overwrite,delete\t.*users of the htpasswd file could do everything/,
      )
      await run('grant', 'rm', mine?.split('\t')[0] ?? '', '--yes')
      await using registry = await serve(folder, { env: {}, args: [file] })
      const { url } = registry
      assert.equal((await ask(`${url}/v2/`, { headers: as('bob') })).status, 200)
      const other = await push(registry, { name: 'web/app', tag: 'v9', ...as('admin') })
      assert.equal(other.status, 201)
      assert.equal((await ask(`${url}/v2/web/app/tags/list`, { headers: as('bob') })).status, 404)
      // Whoever comes into the file later gets what registry:2 gave.
      const later = `${users.join('\n')}\ncarl:${await hash('secret', 4)}\n`
      await writeFile(join(folder.path, 'auth', 'htpasswd'), later)
      const comesIn = async () => {
        const answer = await ask(`${url}/v2/web/app/tags/list`, { headers: as('carl') })
        return answer.status === 200
      }
      // The file is looked at once a second, and who fails often has to wait.
      await waitUntil('the new user could not sign in', comesIn, { everyMs: 1200 })
    },
  )

  await t.test('REGISTRY_STORAGE_MAINTENANCE_READONLY lets nobody push', async () => {
    const env = { REGISTRY_STORAGE_MAINTENANCE_READONLY: '{enabled: true}' }
    await using registry = await serve(folder, { env, args: [file] })
    const start = `${registry.url}/v2/web/app/blobs/uploads/`
    const refused = await ask(start, { method: 'POST', headers: as('admin') })
    assert.equal(refused.status, 403)
    assert.match(refused.text, /read-only/)
    assert.equal(
      (await ask(`${registry.url}/v2/web/app/tags/list`, { headers: as('admin') })).status,
      200,
    )
  })

  await t.test(
    'garbage-collect runs beside the server, and takes only what -m and time allow',
    async () => {
      const more = { CARREL_KEEP_UNREFERENCED: '0s' }
      await using registry = await serve(folder, { env: {}, args: [file] })
      const admin = as('admin')
      const first = await push(registry, { name: 'web/old', tag: 'v1', ...admin })
      // The same tag again, over other content: the first image has no tag any more.
      const headers = { ...admin, 'content-type': ociManifest }
      const second = await push(registry, { name: 'web/old', tag: 'v2', ...admin })
      const digest = String(second.headers['docker-content-digest'])
      const manifest = await ask(`${registry.url}/v2/web/old/manifests/${digest}`, { headers })
      const moved = await ask(`${registry.url}/v2/web/old/manifests/v1`, {
        method: 'PUT',
        headers,
        body: manifest.text,
      })
      assert.equal(moved.status, 201)
      const collect = async (env: Environment, ...args: readonly string[]) => {
        const line = [program, 'registry', 'garbage-collect', ...args, '--json', file]
        const { stdout } = await runOk(node, line, { cwd: folder.path, env: cleanEnv(env) })
        return JSON.parse(stdout) as { dryRun: boolean; manifests: number; errors: string[] }
      }
      const old = `${registry.url}/v2/web/old/manifests/${String(first.headers['docker-content-digest'])}`
      assert.equal((await collect(more)).manifests, 0)
      assert.equal((await collect({}, '-m')).manifests, 0)
      const dry = await collect(more, '-m', '-d')
      assert.ok(dry.dryRun && dry.manifests >= 1, JSON.stringify(dry))
      assert.equal((await ask(old, { headers })).status, 200)
      const real = await collect(more, '-m')
      assert.equal(real.manifests, dry.manifests)
      assert.deepEqual(real.errors, [])
      assert.equal((await ask(old, { headers })).status, 404)
      for (const tag of ['v1', 'v2']) {
        const still = await ask(`${registry.url}/v2/web/old/manifests/${tag}`, { headers })
        assert.equal(still.status, 200)
      }
    },
  )

  await t.test(
    'config show names who set what, and the commands of registry:2 answer',
    async () => {
      const env = cleanEnv({ REGISTRY_LOG_LEVEL: 'error', CARREL_LISTEN: ':5001' })
      const shown = await runOk(node, [program, 'config', 'show', '--registry', file, '--json'], {
        env,
      })
      const rows = JSON.parse(shown.stdout) as { key: string; value: string; source: string }[]
      const row = (key: string) => rows.find((each) => each.key === key)
      assert.deepEqual(row('listen')?.source, 'CARREL_LISTEN')
      assert.deepEqual(row('log.level')?.source, 'REGISTRY_LOG_LEVEL')
      assert.deepEqual(row('data')?.source, `storage.filesystem.rootdirectory in ${file}`)
      assert.deepEqual(row('storage.delete.enabled')?.value, 'false')
      assert.match(shown.stderr, /^warning: redis in .*config\.yml: not supported, so ignored/)
      for (const word of ['-v', '--version']) {
        assert.match((await runOk(node, [program, 'registry', word], { env })).stdout, /^carrel \d/)
      }
      assert.match(
        (await runOk(node, [program, 'registry', 'help'], { env })).stdout,
        /garbage-collect/,
      )
    },
  )
})
