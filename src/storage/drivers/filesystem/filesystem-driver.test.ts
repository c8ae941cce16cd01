import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  mkdir,
  readFile,
  readdir,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ObjectNotFoundError, type StorageDriver, parseKey } from '../../driver.ts'
import { driverSuite } from '../../driver-suite.ts'
import { nodeFiles } from './file-operations.ts'
import { openFilesystemDriver } from './filesystem-driver.ts'
import { testRoot } from './test-root.ts'
import { type FileCall, type WatchedFiles, watchFiles } from './watch-files.ts'

driverSuite('filesystem driver', async (t) => openFilesystemDriver({ root: await testRoot(t) }))

const one = parseKey('uploads/one')
const blob = parseKey('blobs/sha256/ab/x')

test('files and folders are closed to other users', async (t) => {
  const root = await testRoot(t)
  await using driver = await openFilesystemDriver({ root })
  await driver.write(blob, [Buffer.from('secret')])
  assert.equal((await stat(join(root, blob))).mode & 0o777, 0o600)
  for (const folder of ['', '.tmp', 'blobs', 'blobs/sha256', 'blobs/sha256/ab']) {
    assert.equal((await stat(join(root, folder))).mode & 0o777, 0o700, folder)
  }
})

test('the key is the path, and what another process wrote is there', async (t) => {
  const root = await testRoot(t)
  await using driver = await openFilesystemDriver({ root })
  await using other = await openFilesystemDriver({ root })
  await driver.write(blob, [Buffer.from('content')])
  assert.equal(await readFile(join(root, blob), 'utf8'), 'content')
  assert.equal((await other.stat(blob))?.size, 7)
})

test('the root is made with its parents', async (t) => {
  const root = join(await testRoot(t), 'a', 'b')
  await using driver = await openFilesystemDriver({ root })
  await driver.probe()
  assert.deepEqual(await readdir(root), ['.tmp'])
})

test('a root that is a file, or behind a dead link, is unavailable', async (t) => {
  const folder = dirname(await testRoot(t))
  await writeFile(join(folder, 'file'), '')
  await symlink(join(folder, 'nowhere', 'else'), join(folder, 'link'))
  for (const root of ['file', 'link', 'file/below', 'link/below']) {
    const opening = openFilesystemDriver({ root: join(folder, root) })
    await assert.rejects(opening, { name: 'StorageUnavailableError' }, root)
  }
})

test('a write is made durable in this order', async (t) => {
  const { driver, calls } = await recorded(t)
  await driver.write(one, [Buffer.from('x')])
  await driver.move(one, blob)
  calls.length = 0

  await driver.write(one, [Buffer.from('x')])
  const temporary = '.tmp/*'
  assert.deepEqual(calls, [
    `open ${temporary}`,
    `writev ${temporary}`,
    `fdatasync ${temporary}`,
    `close ${temporary}`,
    `rename ${temporary} uploads/one`,
    'fsync uploads',
  ])

  calls.length = 0
  await driver.move(one, blob)
  assert.deepEqual(calls, [`rename uploads/one ${blob}`, 'fsync blobs/sha256/ab'])
})

test('a new folder is durable before anything is renamed into it', async (t) => {
  const { driver, calls } = await recorded(t)
  calls.length = 0
  await driver.write(blob, [])
  assert.deepEqual(
    calls.filter((call) => !call.includes('.tmp/*') || call.startsWith('rename')),
    [
      'mkdir blobs',
      'fsync ',
      'open blobs',
      'mkdir blobs/sha256',
      'fsync blobs',
      'open blobs/sha256',
      'mkdir blobs/sha256/ab',
      'fsync blobs/sha256',
      'open blobs/sha256/ab',
      `rename .tmp/* ${blob}`,
      'fsync blobs/sha256/ab',
    ],
  )
})

test('a long write is on its way to the disk long before its end', async (t) => {
  const { driver, calls } = await recorded(t)
  const chunk = Buffer.alloc(1024 * 1024)
  await driver.write(
    one,
    Array.from({ length: 80 }, () => chunk),
  )
  assert.ok(calls.filter((call) => call.startsWith('fdatasync')).length >= 2)
  assert.equal((await driver.stat(one))?.size, 80 * chunk.length)
})

test('no descriptor stays open, whatever happens to the streams', async (t) => {
  const { driver, watched } = await recorded(t)
  await driver.write(one, [Buffer.alloc(2_000_000)])
  await driver.move(one, blob)
  await driver.write(one, [Buffer.alloc(2_000_000)])
  const folders = watched.open.size

  await driver.read(one)
  assert.equal(watched.open.size, folders, 'a stream that is never read holds nothing')
  await buffer(await driver.read(one))
  await buffer(await driver.read(one, { start: 5, end: 10 }))
  for await (const chunk of await driver.read(one)) {
    assert.ok(chunk)
    break
  }
  const dropped = await driver.read(one)
  dropped.read()
  dropped.destroy()
  await new Promise((resolve) => dropped.once('close', resolve))
  await driver.concatenate([one, one], parseKey('uploads/two'))
  await assert.rejects(driver.concatenate([one, parseKey('no')], parseKey('uploads/three')))
  await assert.rejects(driver.write(one, failing()))
  await driver.probe()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([...watched.open.values()].length, folders)

  await driver[Symbol.asyncDispose]()
  assert.deepEqual([...watched.open.values()], [])
})

test('an object that was deleted after the call fails its stream by name', async (t) => {
  await using driver = await openFilesystemDriver({ root: await testRoot(t) })
  await driver.write(one, [Buffer.from('x')])
  const stream = await driver.read(one)
  await driver.delete([one])
  await assert.rejects(buffer(stream), ObjectNotFoundError)
})

test('a file that became shorter fails its stream instead of ending early', async (t) => {
  const root = await testRoot(t)
  await using driver = await openFilesystemDriver({ root })
  await driver.write(one, [Buffer.alloc(2_000_000)])
  const stream = await driver.read(one)
  await truncate(join(root, one), 1_000_000)
  await assert.rejects(buffer(stream), { name: 'StorageUnavailableError' })
})

test('what a write leaves when its process dies is swept when it is old, and never seen', async (t) => {
  const root = await testRoot(t)
  await using driver = await openFilesystemDriver({ root })
  const leftover = join(root, '.tmp', 'leftover')
  await writeFile(leftover, 'torn')
  await writeFile(join(root, '.tmp', 'fresh'), 'being written')
  const old = new Date(Date.now() - 86_400_000)
  await utimes(leftover, old, old)

  assert.equal(await driver.sweep(new Date(Date.now() - 3_600_000)), 1)
  assert.deepEqual(await readdir(join(root, '.tmp')), ['fresh'])
})

test('files that are no objects are not listed', async (t) => {
  const root = await testRoot(t)
  await using driver = await openFilesystemDriver({ root })
  await driver.write(one, [])
  await mkdir(join(root, 'uploads', '.snapshot'))
  await writeFile(join(root, 'uploads', '.snapshot', 'x'), '')
  await writeFile(join(root, 'uploads', 'name with spaces'), '')
  await writeFile(join(root, 'uploads', '.nfs0001'), '')
  await symlink('/etc/passwd', join(root, 'uploads', 'link'))
  const keys: string[] = []
  for await (const { key } of driver.list(parseKey('uploads'))) keys.push(key)
  assert.deepEqual(keys, [one])
})

test('a short write is continued where it stopped', async (t) => {
  const root = await testRoot(t)
  const files = {
    ...nodeFiles,
    async writev(file: number, chunks: readonly Uint8Array[], position: number) {
      const first = chunks[0] ?? Buffer.alloc(0)
      return nodeFiles.writev(file, [first.subarray(0, 70_001)], position)
    },
  }
  await using driver = await openFilesystemDriver({ root, files })
  const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => index % 251))
  await driver.write(one, [bytes.subarray(0, 200_000), bytes.subarray(200_000)])
  assert.ok(bytes.equals(await readFile(join(root, one))))
})

test('short reads change nothing of what is copied or read', async (t) => {
  const files = {
    ...nodeFiles,
    read: (file: number, target: Uint8Array, position: number) =>
      nodeFiles.read(file, target.subarray(0, 70_001), position),
  }
  await using driver = await openFilesystemDriver({ root: await testRoot(t), files })
  const bytes = randomBytes(1_000_000)
  await driver.write(one, [bytes])
  assert.ok(bytes.equals(await buffer(await driver.read(one))))
  for (const end of [99_999, 999_999]) {
    const taken: Uint8Array[] = []
    await driver.copy(one, { start: 0, end }, async (chunk) => {
      await sleep(1)
      taken.push(new Uint8Array(chunk))
    })
    assert.ok(bytes.subarray(0, end + 1).equals(Buffer.concat(taken)), `to ${end}`)
  }
})

test('a filesystem that writes nothing and gives no reason is unavailable, not asked for ever', async (t) => {
  const files = { ...nodeFiles, writev: async () => 0 }
  await using driver = await openFilesystemDriver({ root: await testRoot(t), files })
  await assert.rejects(driver.write(one, [Buffer.from('x')]), { name: 'StorageUnavailableError' })
})

interface Recorded {
  readonly driver: StorageDriver
  readonly watched: WatchedFiles
  /** Operation and paths below the root; random names are `*`. */
  readonly calls: string[]
}

async function recorded(t: TestContext): Promise<Recorded> {
  const root = await testRoot(t)
  const calls: string[] = []
  const short = (path: string): string =>
    path.slice(root.length + 1).replace(/^\.tmp\/[0-9a-f-]+$/, '.tmp/*')
  const watched = watchFiles(nodeFiles, ({ operation, path, to }: FileCall) => {
    calls.push([operation, short(path), ...(to === undefined ? [] : [short(to)])].join(' '))
    return undefined
  })
  const driver = await openFilesystemDriver({ root, files: watched.files })
  t.after(() => driver[Symbol.asyncDispose]())
  return { driver, watched, calls }
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(900_000)
  throw new Error('the client went away')
}
