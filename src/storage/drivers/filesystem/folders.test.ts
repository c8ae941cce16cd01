import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { nodeFiles } from './file-operations.ts'
import { makeRoot, openFolders } from './folders.ts'
import { testRoot } from './test-root.ts'
import { watchFiles } from './watch-files.ts'

test('a sync that is under way is not enough: those who come meanwhile share the next one', async (t) => {
  const root = await testRoot(t)
  const syncs: PromiseWithResolvers<void>[] = []
  let isHeld = false
  const files = {
    ...nodeFiles,
    async fsync(file: number) {
      const held = Promise.withResolvers<void>()
      if (isHeld) {
        syncs.push(held)
        await held.promise
      }
      await nodeFiles.fsync(file)
    },
  }
  await makeRoot(files, root)
  await using folders = openFolders(files, root)
  const folder = await folders.get(join(root, 'uploads'))
  isHeld = true

  const finished: string[] = []
  const sync = (name: string): Promise<unknown> => folder.sync().then(() => finished.push(name))
  const all = [sync('first'), sync('second'), sync('third')]
  assert.equal(syncs.length, 1)
  syncs[0]?.resolve()
  await all[0]
  await turn()
  assert.deepEqual(finished, ['first'])
  assert.equal(syncs.length, 2)

  all.push(sync('fourth'))
  syncs[1]?.resolve()
  await Promise.all(all.slice(0, 3))
  assert.deepEqual(finished, ['first', 'second', 'third'])
  await turn()
  assert.equal(syncs.length, 3)
  syncs[2]?.resolve()
  await all[3]
})

test('a failed sync fails all who waited for it, and nobody after them', async (t) => {
  const root = await testRoot(t)
  let fails = 0
  const { files } = watchFiles(nodeFiles, ({ operation, path }) =>
    operation === 'fsync' && path.endsWith('uploads') && fails-- > 0 ? { fail: 'EIO' } : undefined,
  )
  await makeRoot(files, root)
  await using folders = openFolders(files, root)
  const folder = await folders.get(join(root, 'uploads'))
  fails = 2
  const outcomes = await Promise.allSettled([folder.sync(), folder.sync(), folder.sync()])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  await folder.sync()
})

test('a folder that is there already is made durable once more, by each process', async (t) => {
  const root = await testRoot(t)
  await mkdir(join(root, 'uploads'), { recursive: true })
  const synced: string[] = []
  const { files } = watchFiles(nodeFiles, ({ operation, path }) => {
    if (operation === 'fsync') synced.push(path)
    return undefined
  })
  await using folders = openFolders(files, root)
  await Promise.all([folders.get(join(root, 'uploads')), folders.get(join(root, 'uploads'))])
  assert.deepEqual(synced, [root])
})

test('a folder whose parent could not be synced is made and synced again', async (t) => {
  const root = await testRoot(t)
  const calls: string[] = []
  const { files } = watchFiles(nodeFiles, ({ operation, path }) => {
    calls.push(`${operation} ${path.slice(root.length)}`)
    return calls.filter((call) => call === 'fsync ').length === 1 && operation === 'fsync'
      ? { fail: 'EIO' }
      : undefined
  })
  await makeRoot(nodeFiles, root)
  await using folders = openFolders(files, root)
  await assert.rejects(folders.get(join(root, 'uploads')), { name: 'StorageUnavailableError' })
  await folders.get(join(root, 'uploads'))
  assert.deepEqual(calls, [
    'open ',
    'mkdir /uploads',
    'fsync ',
    'rmdir /uploads',
    'mkdir /uploads',
    'fsync ',
    'open /uploads',
  ])
})

test('a filesystem that has no sync of folders is used as it is', async (t) => {
  const root = await testRoot(t)
  const { files } = watchFiles(nodeFiles, ({ operation }) =>
    operation === 'fsync' ? { fail: 'EINVAL' } : undefined,
  )
  await makeRoot(files, root)
  await using folders = openFolders(files, root)
  await (await folders.get(join(root, 'uploads'))).sync()
})
