import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { suite, test } from 'node:test'

import {
  eraseHostCredential,
  findToken,
  hostsFile,
  readHostCredential,
  storeHostCredential,
} from './host-credentials.ts'
import { aFolder } from './test-support/api-world.ts'

const origin = 'https://registry.example.com'

suite('credentials of hosts', () => {
  test('are stored for their owner alone, and erased', async (t) => {
    const home = await aFolder(t)
    const place = { env: { HOME: home }, cwd: home }
    assert.equal(await readHostCredential(place, origin), undefined)
    assert.equal(await eraseHostCredential(place, origin), false)
    const file = await storeHostCredential(place, origin, { user: 'ann', token: 'secret-1' })
    assert.equal(file, join(home, '.config', 'carrel', 'hosts.json'))
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.equal((await stat(dirname(file))).mode & 0o777, 0o700)
    await storeHostCredential(place, 'http://localhost:5443', { token: 'secret-2' })
    assert.deepEqual(await readHostCredential(place, origin), { user: 'ann', token: 'secret-1' })
    assert.equal(await eraseHostCredential(place, origin), true)
    assert.equal(await readHostCredential(place, origin), undefined)
    assert.equal(await findToken(place, 'http://localhost:5443'), 'secret-2')
    assert.deepEqual(await readdir(dirname(file)), ['hosts.json'])
  })

  test('lie where XDG says, when that is a whole path', () => {
    const file = (env: Readonly<Record<string, string>>) => hostsFile({ env, cwd: '/' })
    assert.equal(file({ XDG_CONFIG_HOME: '/x', HOME: '/h' }), '/x/carrel/hosts.json')
    assert.equal(file({ XDG_CONFIG_HOME: 'x', HOME: '/h' }), '/h/.config/carrel/hosts.json')
  })

  test('that others can read, or that are broken, are not used', async (t) => {
    const home = await aFolder(t)
    const place = { env: { HOME: home }, cwd: home }
    const file = await storeHostCredential(place, origin, { token: 'x' })
    await chmod(file, 0o644)
    await assert.rejects(readHostCredential(place, origin), /can be read by others/)
    await chmod(file, 0o600)
    for (const text of ['', '[', 'null', '"x"', '{"a":{}}', '{"a":{"token":5}}', '{"a":null}']) {
      await writeFile(file, text)
      await assert.rejects(readHostCredential(place, origin), /hosts\.json/, text)
      await assert.rejects(storeHostCredential(place, origin, { token: 'y' }), /hosts\.json/)
      assert.equal(await readFile(file, 'utf8'), text)
    }
  })

  test('come from the environment first', async (t) => {
    const home = await aFolder(t)
    await mkdir(join(home, 'run'))
    await writeFile(join(home, 'run', 'token'), 'from-file\n')
    const find = async (env: Readonly<Record<string, string>>) =>
      findToken({ env: { HOME: home, ...env }, cwd: home }, origin)
    await storeHostCredential({ env: { HOME: home }, cwd: home }, origin, { token: 'stored' })
    assert.equal(await find({}), 'stored')
    assert.equal(await find({ CARREL_TOKEN: ' given ' }), 'given')
    assert.equal(await find({ CARREL_TOKEN_FILE: 'run/token' }), 'from-file')
    await assert.rejects(find({ CARREL_TOKEN: 'a', CARREL_TOKEN_FILE: 'b' }), /both set/)
    await assert.rejects(find({ CARREL_TOKEN_FILE: 'none' }), /ENOENT/)
    for (const token of ['a b', 'a\nb', ' ', 'ä']) {
      await assert.rejects(find({ CARREL_TOKEN: token }), /holds no token/, token)
    }
  })
})
