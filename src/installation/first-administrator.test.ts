import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { findPrincipalByName } from '../metadata/principals.ts'
import { completeSetup, ensureFirstAdministrator, replaceSetupLink } from './first-administrator.ts'
import { goodPassword, openTestInstallation, type TestInstallation } from './test-support.ts'

const inTerminal = { passwordFile: undefined, mayGenerate: true }
const intoLog = { passwordFile: undefined, mayGenerate: false }

suite('the first administrator', () => {
  test('gets a generated password and a link in a terminal', async () => {
    await using deps = await openTestInstallation()
    const { link, generatedPassword } = await ensureFirstAdministrator(deps, inTerminal)
    assert.ok(link && generatedPassword !== undefined)
    assert.equal(await verifies(deps, generatedPassword), true)
    assert.ok(link.expiresAt.getTime() > Date.now() + 50 * 60_000)
    assert.ok(link.expiresAt.getTime() < Date.now() + 70 * 60_000)
    assert.equal(await completeSetup(deps, { key: link.key, password: goodPassword }), true)
    assert.equal(await verifies(deps, goodPassword), true)
    assert.deepEqual(await ensureFirstAdministrator(deps, inTerminal), {})
  })

  test('gets a link and no password where a log is written', async () => {
    await using deps = await openTestInstallation()
    const first = await ensureFirstAdministrator(deps, intoLog)
    assert.deepEqual(Object.keys(first), ['link'])
    assert.equal((await findPrincipalByName(deps.metadata, 'admin'))?.passwordHash, undefined)
    const second = await ensureFirstAdministrator(deps, intoLog)
    assert.notEqual(second.link?.key, first.link?.key)
  })

  test('who has a generated password gets no further link into a log', async () => {
    await using deps = await openTestInstallation()
    await ensureFirstAdministrator(deps, inTerminal)
    assert.deepEqual(await ensureFirstAdministrator(deps, intoLog), {})
    const again = await ensureFirstAdministrator(deps, inTerminal)
    assert.deepEqual(Object.keys(again), ['link'])
  })

  test('takes the password of the file, once', async () => {
    await using deps = await openTestInstallation()
    const passwordFile = join(deps.dir, 'password')
    await writeFile(passwordFile, `${goodPassword}\n`)
    const byFile = { passwordFile, mayGenerate: true }
    assert.deepEqual(await ensureFirstAdministrator(deps, byFile), {})
    assert.equal(await verifies(deps, goodPassword), true)
    await writeFile(passwordFile, 'another-good-one')
    assert.deepEqual(await ensureFirstAdministrator(deps, byFile), {})
    assert.equal(await verifies(deps, goodPassword), true)
  })

  test('is not made with a weak password or an absent file, and the error says which', async () => {
    await using deps = await openTestInstallation()
    const passwordFile = join(deps.dir, 'password')
    const byFile = { passwordFile, mayGenerate: true }
    await assert.rejects(ensureFirstAdministrator(deps, byFile), /password file .*cannot be read/)
    await writeFile(passwordFile, 'short')
    await assert.rejects(ensureFirstAdministrator(deps, byFile), /has 5 characters/)
    await writeFile(passwordFile, 'adminadminadmin')
    await assert.rejects(
      ensureFirstAdministrator(deps, byFile),
      /CARREL_ADMIN_PASSWORD_FILE.*repeats|most common|name of the user/,
    )
    assert.equal(await findPrincipalByName(deps.metadata, 'admin'), undefined)
  })

  test('is set up by one use of one link: it and all others are worthless afterwards', async () => {
    await using deps = await openTestInstallation()
    const first = await ensureFirstAdministrator(deps, intoLog)
    const second = await ensureFirstAdministrator(deps, intoLog)
    const keys = [first.link?.key ?? '', second.link?.key ?? '']
    assert.equal(await completeSetup(deps, { key: keys[1] ?? '', password: goodPassword }), true)
    for (const key of keys) {
      assert.equal(await completeSetup(deps, { key, password: 'eight-blue-anchors' }), false)
    }
    assert.equal(await verifies(deps, goodPassword), true)
    assert.equal(await completeSetup(deps, { key: 'nonsense', password: goodPassword }), false)
  })

  test('of many who use one link at once, one gets in', async () => {
    await using deps = await openTestInstallation()
    const { key } = await replaceSetupLink(deps.metadata)
    const attempts = Array.from({ length: 5 }, async (_, number) =>
      completeSetup(deps, { key, password: `${goodPassword}-${number}` }),
    )
    assert.equal((await Promise.all(attempts)).filter(Boolean).length, 1)
  })

  test('a link that is asked for makes the one before worthless', async () => {
    await using deps = await openTestInstallation()
    const before = await replaceSetupLink(deps.metadata)
    const after = await replaceSetupLink(deps.metadata)
    assert.equal(await completeSetup(deps, { key: before.key, password: goodPassword }), false)
    assert.equal(await completeSetup(deps, { key: after.key, password: goodPassword }), true)
  })
})

async function verifies(deps: TestInstallation, password: string): Promise<boolean> {
  const admin = await findPrincipalByName(deps.metadata, 'admin')
  return deps.passwords.verify(password, admin?.passwordHash ?? '')
}
