import assert from 'node:assert/strict'
import { argon2Sync } from 'node:crypto'
import { test } from 'node:test'
import { hashSync } from 'bcryptjs'
import {
  bcryptCost,
  hashPassword,
  impossibleBcryptHash,
  impossibleHash,
  isBcryptHash,
  verifyPassword,
} from './password-hash.ts'

const cheap = 4

/** An argon2id hash with the cost, salt and tag length that a test asks for. */
function argon2Hash(
  password: string,
  cost: { m?: number; t?: number; p?: number; salt?: number; tag?: number } = {},
): string {
  const { m = 64, t = 1, p = 1, salt = 16, tag = 32 } = cost
  const nonce = Buffer.alloc(salt, 7)
  const bytes = argon2Sync('argon2id', {
    message: password,
    nonce,
    memory: m,
    passes: t,
    parallelism: p,
    tagLength: tag,
  })
  const base64 = (data: Buffer): string => data.toString('base64').replace(/=+$/, '')
  return `$argon2id$v=19$m=${m},t=${t},p=${p}$${base64(nonce)}$${base64(bytes)}`
}

test('a password is stored as argon2id in PHC form with m=19456, t=2, p=1', () => {
  const stored = hashPassword('tall otter')
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.ok(verifyPassword('tall otter', stored))
  assert.ok(!verifyPassword('tall otte', stored))
  assert.ok(!verifyPassword('', stored))
})

test('the same password is stored differently each time', () => {
  assert.notEqual(hashPassword('same'), hashPassword('same'))
})

test('argon2id hashes made with other costs are checked with their own', () => {
  for (const cost of [{}, { m: 256, t: 3 }, { m: 128, p: 4 }, { tag: 64 }, { tag: 16, salt: 8 }]) {
    const stored = argon2Hash('pässword', cost)
    assert.ok(verifyPassword('pässword', stored), stored)
    assert.ok(!verifyPassword('password', stored), stored)
  }
})

test('a hash that would cost too much, or that proves too little, matches nothing', () => {
  const good = argon2Hash('x')
  const [, , , , salt, tag] = good.split('$')
  const made = (parameters: string, s = salt, t = tag): string =>
    `$argon2id$v=19$${parameters}$${s}$${t}`
  assert.ok(verifyPassword('x', made('m=64,t=1,p=1')), 'the builder of this test is wrong')
  const refused = [
    // The right hash of "x" with 256 MiB and 1 KiB.
    '$argon2id$v=19$m=262145,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$ru4O7fr6v/2jH6rqHC3Huicy0UuFaSBfDywcaIWk6rw',
    made('m=9999999,t=1,p=1'),
    argon2Hash('x', { t: 11 }),
    argon2Hash('x', { m: 256, p: 17 }),
    made('m=64,t=99,p=1'),
    made('m=64,t=0,p=1'),
    made('m=64,t=1,p=0'),
    made('m=7,t=1,p=1'),
    made('m=15,t=1,p=2'),
    made('m=9999999,t=1,p=17'),
    made('m=64,t=1,p=1', salt, ''),
    argon2Hash('x', { tag: 4 }),
    argon2Hash('x', { tag: 15 }),
    argon2Hash('x', { tag: 65 }),
    made('m=64,t=1,p=1', 'A'.repeat(400)),
  ]
  for (const stored of refused) assert.equal(verifyPassword('x', stored), false, stored)
})

test('what is not a stored password is refused without an error', () => {
  const good = argon2Hash('x')
  const [, , , , salt, tag] = good.split('$')
  const malformed = [
    '',
    'x',
    '$',
    good.slice(1),
    `${good}$`,
    `${good}\n`,
    ` ${good}`,
    good.replace('argon2id', 'argon2i'),
    good.replace('argon2id', 'argon2d'),
    good.replace('v=19', 'v=16'),
    good.replace('$v=19', ''),
    good.replace('m=64', 'm=-64'),
    good.replace('m=64', 'm=6e4'),
    good.replace('t=1', 't=1,t=1'),
    `$argon2id$v=19$t=1,m=64,p=1$${salt}$${tag}`,
    '$apr1$abcdefgh$0123456789012345678901',
    '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
    'rqXexS6ZhobKA',
    '$2x$05$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234',
  ]
  for (const stored of malformed) assert.equal(verifyPassword('x', stored), false, stored)
})

test('bcrypt hashes of all three markings are checked', () => {
  const stored = hashSync('s3cret', cheap)
  for (const marking of ['$2a$', '$2b$', '$2y$']) {
    const marked = `${marking}${stored.slice(4)}`
    assert.ok(isBcryptHash(marked))
    assert.ok(verifyPassword('s3cret', marked), marked)
    assert.ok(!verifyPassword('s3cres', marked), marked)
  }
})

test('a hash made by another bcrypt program is checked', () => {
  // The test vector of OpenBSD's bcrypt for "U*U*", cost 5.
  const stored = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK'
  assert.ok(verifyPassword('U*U*', stored))
  assert.ok(!verifyPassword('U*U', stored))
})

test('a password longer than bcrypt reads never matches by its beginning', () => {
  const longest = 'a'.repeat(72)
  const stored = hashSync(longest, cheap)
  assert.ok(verifyPassword(longest, stored))
  for (const password of [`${longest}b`, `${longest}a`, 'a'.repeat(73), 'a'.repeat(200)]) {
    assert.equal(verifyPassword(password, stored), false)
    // Not even against its own hash: nobody can tell it from its beginning.
    assert.equal(verifyPassword(password, hashSync(password, cheap)), false)
  }
  const umlauts = 'ä'.repeat(37)
  assert.equal(verifyPassword(umlauts, hashSync(umlauts, cheap)), false, 'counted in bytes')
})

test('argon2id reads the whole of a long password', () => {
  const stored = argon2Hash('a'.repeat(200))
  assert.ok(verifyPassword('a'.repeat(200), stored))
  assert.ok(!verifyPassword('a'.repeat(199), stored))
  assert.ok(!verifyPassword(`${'a'.repeat(199)}b`, stored))
})

test('a NUL neither cuts nor repeats a password', () => {
  const stored = hashSync('abc', cheap)
  assert.ok(verifyPassword('abc', stored))
  for (const password of ['abc\0', 'abc\0abc', 'abc\0def']) {
    assert.equal(verifyPassword(password, stored), false, JSON.stringify(password))
    assert.equal(verifyPassword(password, argon2Hash('abc')), false)
  }
  assert.ok(verifyPassword('abc\0def', argon2Hash('abc\0def')))
})

test('bcrypt costs outside 4 to 15 are refused before anything is computed', () => {
  const rest = hashSync('x', cheap).slice(7)
  for (const cost of ['00', '03', '16', '31', '99']) {
    assert.equal(isBcryptHash(`$2b$${cost}$${rest}`), false)
    assert.equal(verifyPassword('x', `$2b$${cost}$${rest}`), false)
  }
  assert.equal(bcryptCost(`$2b$15$${rest}`), 15)
  assert.equal(bcryptCost(`$2b$4$${rest}`), undefined)
})

test('the hashes for unknown users have the form and cost of real ones and match nothing', () => {
  const ours = impossibleHash()
  assert.match(ours, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(impossibleHash(), ours)
  const theirs = impossibleBcryptHash(cheap)
  assert.equal(bcryptCost(theirs), cheap)
  assert.equal(bcryptCost(impossibleBcryptHash(12)), 12)
  for (const password of ['', 'x', theirs, ours]) {
    assert.equal(verifyPassword(password, ours), false)
    assert.equal(verifyPassword(password, theirs), false)
  }
})
