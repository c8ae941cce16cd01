import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'

import { parseConfig } from './config.ts'
import type { Config } from './config.ts'
import { explainConfig } from './explain.ts'
import type { ConfigFlags, Environment } from './raw.ts'
import { readConfig } from './read.ts'
import { settings } from './settings.ts'

const dayMs = 86_400_000

async function parse(env: Environment, flags: ConfigFlags = {}, cwd = '/nowhere') {
  return parseConfig(await readConfig({ env, flags, cwd }))
}

async function configOf(env: Environment, flags: ConfigFlags = {}, cwd?: string): Promise<Config> {
  const { config, problems } = await parse(env, flags, cwd)
  assert.deepEqual(problems, undefined)
  assert.ok(config)
  return config
}

async function problemsOf(env: Environment, flags: ConfigFlags = {}, cwd?: string) {
  return (await parse(env, flags, cwd)).problems ?? []
}

async function folder(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'config-'))
  t.after(() => rm(path, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(path, name, '..'), { recursive: true })
    await writeFile(join(path, name), text)
  }
  return path
}

test('without any setting the server is private: this machine only, login, TLS of its own', async () => {
  assert.deepEqual(await configOf({}), {
    dataDir: '/nowhere/data',
    listen: { host: '127.0.0.1', port: 5443 },
    open: false,
    plainHttp: 'loopback',
    trustedProxies: [],
    auditPulls: false,
    outboundAllow: [],
    workers: 'auto',
    tls: { mode: 'own-authority', extraNames: [] },
    metadata: { dialect: 'sqlite' },
    keep: {
      deletedMs: 14 * dayMs,
      untaggedMs: 14 * dayMs,
      unreferencedMs: dayMs,
      trashMs: dayMs,
    },
    scrubEveryMs: 28 * dayMs,
    diskReserveBytes: 256 * 1024 * 1024,
    readOnly: false,
    backup: { everyMs: dayMs, keep: 14, drillEveryMs: 7 * dayMs },
    uploadExpiryHours: 24,
    drainSeconds: 60,
    tokenLifetimeMinutes: 15,
    maxManifestBytes: 4_194_304,
    log: { level: 'info', format: 'auto' },
  })
})

test('every variable reaches its place in the tree', async () => {
  const config = await configOf({
    CARREL_DATA: '/srv/carrel',
    CARREL_LISTEN: ':5000',
    CARREL_PUBLIC_URL: 'https://registry.example.com/',
    CARREL_OPEN: 'no',
    CARREL_PLAIN_HTTP: 'everywhere',
    CARREL_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,192.168.1.1',
    CARREL_WORKERS: '3',
    CARREL_TLS_CERT: 'chain.pem',
    CARREL_TLS_KEY: '/etc/key.pem',
    CARREL_METADATA_URL: 'postgres://u:p@db/carrel',
    CARREL_HTPASSWD: 'auth/htpasswd',
    CARREL_ADMIN_PASSWORD_FILE: '/run/secrets/admin',
    CARREL_UPLOAD_EXPIRY_HOURS: '48',
    CARREL_KEEP_DELETED: '2w',
    CARREL_KEEP_UNTAGGED: 'forever',
    CARREL_KEEP_UNREFERENCED: '2s',
    CARREL_KEEP_TRASH: '90m',
    CARREL_SCRUB_EVERY: 'never',
    CARREL_DISK_RESERVE: '1GiB',
    CARREL_READ_ONLY: 'on',
    CARREL_BACKUP_TO: '/backup',
    CARREL_BACKUP_EVERY: '6h',
    CARREL_BACKUP_KEEP: '3',
    CARREL_BACKUP_KEY_FILE: 'backup.key',
    CARREL_BACKUP_DRILL_EVERY: '30d',
    CARREL_METRICS_LISTEN: '127.0.0.1:5001',
    CARREL_DRAIN_SECONDS: '0',
    CARREL_TOKEN_LIFETIME_MINUTES: '5',
    CARREL_LOG_LEVEL: 'debug',
    CARREL_LOG_FORMAT: 'json',
  })
  assert.ok(config.metadata.dialect === 'postgres')
  assert.equal(config.metadata.url.reveal(), 'postgres://u:p@db/carrel')
  assert.equal(config.publicUrl?.href, 'https://registry.example.com/')
  const { metadata: _metadata, publicUrl: _publicUrl, ...rest } = config
  assert.deepEqual(rest, {
    dataDir: '/srv/carrel',
    listen: { host: '', port: 5000 },
    open: false,
    plainHttp: 'everywhere',
    auditPulls: false,
    outboundAllow: [],
    trustedProxies: [
      { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
      { address: 'fd00::', prefix: 8, family: 'ipv6' },
      { address: '192.168.1.1', prefix: 32, family: 'ipv4' },
    ],
    workers: 3,
    tls: { mode: 'files', certificateFile: '/nowhere/chain.pem', keyFile: '/etc/key.pem' },
    htpasswdFile: '/nowhere/auth/htpasswd',
    adminPasswordFile: '/run/secrets/admin',
    keep: {
      deletedMs: 14 * dayMs,
      untaggedMs: Infinity,
      unreferencedMs: 2000,
      trashMs: 5_400_000,
    },
    scrubEveryMs: Infinity,
    diskReserveBytes: 1024 ** 3,
    readOnly: true,
    backup: {
      to: '/backup',
      everyMs: dayMs / 4,
      keep: 3,
      keyFile: '/nowhere/backup.key',
      drillEveryMs: 30 * dayMs,
    },
    metricsListen: { host: '127.0.0.1', port: 5001 },
    uploadExpiryHours: 48,
    drainSeconds: 0,
    tokenLifetimeMinutes: 5,
    maxManifestBytes: 4_194_304,
    log: { level: 'debug', format: 'json' },
  })
})

test('a flag beats the environment, the environment beats carrel.yaml, an empty variable is none', async (t) => {
  const cwd = await folder(t, {
    'data/carrel.yaml': 'listen: 127.0.0.1:1\nworkers: 2\ndrainSeconds: 7\nopen: true\n',
  })
  const env = { CARREL_LISTEN: '127.0.0.1:2', CARREL_WORKERS: '4', CARREL_DRAIN_SECONDS: '' }
  const config = await configOf(env, { listen: '127.0.0.1:3' }, cwd)
  assert.equal(config.listen.port, 3)
  assert.equal(config.workers, 4)
  assert.equal(config.drainSeconds, 7)
  assert.equal(config.open, 'local')
})

test('carrel.yaml is looked for in the data folder that was chosen, and its paths start where it lies', async (t) => {
  const cwd = await folder(t, {
    'elsewhere/carrel.yaml': 'htpasswd: users\ntls: { certificate: c.pem, key: /k.pem }\n',
    'elsewhere/other.yaml': '{ "data": "store", "trustedProxies": ["10.0.0.1"] }',
  })
  const config = await configOf({ CARREL_DATA: 'elsewhere' }, {}, cwd)
  assert.equal(config.htpasswdFile, join(cwd, 'elsewhere/users'))
  assert.deepEqual(config.tls, {
    mode: 'files',
    certificateFile: join(cwd, 'elsewhere/c.pem'),
    keyFile: '/k.pem',
  })
  const other = await configOf({ CARREL_CONFIG: 'elsewhere/other.yaml' }, {}, cwd)
  assert.equal(other.dataDir, join(cwd, 'elsewhere/store'))
  assert.equal(other.trustedProxies.length, 1)
})

test('all problems are reported at once, each with the name that the person used and the value', async (t) => {
  const cwd = await folder(t, { 'c.yaml': 'workers: many\nlog: { level: loud }\n' })
  const problems = await problemsOf(
    { CARREL_LISTEN: 'foo', CARREL_OPEN: 'perhaps', CARREL_CONFIG: 'c.yaml' },
    { publicUrl: 'registry.example.com' },
    cwd,
  )
  const file = join(cwd, 'c.yaml')
  assert.deepEqual(problems.toSorted(), [
    '--public-url "registry.example.com": must be a URL, such as https://registry.example.com',
    'CARREL_LISTEN "foo": a port is missing; write HOST:PORT, such as 127.0.0.1:5443',
    'CARREL_OPEN "perhaps": must be true or false',
    `log.level in ${file} "loud": must be debug, info, warn or error`,
    `workers in ${file} "many": must be auto, or a whole number from 1 to 256`,
  ])
})

const contradictions: readonly (readonly [string, Environment, RegExp])[] = [
  ['a certificate without its key', { CARREL_TLS_CERT: 'c' }, /CARREL_TLS_CERT .*CARREL_TLS_KEY/],
  ['a key without its certificate', { CARREL_TLS_KEY: 'k' }, /CARREL_TLS_KEY .*CARREL_TLS_CERT/],
  [
    'names for a certificate that is not made here',
    { CARREL_TLS_CERT: 'c', CARREL_TLS_KEY: 'k', CARREL_TLS_NAMES: 'a.example.com' },
    /CARREL_TLS_NAMES.*CARREL_TLS_CERT/,
  ],
  ['no login and a list of logins', { CARREL_OPEN: '1', CARREL_HTPASSWD: 'h' }, /CARREL_HTPASSWD/],
]

for (const [what, env, message] of contradictions) {
  test(`${what} is refused with both names`, async () => {
    const problems = await problemsOf(env)
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', message)
  })
}

const badValues: readonly (readonly [string, string])[] = [
  ['CARREL_TRUSTED_PROXIES', '10.0.0.0/33'],
  ['CARREL_TRUSTED_PROXIES', 'proxy.example.com'],
  ['CARREL_WORKERS', '0'],
  ['CARREL_WORKERS', '1.5'],
  ['CARREL_DRAIN_SECONDS', '-1'],
  ['CARREL_PUBLIC_URL', 'https://example.com/registry'],
  ['CARREL_PUBLIC_URL', 'https://u:p@example.com'],
  ['CARREL_PUBLIC_URL', 'ftp://example.com'],
  ['CARREL_TLS_NAMES', 'two words!'],
  ['CARREL_PLAIN_HTTP', 'nowhere'],
]

for (const [name, value] of badValues) {
  test(`${name}=${value} is refused`, async () => {
    const problems = await problemsOf({ [name]: value })
    assert.equal(problems.length, 1)
    assert.ok(problems[0]?.startsWith(`${name} ${JSON.stringify(value)}: `), problems[0])
  })
}

test('a secret may come from a file, and never stands in a problem', async (t) => {
  const cwd = await folder(t, {
    url: 'postgres://u:hunter2@db/carrel\n',
    'c.yaml': 'metadata: { urlFile: url }\n',
  })
  for (const env of [{ CARREL_METADATA_URL_FILE: 'url' }, { CARREL_CONFIG: 'c.yaml' }]) {
    const { metadata } = await configOf(env, {}, cwd)
    assert.ok(metadata.dialect === 'postgres')
    assert.equal(metadata.url.reveal(), 'postgres://u:hunter2@db/carrel')
  }
  const wrong = await problemsOf({ CARREL_METADATA_URL: 'mysql://u:hunter2@db' }, {}, cwd)
  assert.equal(wrong.length, 1)
  assert.match(wrong[0] ?? '', /^CARREL_METADATA_URL: must start with postgres:/)
  const both = { CARREL_METADATA_URL: 'postgres://u:hunter2@db', CARREL_METADATA_URL_FILE: 'url' }
  assert.match((await problemsOf(both, {}, cwd))[0] ?? '', /both set/)
  const missing = await problemsOf({ CARREL_METADATA_URL_FILE: 'nothing' }, {}, cwd)
  assert.match(missing[0] ?? '', /CARREL_METADATA_URL_FILE "nothing": cannot be read \(ENOENT\)/)
  const raw = await readConfig({ env: { CARREL_METADATA_URL: 'postgres://u:hunter2@db' }, cwd })
  assert.ok(!inspect(raw, { depth: 9 }).includes('hunter2'))
})

test('a file of settings that was named and is not there, or is broken, is a problem', async (t) => {
  const cwd = await folder(t, { 'bad.yaml': 'listen: [\n', 'list.yaml': '- a\n', 'empty.yaml': '' })
  assert.match(
    (await problemsOf({}, { config: 'no.yaml' }, cwd))[0] ?? '',
    /^--config .*no such file/,
  )
  const named = await problemsOf({ CARREL_CONFIG: 'no.yaml' }, {}, cwd)
  assert.match(named[0] ?? '', /^CARREL_CONFIG /)
  assert.match((await problemsOf({}, { config: 'bad.yaml' }, cwd))[0] ?? '', /bad\.yaml: .*line 2/)
  assert.match((await problemsOf({}, { config: 'list.yaml' }, cwd))[0] ?? '', /must hold settings/)
  assert.deepEqual(await problemsOf({}, { config: 'empty.yaml' }, cwd), [])
})

test('names that mean nothing are said once, with what was probably meant', async (t) => {
  const cwd = await folder(t, { 'data/carrel.yaml': 'lisen: x\ntls: { kee: y }\n' })
  const env = { CARREL_LISTN: 'x', CARREL_ZZZZZZ: 'y', CARREL_PROGRAM: './carrel', OTHER: 'z' }
  const { warnings } = await readConfig({ env, cwd })
  assert.equal(warnings.length, 2)
  assert.equal(
    warnings[0],
    'CARREL_LISTN (did you mean CARREL_LISTEN?), CARREL_ZZZZZZ: no such setting, so ignored',
  )
  assert.match(
    warnings[1] ?? '',
    /lisen \(did you mean listen\?\), tls\.kee \(did you mean tls\.key/,
  )
})

test('every setting is explained with its value and who set it, and secrets stay secret', async () => {
  const env = {
    CARREL_METADATA_URL: 'postgres://u:hunter2@db/x',
    CARREL_TRUSTED_PROXIES: '10.0.0.1',
  }
  const raw = await readConfig({ env, cwd: '/nowhere', flags: { listen: '[::1]:5443' } })
  const { config } = parseConfig(raw)
  assert.ok(config)
  const explained = explainConfig(raw, config)
  assert.deepEqual(
    explained.map(({ key }) => key),
    settings.map(({ key }) => key),
  )
  const byKey = new Map(explained.map((each) => [each.key, each]))
  assert.equal(byKey.get('listen')?.value, '[::1]:5443')
  assert.equal(byKey.get('listen')?.source, '--listen')
  assert.equal(byKey.get('metadata.url')?.value, '[secret]')
  assert.equal(byKey.get('metadata.url')?.source, 'CARREL_METADATA_URL')
  assert.equal(byKey.get('trustedProxies')?.value, '10.0.0.1/32')
  assert.equal(byKey.get('workers')?.source, 'default')
})
