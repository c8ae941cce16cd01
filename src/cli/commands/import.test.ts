import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'

import { importDockerAuth } from '../../access/import-docker-auth.ts'
import { importHtpasswd } from '../../access/import-htpasswd.ts'
import { Refusal } from '../../access/refusal.ts'
import { anApi } from '../../http/api/test-support/api.ts'
import { findPrincipalByName } from '../../metadata/principals.ts'
import { InstallationError } from '../composition.ts'
import type { Composition } from '../composition.ts'
import { createWorld, runCli } from '../test-support.ts'
import type { RunOptions } from '../test-support.ts'
import type { Importer } from '../importer.ts'

/** Of the password "badmin". */
const hash = '$2y$05$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC'

async function anInstallation(t: TestContext) {
  const app = await anApi(t)
  const cwd = await mkdtemp(join(tmpdir(), 'carrel-import-'))
  t.after(async () => rm(cwd, { recursive: true, force: true }))
  const { composition } = createWorld()
  const deps = { metadata: app.metadata }
  const actor = { id: undefined, name: 'operator' }
  const importer: Importer = {
    importHtpasswd: async (text, options) =>
      explained(async () => importHtpasswd(deps, actor, text, options)),
    importDockerAuth: async (text, options) =>
      explained(async () => importDockerAuth(deps, actor, text, options)),
  }
  const importing: Composition = {
    ...composition,
    async openInstallation(config, options) {
      const installation = await composition.openInstallation(config, options)
      return { ...installation, ...importer }
    },
  }
  const run = async (line: string, options: RunOptions = {}) =>
    runCli(line.split(' '), importing, { cwd, ...options })
  const find = async (name: string) => findPrincipalByName(app.metadata, name)
  return { run, find, cwd, composition }
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { kind, message, why } = error
    throw new InstallationError(kind === 'changed' ? 'invalid' : kind, message, {
      ...(why !== undefined && { why }),
    })
  }
}

suite('carrel import htpasswd', () => {
  test('says what would happen, and then makes it so', async (t) => {
    const { run, find, cwd } = await anInstallation(t)
    await writeFile(join(cwd, 'htpasswd'), `eve:${hash}\nann:${hash}\nold:$apr1$x$y\n`)
    const dry = await run('import htpasswd htpasswd --dry-run')
    assert.equal(dry.code, 0)
    const rows = dry.stdout.split('\n').map((line) => line.split('\t').slice(0, 2).join(' '))
    assert.deepEqual(rows, ['eve added', 'ann exists', 'old refused', ''])
    assert.match(dry.stderr, /^1 user would be made; 1 were there, 1 refused/)
    assert.equal(await find('eve'), undefined)
    const done = await run('import htpasswd htpasswd --json')
    assert.equal(done.code, 0)
    assert.equal((JSON.parse(done.stdout) as { imported: boolean }).imported, true)
    assert.ok(!done.stdout.includes('$2y$'))
    assert.equal((await find('eve'))?.provider, 'local')
  })

  test('reads standard input, and names the line that is wrong', async (t) => {
    const { run, find } = await anInstallation(t)
    assert.equal((await run('import htpasswd -', { input: `eve:${hash}\n` })).code, 0)
    assert.ok((await find('eve')) !== undefined)
    const { code, stderr } = await run('import htpasswd -', { input: 'nonsense' })
    assert.equal(code, 1)
    assert.match(stderr, /no htpasswd file\n {2}why: line 1 is not user:hash/)
    assert.equal((await run('import htpasswd missing')).code, 1)
  })

  test('is not for a server on the network', async (t) => {
    const { run } = await anInstallation(t)
    assert.equal((await run('import htpasswd - --host https://registry.test')).code, 2)
  })
})

suite('carrel import docker-auth', () => {
  const text = `users: {eve: {password: "${hash}"}}
acl:
  - {match: {account: eve, name: "web/*"}, actions: [pull]}
  - {match: {ip: "10.0.0.0/8"}, actions: ["*"]}
`

  test('prints the plan, and imports nothing by halves unless told to', async (t) => {
    const { run, find, cwd } = await anInstallation(t)
    await writeFile(join(cwd, 'auth.yml'), text)
    const dry = await run('import docker-auth auth.yml --dry-run')
    assert.equal(dry.code, 0)
    assert.deepEqual(
      dry.stdout.split('\n').map((line) => line.split('\t').slice(0, 2).join(' ')),
      ['user eve added', 'acl 1 grants', 'acl 1 grant', 'acl 2 untranslatable', ''],
    )
    assert.match(dry.stdout, /\tuser:eve web\/\* pull\n/)
    assert.match(dry.stdout, /does not depend on ip/)
    const refused = await run('import docker-auth auth.yml')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /nothing was imported\n {2}why: 1 entry and 0 users/)
    assert.match(refused.stderr, /try: carrel import docker-auth auth.yml --skip-untranslatable/)
    assert.equal(await find('eve'), undefined)
    const done = await run('import docker-auth auth.yml --skip-untranslatable')
    assert.equal(done.code, 0)
    assert.match(done.stderr, /owns the namespace of their name[\s\S]*1 user were made|1 user/)
    assert.ok((await find('eve')) !== undefined)
  })

  test('a file that is none is told of', async (t) => {
    const { run } = await anInstallation(t)
    const { code, stderr } = await run('import docker-auth -', { input: 'a: 1' })
    assert.equal(code, 1)
    assert.match(stderr, /no configuration of docker_auth/)
  })
})
