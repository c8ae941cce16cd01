import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insertRepository } from '../metadata/repositories.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { ensureRepository } from './repository.ts'
import { aRegistry } from './test-support/registry.ts'

test('a repository comes into being private, once, however many ask for it at once', async (t) => {
  const { metadata } = await aRegistry(t)
  const name = parseRepositoryName('team/new')
  const made = await Promise.all(
    Array.from({ length: 10 }, async () => ensureRepository(metadata, name, 1)),
  )
  assert.equal(new Set(made.map((one) => one.id)).size, 1)
  assert.equal(made[0]?.visibility, 'private')
  assert.equal(made[0]?.name, name)
})

test('a repository that was made beforehand is taken as it is', async (t) => {
  const { metadata } = await aRegistry(t)
  const name = parseRepositoryName('team/before')
  await metadata.write(async (tx) => {
    const before = { name, visibility: 'public', description: 'x', createdBy: undefined } as const
    await insertRepository(tx, before)
  })
  const found = await ensureRepository(metadata, name, 1)
  assert.deepEqual([found.visibility, found.description], ['public', 'x'])
})
