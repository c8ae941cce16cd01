// What registry:2's configuration becomes, through the same door as every command: readConfig and parseConfig.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import type { Environment } from '../raw.ts'
import { wellKnownFiles } from './defaults.ts'
import { findRegistry2File } from './find-file.ts'
import { keys } from './keys.ts'
import { schema } from './schema.ts'
import type { Shape } from './shape.ts'
import { asImage, filesystem, fine, read, serve, withAuth } from './test-support/read.ts'

test('without variables of registry:2 nothing of it is there', async () => {
  assert.equal(fine(await read({ CARREL_LISTEN: ':1' })).registry2, undefined)
})

test('without a file, registry serve does what the image of registry:2 does', async () => {
  const found = asImage(wellKnownFiles[0])
  const config = fine(found)
  assert.equal(config.dataDir, '/var/lib/registry')
  assert.deepEqual(config.listen, { host: '', port: 5000 })
  assert.equal(config.plainHttp, 'everywhere')
  assert.equal(config.keep.untaggedMs, Infinity)
  assert.equal(config.uploadExpiryHours, 168)
  assert.equal(config.registry2?.deletes, false)
  assert.deepEqual(config.registry2.manifestUrls, { allow: ['^$'], deny: [] })
  assert.deepEqual({ ...config.registry2.headers }, { 'x-content-type-options': ['nosniff'] })
  assert.equal(config.metricsListen, undefined)
  assert.deepEqual(found.warnings, [])
  assert.equal(found.sources['listen'], "http.addr in registry:2's default")
  assert.equal(found.sources['keep.untagged'], 'carrel registry serve')
})

test('the image of registry:3 deletes, and serves metrics at 5001', async () => {
  const config = fine(asImage(wellKnownFiles[1]))
  assert.equal(config.registry2?.deletes, true)
  assert.deepEqual(config.metricsListen, { host: '', port: 5001 })
  assert.equal(config.log.level, 'debug')
})

test("settings of Carrel's own go before variables of registry:2, and these before the file", async (t) => {
  const file = `${filesystem}${withAuth}http: {addr: ':1', draintimeout: 90s}\nlog: {level: warn}\n`
  const env = {
    REGISTRY_HTTP_ADDR: ':2',
    REGISTRY_LOG_LEVEL: 'error',
    CARREL_LISTEN: ':3',
    CARREL_KEEP_UNTAGGED: '30d',
  }
  const found = await serve(t, file, env)
  const config = fine(found)
  assert.equal(config.listen.port, 3)
  assert.equal(found.sources['listen'], 'CARREL_LISTEN')
  assert.equal(config.log.level, 'error')
  assert.equal(found.sources['log.level'], 'REGISTRY_LOG_LEVEL')
  assert.equal(config.drainSeconds, 90)
  assert.match(found.sources['drainSeconds'] ?? '', /^http\.draintimeout in \/.*config\.yml$/)
  assert.equal(config.keep.untaggedMs, 30 * 86_400_000)
})

test('variables alone set what they name, and leave all else as Carrel has it', async () => {
  const found = await read({
    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/data',
    REGISTRY_AUTH: 'htpasswd',
    REGISTRY_AUTH_HTPASSWD_REALM: 'Registry Realm',
    REGISTRY_AUTH_HTPASSWD_PATH: 'auth/htpasswd',
    REGISTRY_HTTP_SECRET: 'asecret',
    'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin': "['*']",
  })
  const config = fine(found)
  assert.equal(config.dataDir, '/data')
  assert.equal(config.htpasswdFile, '/nowhere/auth/htpasswd')
  assert.equal(config.registry2?.htpasswdAsRegistry2, true)
  assert.deepEqual(config.listen, { host: '127.0.0.1', port: 5443 })
  assert.equal(config.plainHttp, 'loopback')
  assert.equal(config.registry2.deletes, true)
  assert.equal(config.registry2.manifestUrls, undefined)
  assert.deepEqual({ ...config.registry2.headers }, { 'access-control-allow-origin': ['*'] })
  assert.deepEqual(found.warnings, [])
})

test('everything that has a place of its own reaches it', async (t) => {
  const found = await serve(
    t,
    `${filesystem.replace('{filesystem', '{maintenance: {readonly: {enabled: true}, uploadpurging: {enabled: true, age: 36h, interval: 24h, dryrun: false}}, delete: {enabled: true}, filesystem')}
log: {formatter: logstash, fields: {service: registry, n: 1}}
http:
  host: https://registry.example.com/x/
  prefix: /registry
  draintimeout: 1m30.5s
  headers: {Strict-Transport-Security: [max-age=1]}
  debug: {addr: localhost:5001}
  tls:
    certificate: /c.pem
    key: k.pem
    minimumtls: tls1.3
    ciphersuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
    clientcas: [/ca.pem]
catalog: {maxentries: 7}
tags: {maxtags: 5}
validation: {manifests: {urls: {allow: ['^https://a/'], deny: ['x$']}}}
auth: {token: {realm: 'https://a/token', service: s, issuer: i, jwks: jwks.json, signingalgorithms: [ES256]}}
notifications:
  events: {includereferences: true}
  endpoints:
    - {name: one, url: 'http://one/', headers: {Authorization: [Bearer x]}, timeout: 500ms, threshold: 3, backoff: 2s, ignoredmediatypes: [a/b], ignore: {actions: [pull]}}
    - {name: two, url: 'http://two/', disabled: true}
proxy: {remoteurl: 'https://registry-1.docker.io', username: u, password: p}
`,
  )
  const config = fine(found)
  assert.equal(config.readOnly, true)
  assert.equal(config.uploadExpiryHours, 36)
  assert.equal(config.publicUrl?.origin, 'https://registry.example.com')
  assert.equal(config.drainSeconds, 91)
  assert.deepEqual(config.metricsListen, { host: 'localhost', port: 5001 })
  assert.deepEqual(config.tls, {
    mode: 'files',
    certificateFile: '/c.pem',
    keyFile: '/nowhere/k.pem',
  })
  assert.equal(config.plainHttp, 'loopback')
  assert.equal(config.log.format, 'json')
  assert.deepEqual(found.warnings.length, 1, found.warnings.join())
  assert.match(found.warnings.join(), /^proxy\.remoteurl in .*: not served yet/)
  const { notifications, proxy, headers, logFields, ...rest } = config.registry2 ?? {}
  assert.deepEqual({ ...logFields }, { service: 'registry', n: 1 })
  assert.deepEqual({ ...headers }, { 'strict-transport-security': ['max-age=1'] })
  assert.deepEqual(rest, {
    pathPrefix: '/registry/',
    deletes: true,
    catalogMaxEntries: 7,
    maxTags: 5,
    manifestUrls: { allow: ['^https://a/'], deny: ['x$'] },
    tls: {
      minVersion: 'TLSv1.3',
      ciphers: 'ECDHE-RSA-AES128-GCM-SHA256',
      clients: { authorityFiles: ['/ca.pem'], ask: 'require-and-verify' },
    },
    htpasswdAsRegistry2: false,
    tokenAuth: {
      realm: 'https://a/token',
      service: 's',
      issuer: 'i',
      jwksFile: '/nowhere/jwks.json',
      autoRedirect: false,
      autoRedirectPath: '/auth/token',
      signingAlgorithms: ['ES256'],
    },
  })
  const [endpoint, ...others] = notifications?.endpoints ?? []
  assert.deepEqual(others, [])
  assert.equal(notifications?.includeReferences, true)
  assert.deepEqual(
    { ...endpoint, url: endpoint?.url.href, headers: endpoint?.headers.map(({ name }) => name) },
    {
      name: 'one',
      url: 'http://one/',
      headers: ['Authorization'],
      timeoutMs: 500,
      threshold: 3,
      backoffMs: 2000,
      ignoredMediaTypes: ['a/b'],
      ignoredActions: ['pull'],
    },
  )
  assert.equal(proxy?.ttlMs, 168 * 3_600_000)
  assert.equal(proxy.password?.reveal(), 'p')
  assert.doesNotMatch(JSON.stringify(found.sources) + JSON.stringify(config), /Bearer x|"p"/)
})

test('another storage driver stops the start, but where CARREL_DATA says what is wanted', async () => {
  const env = { REGISTRY_STORAGE: 's3', REGISTRY_STORAGE_S3_BUCKET: 'b' }
  const { problems } = await read(env)
  assert.match(problems.join(), /the driver s3 .*docker\/registry\/v2.*CARREL_DATA/)
  const found = await read({ ...env, CARREL_DATA: '/data' })
  fine(found)
  assert.match(found.warnings.join(), /^REGISTRY_STORAGE: ignored, as CARREL_DATA/)
})

test('a file without auth serves once somebody has said what is wanted', async (t) => {
  for (const [env, open] of [
    [{ CARREL_OPEN: 'everyone' }, 'everyone'],
    [{ CARREL_OPEN: 'false' }, false],
    [{ CARREL_ADMIN_PASSWORD_FILE: '/p' }, false],
  ] as const) {
    assert.equal(fine(await serve(t, filesystem, env)).open, open)
  }
})

test('what does nothing here is told in one line each', async (t) => {
  const found = await serve(
    t,
    `${filesystem}${withAuth}
redis: {addr: 'redis:6379'}
middleware: {storage: [{name: cloudfront}]}
log: {hooks: [{type: mail}]}
health: {file: [{file: /x}], storagedriver: {enabled: true}}
policy: {repository: {classes: [image]}}
reporting: {newrelic: {licensekey: x}}
validation: {manifests: {indexes: {platforms: none}}}
`,
    {
      REGISTRY_PORT: 'tcp://10.0.0.1:5000',
      REGISTRY_SERVICE_HOST: 'x',
      REGISTRY_CONFIGURATION_PATH: 'x',
    },
  )
  fine(found)
  const names = ['log.hooks', 'middleware', 'redis', 'health.file', 'policy', 'reporting']
  for (const name of [...names, 'validation.manifests.indexes.platforms']) {
    const lines = found.warnings.filter((line) => line.startsWith(`${name} in `))
    assert.equal(lines.length, 1, `${name}: ${found.warnings.join('\n')}`)
  }
  const unknown = 'REGISTRY_PORT, REGISTRY_SERVICE_HOST: no such setting of registry:2, so ignored'
  assert.ok(found.warnings.includes(unknown), found.warnings.join('\n'))
  assert.equal(found.warnings.length, names.length + 2)
})

test('the file is the one that is named, that of the variable, that of an image, or what stands for it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'registry2-'))
  t.after(async () => rm(folder, { recursive: true }))
  const [two, three] = wellKnownFiles
  const places = [
    { ...two, path: join(folder, 'two.yml') },
    { ...three, path: join(folder, 'three.yml') },
  ] as const
  const search = async (named?: string, env: Environment = {}) => {
    const { content, given, problem } = await findRegistry2File(named, { env, cwd: folder, places })
    return [content?.name, given, problem]
  }
  assert.deepEqual(await search(), [two.name, false, undefined])
  assert.deepEqual(await search('three.yml'), [three.name, false, undefined])
  assert.deepEqual(await search('four.yml'), [undefined, true, '"four.yml": there is no such file'])
  await writeFile(join(folder, 'three.yml'), 'version: 0.1')
  assert.deepEqual(await search(), [join(folder, 'three.yml'), true, undefined])
  await writeFile(join(folder, 'four.yml'), 'version: 0.1')
  const env = { REGISTRY_CONFIGURATION_PATH: 'four.yml' }
  assert.deepEqual(await search(undefined, env), [join(folder, 'four.yml'), true, undefined])
  assert.deepEqual(await search('three.yml', env), [join(folder, 'three.yml'), true, undefined])
})

test('every key has a fate, and the documentation has every key', async () => {
  const page = await readFile(
    new URL('../../../docs/registry2-configuration.md', import.meta.url),
    'utf8',
  )
  const fates = Object.keys(keys)
  for (const key of fates) assert.ok(page.includes(`\`${key}\``), `the page lacks ${key}`)
  for (const leaf of leavesOf(schema, '')) {
    const isKnown = fates.some((key) => leaf === key || leaf.startsWith(`${key}.`))
    assert.ok(isKnown, `${leaf} has no fate`)
  }
})

function leavesOf(shape: Shape, path: string): readonly string[] {
  if (shape.kind !== 'struct') return [path]
  return Object.entries(shape.fields).flatMap(([key, field]) =>
    leavesOf(field.shape, path === '' ? key : `${path}.${key}`),
  )
}
