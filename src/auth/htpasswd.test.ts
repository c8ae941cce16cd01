import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { openHtpasswd, parseHtpasswd } from './htpasswd.ts'
import type { Htpasswd } from './htpasswd.ts'
import { impossibleBcryptHash } from './password-hash.ts'

const hash = impossibleBcryptHash(5)
const otherHash = impossibleBcryptHash(10)

interface Opened {
  readonly htpasswd: Htpasswd
  readonly path: string
  readonly warnings: string[]
  /** Lets the next lookup look at the file. */
  readonly later: () => void
}

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-htpasswd-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function opened(t: TestContext, text: string): Promise<Opened> {
  const path = join(await aFolder(t), 'htpasswd')
  await writeFile(path, text)
  const warnings: string[] = []
  let now = 0
  const htpasswd = await openHtpasswd(path, {
    warn: (text_) => warnings.push(text_),
    now: () => now,
  })
  return {
    htpasswd,
    path,
    warnings,
    later() {
      now += 1000
    },
  }
}

test('users with bcrypt passwords are found, others not', async (t) => {
  const { htpasswd } = await opened(t, `alice:${hash}\nbob:${otherHash}\n`)
  assert.equal(await htpasswd.lookup('alice'), hash)
  assert.equal(await htpasswd.lookup('bob'), otherHash)
  for (const name of ['', 'carol', 'Alice', 'alice:', '__proto__', 'constructor']) {
    assert.equal(await htpasswd.lookup(name), undefined, name)
  }
  assert.equal(htpasswd.cost(), 10)
})

test('comments, blank lines, Windows line ends, a byte order mark and blanks around lines', () => {
  const text = `\uFEFF# comment:x\r\n\r\n  alice:${hash}  \r\n\t# another\nbob:${hash}`
  const { hashes, refused } = parseHtpasswd(text)
  assert.deepEqual([...hashes.keys()], ['alice', 'bob'])
  assert.equal(hashes.get('alice'), hash)
  assert.deepEqual(refused, [])
})

test('of two lines of one user the last counts', () => {
  assert.equal(parseHtpasswd(`a:${hash}\na:${otherHash}`).hashes.get('a'), otherHash)
  const { hashes, refused } = parseHtpasswd(`a:${hash}\na:{SHA}x`)
  assert.deepEqual([hashes.size, refused], [0, ['a']])
  assert.deepEqual(parseHtpasswd(`a:{SHA}x\na:${hash}`).refused, [])
})

test('users without bcrypt are named in one warning and cannot sign in', async (t) => {
  const { htpasswd, warnings, later } = await opened(
    t,
    [
      `alice:${hash}`,
      'md5:$apr1$abcdefgh$0123456789012345678901',
      'sha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
      'plain:secret',
      'none:',
      `dear:${hash.replace('$05$', '$31$')}`,
    ].join('\n'),
  )
  later()
  await htpasswd.lookup('alice')
  assert.equal(warnings.length, 1, 'not again for the same content')
  for (const name of ['md5', 'sha', 'plain', 'none', 'dear']) {
    assert.match(warnings[0] ?? '', new RegExp(`\\b${name}\\b`))
    assert.equal(await htpasswd.lookup(name), undefined)
  }
  assert.doesNotMatch(warnings[0] ?? '', /secret|apr1|alice/)
  assert.equal(await htpasswd.lookup('alice'), hash)
})

test('a changed file counts within a second, also when it is replaced', async (t) => {
  const { htpasswd, path, later, warnings } = await opened(t, `alice:${hash}\n`)
  await writeFile(path, `alice:${otherHash}\n`)
  assert.equal(await htpasswd.lookup('alice'), hash, 'looked at a moment ago')
  assert.equal(htpasswd.isFresh(), true)
  later()
  assert.equal(htpasswd.isFresh(), false)
  assert.equal(htpasswd.current('alice'), hash)
  assert.equal(await htpasswd.lookup('alice'), otherHash)
  assert.equal(htpasswd.current('alice'), otherHash)
  await writeFile(`${path}.new`, `bob:${hash}\n`)
  await rename(`${path}.new`, path)
  later()
  assert.equal(await htpasswd.lookup('alice'), undefined)
  assert.equal(await htpasswd.lookup('bob'), hash)
  assert.deepEqual(warnings, [])
})

test('an emptied file lets nobody in', async (t) => {
  const { htpasswd, path, later } = await opened(t, `alice:${hash}\n`)
  await writeFile(path, '')
  later()
  assert.equal(await htpasswd.lookup('alice'), undefined)
})

test('a broken or missing file keeps the users of before and warns once for each change', async (t) => {
  const { htpasswd, path, later, warnings } = await opened(t, `alice:${hash}\n`)
  await writeFile(path, `bob:${hash}\nthis is not a user\n`)
  for (let round = 0; round < 3; round++) {
    later()
    assert.equal(await htpasswd.lookup('alice'), hash)
    assert.equal(await htpasswd.lookup('bob'), undefined)
  }
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /line 2/)
  assert.doesNotMatch(warnings[0] ?? '', /this is not/)
  await rm(path)
  for (let round = 0; round < 3; round++) {
    later()
    assert.equal(await htpasswd.lookup('alice'), hash)
  }
  assert.equal(warnings.length, 2)
  await writeFile(path, `bob:${hash}\n`)
  later()
  assert.equal(await htpasswd.lookup('bob'), hash)
  assert.equal(await htpasswd.lookup('alice'), undefined)
  assert.equal(warnings.length, 2)
})

test('lookups at once share one look at the file', async (t) => {
  const { htpasswd, path, later } = await opened(t, `alice:${hash}\n`)
  await writeFile(path, `alice:${otherHash}\n`)
  later()
  const found = await Promise.all(Array.from({ length: 20 }, () => htpasswd.lookup('alice')))
  assert.deepEqual(new Set(found), new Set([otherHash]))
})

test('a file that cannot be used stops the start and says what to do', async (t) => {
  const path = join(await aFolder(t), 'htpasswd')
  const open = (): Promise<Htpasswd> => openHtpasswd(path, { warn: () => undefined })
  await assert.rejects(open(), /htpasswd -Bbn/)
  for (const text of ['nonsense', `:${hash}`, `a\u001bb:${hash}`, `${'x'.repeat(256)}:${hash}`]) {
    await writeFile(path, text)
    await assert.rejects(open(), /line 1/)
  }
  await writeFile(path, '#'.repeat(8 * 1024 * 1024 + 1))
  await assert.rejects(open(), /limit/)
})
