import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { hashSync } from 'bcryptjs'
import { OciError } from '../oci/errors.ts'
import { createPasswordPool } from './password-pool.ts'
import type { PasswordPool, PasswordPoolOptions } from './password-pool.ts'

function aPool(t: TestContext, options: Partial<PasswordPoolOptions> = {}): PasswordPool {
  const pool = createPasswordPool({ threads: 1, queueLimit: 64, ...options })
  t.after(() => pool.close())
  return pool
}

async function aProgram(t: TestContext, source: string): Promise<URL> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-pool-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'program.mjs')
  await writeFile(path, source)
  return pathToFileURL(path)
}

const isTooManyRequests = (error: unknown): boolean =>
  error instanceof OciError && error.code === 'TOOMANYREQUESTS'

test('a password hashed in a thread is recognised in a thread, in both kinds of hash', async (t) => {
  const pool = aPool(t)
  const stored = await pool.hash('tall otter')
  assert.match(stored, /^\$argon2id\$/)
  assert.equal(await pool.verify('tall otter', stored), true)
  assert.equal(await pool.verify('small otter', stored), false)
  const bcrypt = hashSync('tall otter', 4)
  assert.equal(await pool.verify('tall otter', bcrypt), true)
  assert.equal(await pool.verify('small otter', bcrypt), false)
  assert.equal(await pool.verify('tall otter', 'nonsense'), false)
})

test('the main thread goes on while a password is hashed', async (t) => {
  const pool = aPool(t)
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  t.after(() => clearInterval(timer))
  await pool.hash('x')
  await pool.hash('x')
  assert.ok(turns > 0, `${turns} turns of the event loop`)
})

test('a full queue answers TOOMANYREQUESTS at once, and what was accepted is finished', async (t) => {
  const pool = aPool(t, { queueLimit: 2 })
  const stored = hashSync('x', 4)
  const results = await Promise.allSettled(
    Array.from({ length: 5 }, () => pool.verify('x', stored)),
  )
  // One at work, two waiting, two refused.
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
  )
  for (const result of results) {
    if (result.status === 'rejected') assert.ok(isTooManyRequests(result.reason))
  }
  assert.equal(await pool.verify('x', stored), true)
})

test('a thread that crashes fails its own task only; the next one gets a new thread', async (t) => {
  const program = await aProgram(
    t,
    `import { parentPort } from 'node:worker_threads'
     parentPort.on('message', (task) => {
       if (task.password === 'crash') throw new Error('crashed')
       if (task.password === 'exit') process.exit(3)
       parentPort.postMessage({ kind: 'verified', matches: task.password === task.hash })
     })`,
  )
  const pool = aPool(t, { program })
  for (const way of ['crash', 'exit']) {
    const [before, crashed, after] = await Promise.allSettled([
      pool.verify('x', 'x'),
      pool.verify(way, 'x'),
      pool.verify('x', 'y'),
    ])
    assert.deepEqual(before, { status: 'fulfilled', value: true })
    assert.equal(crashed.status, 'rejected')
    assert.deepEqual(after, { status: 'fulfilled', value: false })
    assert.equal(await pool.verify('x', 'x'), true)
  }
})

test('a program that cannot be started fails each task instead of leaving it waiting', async (t) => {
  const pool = aPool(t, { program: pathToFileURL(join(tmpdir(), 'carrel-no-such-program.mjs')) })
  await assert.rejects(pool.verify('x', 'x'))
  await assert.rejects(pool.hash('x'))
})

test('no password appears in an error', async (t) => {
  const program = await aProgram(
    t,
    `import { parentPort } from 'node:worker_threads'
     parentPort.on('message', () => parentPort.postMessage({ kind: 'failed', reason: 'RangeError' }))`,
  )
  const pool = aPool(t, { program })
  const error: unknown = await pool.verify('hunter2hunter2', 'x').catch((reason: unknown) => reason)
  assert.ok(error instanceof Error)
  assert.match(error.message, /RangeError/)
  assert.ok(!`${error.message} ${error.stack ?? ''}`.includes('hunter2'))
})

test('closing rejects what waits, and what comes later', async () => {
  const pool = createPasswordPool({ threads: 1, queueLimit: 64 })
  const waiting = Promise.allSettled([pool.hash('x'), pool.hash('y')])
  await pool.close()
  for (const result of await waiting) assert.equal(result.status, 'rejected')
  await assert.rejects(pool.verify('x', 'x'), /closed/)
  await pool.close()
})

test('a pool of no threads is refused', () => {
  assert.throws(() => createPasswordPool({ threads: 0, queueLimit: 1 }), RangeError)
})

test('an idle pool does not keep the process alive', async () => {
  const module = fileURLToPath(new URL('./password-pool.ts', import.meta.url))
  const source = `
    import { createPasswordPool } from ${JSON.stringify(module)}
    const pool = createPasswordPool({ threads: 2, queueLimit: 4 })
    console.log((await pool.hash('x')).slice(0, 10))`
  const run = promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', source],
    { timeout: 20_000 },
  )
  assert.equal((await run).stdout.trim(), '$argon2id$')
})
