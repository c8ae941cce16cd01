import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { lstat, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, suite, test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { createBlobStore } from './blob-store.ts'
import { type Key, ObjectNotFoundError, type StorageDriver, parseKey } from './driver.ts'
import { reading } from './driver-cases/reading.ts'
import { driverSuite } from './driver-suite.ts'
import { openAdoptedFiles } from './drivers/filesystem/adopted-files.ts'
import { openFilesystemDriver } from './drivers/filesystem/filesystem-driver.ts'
import { testRoot } from './drivers/filesystem/test-root.ts'
import { adoptedBlobKey, adoptedFolder } from './layout.ts'
import { routeAdopted } from './routed-driver.ts'

interface Place {
  readonly data: string
  readonly driver: StorageDriver
}

async function aPlace(t: TestContext): Promise<Place> {
  const data = await testRoot(t)
  const own = await openFilesystemDriver({ root: join(data, 'storage') })
  return { data, driver: routeAdopted(own, openAdoptedFiles({ root: data })) }
}

/** As registry:2 leaves it. */
async function adoptedBlob({ data }: Place, bytes: Uint8Array): Promise<Key> {
  const key = adoptedBlobKey(digestOf(bytes))
  await mkdir(dirname(join(data, key)), { recursive: true })
  await writeFile(join(data, key), bytes)
  return key
}

driverSuite('routed driver', async (t) => (await aPlace(t)).driver)

suite('adopted files, read through the routed driver', () => {
  for (const [title, run] of reading) {
    test(title, async (t) => {
      const place = await aPlace(t)
      await using driver = place.driver
      await run(asAdopted(place, driver))
    })
  }
})

/** Objects of any key, kept as files of an adopted volume. */
function asAdopted({ data }: Place, driver: StorageDriver): StorageDriver {
  const isFolder = (key: Key) => key === 'blobs/sha256'
  const adopted = (key: Key): Key => {
    if (isFolder(key)) return parseKey(`${adoptedFolder}/sha256`)
    const hex = createHash('sha256').update(key).digest('hex')
    return parseKey(`${adoptedFolder}/sha256/${hex.slice(0, 2)}/${hex}/data`)
  }
  return {
    ...driver,
    stat: async (key) => driver.stat(adopted(key)),
    read: async (key, range) => driver.read(adopted(key), range),
    copy: async (key, range, write) => driver.copy(adopted(key), range, write),
    async write(to, source) {
      const path = join(data, adopted(to as Key))
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, await buffer(source as AsyncIterable<Uint8Array>))
      return { key: to as Key, size: 0, modifiedAt: new Date() }
    },
  }
}

test('an adopted blob is read and listed where it lies, and nothing is written beside it', async (t) => {
  const place = await aPlace(t)
  await using driver = place.driver
  const key = await adoptedBlob(place, Buffer.from('adopted'))
  const blobs = createBlobStore(driver)
  const own = await blobs.writeBytes(Buffer.from('own'), digestOf(Buffer.from('own')))
  assert.equal((await blobs.stat(key))?.size, 7)
  assert.equal(String(await buffer(await blobs.open(key))), 'adopted')
  const listed: string[] = []
  for await (const blob of blobs.listBlobs()) listed.push(`${blob.digest} ${blob.key}`)
  const expected = [
    `${digestOf(Buffer.from('own'))} ${own.key}`,
    `${digestOf(Buffer.from('adopted'))} ${key}`,
  ]
  assert.deepEqual(listed, expected)
  assert.deepEqual((await readdir(place.data)).sort(), ['docker', 'storage'])
})

test('nothing is ever written to an adopted volume', async (t) => {
  const place = await aPlace(t)
  await using driver = place.driver
  const key = await adoptedBlob(place, Buffer.from('x'))
  const part = parseKey('uploads/part')
  await driver.write(part, [Buffer.from('y')])
  const refused = { name: 'TypeError', message: /adopted volume/ }
  await assert.rejects(async () => driver.write(key, [Buffer.from('y')]), refused)
  await assert.rejects(async () => driver.write(() => key, [Buffer.from('y')]), refused)
  await assert.rejects(async () => driver.move(part, key), refused)
  await assert.rejects(async () => driver.concatenate([part], key), refused)
  assert.equal(await readFile(join(place.data, key), 'utf8'), 'x')
})

test('an adopted blob can be moved out, be a part, and be deleted', async (t) => {
  const place = await aPlace(t)
  await using driver = place.driver
  const bytes = randomBytes(700_000)
  const key = await adoptedBlob(place, bytes)
  const aside = parseKey('quarantine/one')
  const both = parseKey('blobs/both')
  await driver.write(parseKey('uploads/part'), [Buffer.from('more')])
  let seen = 0
  await driver.concatenate([key, parseKey('uploads/part')], both, (chunk) => {
    seen += chunk.length
  })
  assert.equal(seen, bytes.length + 4)
  const whole = await buffer(await driver.read(both))
  assert.ok(whole.equals(Buffer.concat([bytes, Buffer.from('more')])))

  await driver.move(key, aside)
  assert.equal(await driver.stat(key), undefined)
  assert.ok(bytes.equals(await buffer(await driver.read(aside))))
  await assert.rejects(driver.move(key, aside), ObjectNotFoundError)

  const again = await adoptedBlob(place, Buffer.from('again'))
  await driver.delete([again, aside, again])
  assert.equal(await driver.stat(again), undefined)
  assert.equal(await driver.stat(aside), undefined)
})

test('a symbolic link in an adopted volume is not there', async (t) => {
  const place = await aPlace(t)
  await using driver = place.driver
  const secret = join(dirname(place.data), 'secret')
  await writeFile(secret, 'secret')
  const key = adoptedBlobKey(digestOf(Buffer.from('secret')))
  await mkdir(dirname(join(place.data, key)), { recursive: true })
  await symlink(secret, join(place.data, key))
  assert.equal(await driver.stat(key), undefined)
  await assert.rejects(driver.read(key), ObjectNotFoundError)
  await assert.rejects(
    driver.copy(key, { start: 0, end: 5 }, async () => undefined),
    ObjectNotFoundError,
  )
  for await (const { key: listed } of driver.list(adoptedFolder)) assert.fail(listed)
  await driver.delete([key])
  await assert.rejects(lstat(join(place.data, key)), { code: 'ENOENT' })
  assert.equal(await readFile(secret, 'utf8'), 'secret')
})
