import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { checkDoors, checkHtpasswd, checkPasswordFile } from './logins.ts'

const hash = (cost: string) => `$2y$${cost}$${'abcdefghijklmnopqrstuv'}${'a'.repeat(31)}`

suite('doors', () => {
  test('that are open on purpose are warned of all the same', () => {
    assert.deepEqual(
      checkDoors({ open: false, plainHttp: 'loopback' }).map(({ status }) => status),
      ['ok', 'ok'],
    )
    const [everyone] = checkDoors({ open: 'everyone', plainHttp: 'loopback' })
    assert.deepEqual([everyone?.status, everyone?.fix], ['problem', 'CARREL_OPEN=false'])
    const checks = checkDoors({ open: 'local', plainHttp: 'everywhere' })
    assert.deepEqual(
      checks.map(({ status, fix }) => [status, fix]),
      [
        ['warning', 'CARREL_OPEN=false'],
        ['warning', 'CARREL_PLAIN_HTTP=loopback'],
      ],
    )
  })
})

suite('the htpasswd file', () => {
  test('with dear bcrypt hashes is fine', async (t) => {
    const path = await aFile(t, `ann:${hash('10')}\nbob:${hash('12')}\n`)
    const { status, message } = await checkHtpasswd(path)
    assert.equal(status, 'ok')
    assert.match(message, /^2 users/)
  })

  test('with cheap hashes, or other kinds of hashes, is warned of by name', async (t) => {
    const cheap = await checkHtpasswd(await aFile(t, `ann:${hash('10')}\nbob:${hash('05')}\n`))
    assert.equal(cheap.status, 'warning')
    assert.match(cheap.message, /cost below 8\): bob\./)
    const foreign = await checkHtpasswd(await aFile(t, 'ann:$apr1$x$y\n'))
    assert.equal(foreign.status, 'warning')
    assert.match(foreign.message, /not bcrypt: ann/)
  })

  test('that is absent or no htpasswd file is a problem, and no line of it is shown', async (t) => {
    assert.equal((await checkHtpasswd('/nowhere/htpasswd')).status, 'problem')
    const { status, message } = await checkHtpasswd(await aFile(t, 'my secret\n'))
    assert.equal(status, 'problem')
    assert.equal(message.includes('my secret'), false)
  })
})

suite('the password file', () => {
  test('is to be there and for Carrel alone', async (t) => {
    const path = await aFile(t, 'seven-red-lanterns\n')
    await chmod(path, 0o600)
    assert.equal((await checkPasswordFile(path)).status, 'ok')
    await chmod(path, 0o644)
    assert.match((await checkPasswordFile(path)).fix ?? '', /^chmod 600/)
    assert.equal((await checkPasswordFile(`${path}.gone`)).status, 'problem')
  })
})

async function aFile(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-doctor-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'file')
  await writeFile(path, text)
  return path
}
