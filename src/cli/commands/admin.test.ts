import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createWorld, madePassword, runCli } from '../test-support.ts'

test('admin link prints a link with the key in the fragment', async () => {
  const { composition } = createWorld()
  const said = await runCli(['admin', 'link'], composition)
  assert.equal(said.stdout, 'http://localhost:5443/setup#k=7Q4K-M2XW-9DTR\n')
  assert.match(said.stderr, /one use, until 2026-11-23 12:00 UTC/)
  const json = await runCli(['admin', 'link', '--json'], composition, {
    env: { CARREL_PUBLIC_URL: 'https://registry.example.com' },
  })
  assert.deepEqual(JSON.parse(json.stdout), {
    url: 'https://registry.example.com/setup#k=7Q4K-M2XW-9DTR',
    key: '7Q4K-M2XW-9DTR',
    expiresAt: '2026-11-23T12:00:00.000Z',
  })
})

test('admin reset-password makes a password where nobody can be asked, and takes one that is given', async () => {
  const world = createWorld()
  const made = await runCli(['admin', 'reset-password'], world.composition)
  assert.equal(made.stdout, `${madePassword}\n`)
  assert.equal(world.adminPassword, madePassword)
  const words = ['admin', 'reset-password', '--password-stdin', '--json']
  const given = await runCli(words, world.composition, { input: 'correct-horse-battery\n' })
  assert.deepEqual(JSON.parse(given.stdout), { name: 'admin' })
  assert.equal(world.adminPassword, 'correct-horse-battery')
})

test('admin rotate-keys says what it ends, and is for the machine itself', async () => {
  const world = createWorld()
  const said = await runCli(['admin', 'rotate-keys', '--json'], world.composition)
  assert.deepEqual([said.code, said.stdout], [0, '{"kid":"key-2"}\n'])
  assert.match(said.stderr, /end within five minutes/)
  assert.deepEqual([world.opened[0]?.create, world.closed], [false, 1])
  const remote = ['admin', 'rotate-keys', '--host', 'registry.example.com']
  assert.equal((await runCli(remote, world.composition)).code, 2)
})
