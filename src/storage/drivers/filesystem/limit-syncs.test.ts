import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { nodeFiles } from './file-operations.ts'
import { limitSyncs } from './limit-syncs.ts'

test('no more syncs run at once than the limit, in order, and a failure frees its place', async () => {
  let running = 0
  let most = 0
  const begun: number[] = []
  async function sync(file: number): Promise<void> {
    most = Math.max(most, ++running)
    begun.push(file)
    await turn()
    running--
    if (file % 3 === 0) throw new Error('failed')
  }
  const files = limitSyncs({ ...nodeFiles, fdatasync: sync, fsync: sync }, 2)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, file) =>
      file % 2 === 0 ? files.fdatasync(file) : files.fsync(file),
    ),
  )
  assert.equal(most, 2)
  assert.equal(running, 0)
  assert.deepEqual(
    begun,
    [...begun].sort((a, b) => a - b),
  )
  assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 7)
})
