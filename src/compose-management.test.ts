// The management API beside the data, as it is composed for commands.
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { suite, test, type TestContext } from 'node:test'
import { ensureEvidenceKey } from './access/evidence-key.ts'
import { anchorHead } from './audit/anchor.ts'
import { headsFileName } from './audit/anchored-heads.ts'
import { sealAudit } from './audit/seal.ts'
import { openInstallationData } from './compose-installation.ts'
import { openApi } from './compose-management.ts'
import { databaseFile } from './compose-stores.ts'
import { parseConfig, type Config } from './config/config.ts'
import { ApiError, createApiClient, type ApiClient } from './contract/client.ts'

const look = { create: false }
const make = { create: true }

suite('the management API beside the data', () => {
  test('is not there without an installation, unless one is to be made', async (t) => {
    const config = await aConfig(t)
    await assert.rejects(openApi(config, look), { name: 'InstallationError', kind: 'not-found' })
    await assert.rejects(stat(config.dataDir), { code: 'ENOENT' })
    await withApi(config, make, async (api) => api.call('repositories.create', { name: 'a' }))
    assert.equal((await stat(config.dataDir)).mode & 0o777, 0o700)
    await withApi(config, look, async (api) => {
      const { items } = await api.call('repositories.list', {})
      assert.deepEqual(
        items.map(({ name }) => name),
        ['a'],
      )
    })
  })

  test('of several commands that make an installation at once, all succeed', async (t) => {
    const config = await aConfig(t)
    const create = async (name: string) =>
      withApi(config, make, async (api) => api.call('repositories.create', { name }))
    await Promise.all([create('a'), create('b'), create('c')])
    const { items } = await withApi(config, look, async (api) => api.call('repositories.list', {}))
    assert.deepEqual(
      items.map(({ name }) => name),
      ['a', 'b', 'c'],
    )
  })

  test('refuses as it does on the network', async (t) => {
    await withApi(await aConfig(t), make, async (api) => {
      const refused = async (work: Promise<unknown>) =>
        work.then(
          () => assert.fail('it was done'),
          (error: unknown) => (error instanceof ApiError ? error.problem.type : error),
        )
      const weak = api.call('users.create', { name: 'ann', password: 'short' })
      assert.equal(await refused(weak), '/problems/policy')
      assert.equal(
        await refused(api.call('repositories.create', { name: 'No' })),
        '/problems/invalid-input',
      )
      assert.equal(
        await refused(api.call('repositories.show', { name: 'none' })),
        '/problems/not-found',
      )
    })
  })

  test('tells what is wrong with the database, and not the number of a request', async (t) => {
    const config = await aConfig(t)
    await withApi(config, make, async (api) => {
      using database = new DatabaseSync(join(config.dataDir, databaseFile))
      database.exec('ALTER TABLE repositories RENAME TO elsewhere')
      const lost = api.call('repositories.list', {})
      await assert.rejects(lost, (error) => error instanceof Error && !(error instanceof ApiError))
      await assert.rejects(lost, /repositories/)
    })
  })

  test('compares the audit log with its heads that were kept outside of the database', async (t) => {
    const config = await aConfig(t)
    await withApi(config, make, async (api) => {
      await api.call('repositories.create', { name: 'a' })
      assert.equal((await api.call('audit.verify', {})).heads, 0)
      await using metadata = await openInstallationData(config, look)
      await sealAudit(metadata)
      const key = await ensureEvidenceKey(metadata)
      const sign = (bytes: Uint8Array) => key.sign(bytes)
      const head = await anchorHead({ metadata, folder: config.dataDir, sign })
      const good = await api.call('audit.verify', {})
      assert.deepEqual([good.ok, good.heads, good.signaturesChecked], [true, 1, true])
      const forged = { ...head, hash: 'f'.repeat(64) }
      await appendFile(join(config.dataDir, headsFileName), `${JSON.stringify(forged)}\n`)
      const bad = await api.call('audit.verify', {})
      assert.deepEqual(
        [bad.ok, bad.heads, bad.problems.map(({ kind }) => kind)],
        [false, 2, ['anchor']],
      )
    })
  })
})

async function withApi<T>(
  config: Config,
  options: { readonly create: boolean },
  work: (api: ApiClient) => Promise<T>,
): Promise<T> {
  const connection = await openApi(config, options)
  try {
    return await work(createApiClient(connection.transport))
  } finally {
    await connection.close()
  }
}

/** Of a folder that is not there yet. */
async function aConfig(t: TestContext): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-compose-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  const value = { value: join(folder, 'data'), name: 'test', source: 'flag', base: '/' } as const
  const { config, problems } = parseConfig({
    values: { data: value },
    warnings: [],
    problems: [],
    cwd: '/',
  })
  if (config === undefined) throw new Error(problems?.join('\n'))
  return config
}
