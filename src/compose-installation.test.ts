// Commands as they are composed: on a folder without a server, beside one, and where nothing can be opened.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { startRegistry, type StartedRegistry } from '../test/support/start-registry.ts'
import type { Check } from './cli/composition.ts'
import { doctor, openInstallation, openInstallationData } from './compose-installation.ts'
import { openApi } from './compose-management.ts'
import { parseConfig, type Config } from './config/config.ts'
import { Secret } from './config/secret.ts'
import { createApiClient } from './contract/client.ts'
import { readSigningKeys } from './installation/signing-keys.ts'
import { digestOf } from './oci/digest.ts'

const goodPassword = 'seven-red-lanterns'
const look = { create: false }
const make = { create: true }
const wholly = { deep: true, repair: false }

suite('an installation without a server', () => {
  test('is not found where there is none, and nothing is made by looking', async (t) => {
    const config = await aConfig(t)
    await assert.rejects(openInstallation(config, look), {
      name: 'InstallationError',
      kind: 'not-found',
      message: `there is no installation in ${config.dataDir}`,
    })
    await assert.rejects(stat(config.dataDir), { code: 'ENOENT' })
  })

  test('is made when that is asked for, for its owner alone', async (t) => {
    const config = await aConfig(t)
    {
      await using installation = await openInstallation(config, make)
      assert.equal((await installation.resetAdminPassword(goodPassword)).name, 'admin')
    }
    assert.equal((await stat(config.dataDir)).mode & 0o777, 0o700)
    await using again = await openInstallation(config, look)
    assert.equal((await again.fsck(() => undefined, wholly)).ok, true)
  })

  test('refuses in the words of the command line', async (t) => {
    await using installation = await openInstallation(await aConfig(t), make)
    await assert.rejects(installation.resetAdminPassword('short'), {
      name: 'InstallationError',
      kind: 'policy',
      message: 'this password is not accepted',
    })
  })

  test('gets another key to sign tokens with, and forgets the one before', async (t) => {
    const config = await aConfig(t)
    await using installation = await openInstallation(config, make)
    const first = await installation.replaceSigningKeys()
    const second = await installation.replaceSigningKeys()
    assert.notEqual(first.kid, second.kid)
    await using metadata = await openInstallationData(config, look)
    const kids = (await readSigningKeys(metadata)).map(({ kid }) => kid)
    assert.deepEqual(kids, [second.kid])
  })

  test('takes users over from an htpasswd file', async (t) => {
    await using installation = await openInstallation(await aConfig(t), make)
    const { users, imported } = await installation.importHtpasswd(
      'ann:$2y$05$abcdefghijklmnopqrstuuD8EH7jVjG1Yv5Vv0p3Yk3l3D8u4Vf2e\n',
      { dryRun: true },
    )
    assert.deepEqual([users.map(({ name }) => name), imported], [['ann'], false])
  })

  test('with a damaged database says so, and what to run', async (t) => {
    const config = await aConfig(t)
    await using _ = await openInstallation(config, make)
    const other = { ...config, dataDir: join(config.dataDir, 'other') }
    await (await openInstallation(other, make))[Symbol.asyncDispose]()
    await writeFile(join(other.dataDir, 'carrel.db'), randomBytes(8192))
    await assert.rejects(openInstallation(other, look), {
      name: 'InstallationError',
      kind: 'unavailable',
      fix: `carrel doctor --data ${other.dataDir}`,
    })
    const database = (await checksOf(other)).find(({ name }) => name === 'database')
    assert.equal(database?.status, 'problem')
  })

  test('on a PostgreSQL that does not answer is out of reach, and doctor goes on', async (t) => {
    const url = new Secret('postgres://nobody:secret-word@127.0.0.1:9/none')
    const config: Config = { ...(await aConfig(t)), metadata: { dialect: 'postgres', url } }
    const error = await openInstallation(config, look).catch((thrown: unknown) => thrown)
    assert.equal((error as { kind?: string }).kind, 'unavailable')
    const checks = await checksOf(config)
    assert.equal(checks.find(({ name }) => name === 'database')?.status, 'problem')
    assert.ok(checks.some(({ name }) => name === 'certificate'))
    assert.equal(JSON.stringify([checks, String(error)]).includes('secret-word'), false)
  })
})

suite('doctor', () => {
  test('finds no problem where nothing was started yet, and makes nothing', async (t) => {
    const config = await aConfig(t)
    const checks = await checksOf(config)
    assert.deepEqual(
      checks.filter(({ status }) => status === 'problem'),
      [],
    )
    await assert.rejects(stat(config.dataDir), { code: 'ENOENT' })
  })

  test('gives a line to run for everything that is not well', async (t) => {
    const config: Config = {
      ...(await aConfig(t)),
      open: 'local',
      plainHttp: 'everywhere',
      htpasswdFile: '/nowhere/htpasswd',
      adminPasswordFile: '/nowhere/password',
      tls: { mode: 'files', certificateFile: '/nowhere/cert', keyFile: '/nowhere/key' },
    }
    const wrong = (await checksOf(config)).filter(({ status }) => status !== 'ok')
    const names = wrong.map(({ name }) => name)
    for (const name of [
      'authentication',
      'plain HTTP',
      'htpasswd',
      'password file',
      'certificate',
    ]) {
      assert.ok(names.includes(name), name)
    }
    for (const { fix, message } of wrong) assert.ok(fix && message.endsWith('.'), message)
  })

  test('finds that nobody can sign in, and leaves nothing behind', async (t) => {
    const config = await aConfig(t)
    await (await openInstallation(config, make))[Symbol.asyncDispose]()
    const before = await checksOf(config)
    assert.deepEqual(
      before.filter(({ status }) => status === 'problem').map(({ name }) => name),
      ['administrator'],
    )
    assert.deepEqual(
      (await readdir(config.dataDir)).filter((name) => name.startsWith('.doctor')),
      [],
    )
  })
})

suite('commands beside a running server', () => {
  test('see what is pushed, change what it serves, and find nothing wrong', async () => {
    await using registry = await startRegistry({ postgres: false })
    const config = configOf(registry.dataDir, registry.host)
    await using installation = await openInstallation(config, look)
    const connection = await openApi(config, look)
    const api = createApiClient(connection.transport)
    const reference = await push(registry)

    const { items: users } = await api.call('users.list', {})
    assert.deepEqual(
      users.map(({ name }) => name),
      ['admin'],
    )
    const name = 'admin/app'
    const [tag] = (await api.call('tags.list', { repository: name })).items
    assert.equal(tag?.digest, reference)
    assert.equal(tag.updatedBy, 'admin')
    const { bytes, tags, pushedAt } = await api.call('repositories.show', { name })
    assert.ok(bytes > 50_000 && tags === 1 && pushedAt !== undefined)
    const report = await installation.fsck(() => undefined, wholly)
    assert.deepEqual([report.ok, report.tags, report.blobs, report.notes], [true, 1, 2, []])

    const anonymous = async () => fetch(`${registry.url}/v2/admin/app/manifests/1.0`)
    assert.notEqual((await anonymous()).status, 200)
    await api.call('users.create', { name: 'ann', password: goodPassword })
    await api.call('repositories.change', { name, visibility: 'internal' })
    const authorization = `Basic ${Buffer.from(`ann:${goodPassword}`).toString('base64')}`
    const asAnn = { headers: { authorization } }
    assert.equal((await fetch(`${registry.url}/v2/admin/app/manifests/1.0`, asAnn)).status, 200)
    await api.call('tags.remove', { repository: name, tag: '1.0' })
    assert.equal((await fetch(`${registry.url}/v2/admin/app/manifests/1.0`, asAnn)).status, 404)
    await connection.close()

    const checks = await checksOf(config)
    assert.deepEqual(
      checks.filter(({ status }) => status === 'problem'),
      [],
    )
    for (const one of ['port', 'server', 'certificate', 'storage', 'blobs', 'administrator']) {
      assert.equal(checks.find((check) => check.name === one)?.status, 'ok', one)
    }
    assert.deepEqual((await registry.stop()).code, 0)
  })
})

async function checksOf(config: Config): Promise<readonly Check[]> {
  const checks: Check[] = []
  for await (const check of doctor(config)) checks.push(check)
  return checks
}

/** Of a folder that is not there yet; a port that nobody else uses. */
async function aConfig(t: TestContext): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-compose-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return configOf(join(folder, 'data'), '127.0.0.1:0')
}

function configOf(dataDir: string, listen: string): Config {
  const value = (text: string) =>
    ({ value: text, name: 'test', source: 'flag', base: '/' }) as const
  const { config, problems } = parseConfig({
    values: { data: value(dataDir), listen: value(listen) },
    warnings: [],
    problems: [],
    cwd: '/',
  })
  if (config === undefined) throw new Error(problems?.join('\n'))
  return config
}

/** A small config and a layer that lies in the storage; returns the manifest's digest. */
async function push({ url, authorization }: StartedRegistry): Promise<string> {
  const base = `${url}/v2/admin/app`
  const blob = async (bytes: Buffer) => {
    const digest = digestOf(bytes)
    const headers = { authorization, 'content-type': 'application/octet-stream' }
    const query = `?digest=${encodeURIComponent(digest)}`
    const answer = await fetch(`${base}/blobs/uploads/${query}`, {
      method: 'POST',
      headers,
      body: bytes,
    })
    assert.equal(answer.status, 201)
    return { digest, size: bytes.length }
  }
  const config = await blob(Buffer.from('{"os":"linux"}'))
  const layer = await blob(randomBytes(50_000))
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
  })
  const headers = { authorization, 'content-type': mediaType }
  const answer = await fetch(`${base}/manifests/1.0`, { method: 'PUT', headers, body })
  assert.equal(answer.status, 201)
  return digestOf(Buffer.from(body))
}
