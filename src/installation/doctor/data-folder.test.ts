import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { checkDataFolder, checkFileSystem, checkSpace } from './data-folder.ts'
import { checkFiles } from './files.ts'

/** Root may read and write everything, so there is nothing to be seen with it. */
function unlessRoot(title: string, run: (t: TestContext) => Promise<void>): void {
  if (process.geteuid?.() !== 0) test(title, run)
}

suite('the data folder', () => {
  test('that is not there yet is no problem, and nothing in it can be looked at', async (t) => {
    const folder = join(await aFolder(t), 'not', 'yet')
    const { checks, usable } = await checkDataFolder(folder)
    assert.equal(usable, false)
    assert.deepEqual(
      checks.map(({ status, fix }) => [status, fix]),
      [['warning', 'carrel up']],
    )
  })

  test('that is a file is a problem', async (t) => {
    const path = join(await aFolder(t), "it's a file")
    await writeFile(path, '')
    const { checks, usable } = await checkDataFolder(path)
    assert.equal(usable, false)
    assert.equal(checks[0]?.status, 'problem')
    assert.match(checks[0]?.fix ?? '', /'.*it'\\''s a file'/)
  })

  test('that everybody may enter is warned of', async (t) => {
    const folder = await aFolder(t)
    assert.equal(await warnedOfMode(folder), false)
    await chmod(folder, 0o755)
    assert.equal(await warnedOfMode(folder), true)
  })

  unlessRoot('that may not be written is a problem', async (t) => {
    const folder = await aFolder(t)
    await chmod(folder, 0o500)
    const { checks, usable } = await checkDataFolder(folder)
    assert.equal(usable, false)
    assert.match(checks[0]?.fix ?? '', /^chown/)
  })

  test('has room where there is room, and is measured before it is there', async (t) => {
    const folder = await aFolder(t)
    const [here] = await checkSpace(folder)
    const [before] = await checkSpace(join(folder, 'not', 'yet'))
    assert.equal(here?.name, 'disk space')
    assert.match(here.message, /\d+\.\d of \d+\.\d GiB/)
    assert.equal(before?.status, here.status)
  })

  test('has a file system that is tried without leaving anything', async (t) => {
    const folder = await aFolder(t)
    const checks = await checkFileSystem(folder, { holdsDatabase: true })
    assert.equal(
      checks.some(({ status }) => status === 'problem'),
      false,
    )
    assert.deepEqual(await readdir(folder), [])
  })

  test('that cannot be written to has no working file system', async (t) => {
    const path = join(await aFolder(t), 'file')
    await writeFile(path, '')
    const checks = await checkFileSystem(path, { holdsDatabase: true })
    assert.deepEqual(
      checks.map(({ status }) => status),
      ['problem'],
    )
  })
})

suite('the files of an installation', () => {
  test('that are all readable are fine, absent ones too', async (t) => {
    const folder = await aFolder(t)
    await writeFile(join(folder, 'carrel.db'), '')
    await mkdir(join(folder, 'storage', 'blobs'), { recursive: true })
    assert.equal((await checkFiles(folder)).status, 'ok')
  })

  unlessRoot('that are not readable are named', async (t) => {
    const folder = await aFolder(t)
    await mkdir(join(folder, 'tls'))
    await writeFile(join(folder, 'tls', 'authority.pem'), '', { mode: 0o000 })
    const { status, message, fix } = await checkFiles(folder)
    assert.equal(status, 'problem')
    assert.match(message, /authority\.pem/)
    assert.match(fix ?? '', /^chown/)
  })
})

async function warnedOfMode(folder: string): Promise<boolean> {
  const { checks, usable } = await checkDataFolder(folder)
  assert.equal(usable, true)
  return checks.some(({ status, fix }) => status === 'warning' && fix?.startsWith('chmod') === true)
}

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-doctor-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return folder
}
