import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkTotp, encodeTotpSecret, makeTotpSecret, totpCode, totpStep, totpUri } from './totp.ts'

/** The SHA-1 seed of RFC 6238 appendix B. */
const seed = Buffer.from('12345678901234567890')
/** RFC 6238 appendix B, SHA-1: seconds since 1970, and the last six of its eight digits. */
const vectors = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
] as const
/** RFC 4226 appendix D: the codes of the counts 0 to 9. */
const counted = '755224 287082 359152 969429 338314 254676 287922 162583 399871 520489'.split(' ')

test('codes are those of RFC 6238 appendix B and RFC 4226 appendix D', () => {
  for (const [seconds, code] of vectors) {
    assert.equal(totpCode(seed, totpStep(seconds * 1000)), code)
    const step = Math.floor(seconds / 30)
    assert.equal(checkTotp(seed, code, { now: seconds * 1000, lastStep: undefined }), step)
  }
  for (const [count, code] of counted.entries()) assert.equal(totpCode(seed, count), code)
})

test('a code counts in its step, the one before and the one after, and in no other', () => {
  const step = 1_000_000
  const code = totpCode(seed, step)
  for (const [from, expected] of [
    [-2, undefined],
    [-1, step],
    [0, step],
    [1, step],
    [2, undefined],
  ] as const) {
    for (const within of [0, 29_999]) {
      const now = (step + from) * 30_000 + within
      assert.equal(checkTotp(seed, code, { now, lastStep: undefined }), expected, `${from}`)
    }
  }
})

test('a code counts once: never that of a step that was used, or of one before it', () => {
  const step = 1_000_000
  const now = step * 30_000
  for (const from of [-1, 0, 1]) {
    const code = totpCode(seed, step + from)
    assert.equal(checkTotp(seed, code, { now, lastStep: step + from }), undefined)
    assert.equal(checkTotp(seed, code, { now, lastStep: step + 1 }), undefined)
    assert.equal(checkTotp(seed, code, { now, lastStep: step + from - 1 }), step + from)
  }
})

test('a code is read with blanks, and nothing else is a code', () => {
  const now = 59_000
  const moment = { now, lastStep: undefined }
  for (const typed of ['287082', '287 082', ' 287082 ']) {
    assert.equal(checkTotp(seed, typed, moment), 1, typed)
  }
  const wrong = [
    '',
    '28708',
    '2870820',
    '287083',
    '94287082',
    '２８７０８２',
    '287O82',
    '-87082',
    '2.7e82',
  ]
  for (const typed of [...wrong, '28708\u0000', ' '.repeat(50_000)]) {
    assert.equal(checkTotp(seed, typed, moment), undefined, JSON.stringify(typed.slice(0, 20)))
  }
})

test('a code of another secret is wrong', () => {
  const now = 1_700_000_000_000
  const [mine, other] = [makeTotpSecret(), makeTotpSecret()]
  const codes = [-1, 0, 1].map((from) => totpCode(other, totpStep(now) + from))
  const valid = new Set([-1, 0, 1].map((from) => totpCode(mine, totpStep(now) + from)))
  for (const code of codes) {
    // By chance, one in 100,000 runs has a code in common.
    if (valid.has(code)) continue
    assert.equal(checkTotp(mine, code, { now, lastStep: undefined }), undefined)
  }
})

test('the steps before 1970 harm nobody', () => {
  assert.equal(checkTotp(seed, '755224', { now: 0, lastStep: undefined }), 0)
})

test('secrets have 160 bits and differ', () => {
  const made = Array.from({ length: 50 }, makeTotpSecret)
  for (const secret of made) assert.equal(secret.length, 20)
  assert.equal(new Set(made.map(encodeTotpSecret)).size, 50)
})

/** Base 32 the slow way, on text of bits. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const groups = bits.match(/.{1,5}/g) ?? []
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  return groups.map((group) => letters.charAt(Number.parseInt(group.padEnd(5, '0'), 2))).join('')
}

test('secrets are written in base 32 without padding', () => {
  // RFC 4648 §10.
  const known = {
    f: 'MY',
    fo: 'MZXQ',
    foo: 'MZXW6',
    foob: 'MZXW6YQ',
    fooba: 'MZXW6YTB',
    foobar: 'MZXW6YTBOI',
  }
  for (const [text, encoded] of Object.entries(known)) {
    assert.equal(encodeTotpSecret(Buffer.from(text)), encoded)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.equal(encodeTotpSecret(bytes), base32(bytes))
    }),
  )
})

test('the URI for the app says whose codes these are, and survives any name', () => {
  const uri = totpUri({
    issuer: 'Carrel: a & b',
    account: 'alice?secret=x@example.org',
    secret: seed,
  })
  const parsed = new URL(uri)
  assert.equal(parsed.protocol, 'otpauth:')
  assert.equal(parsed.host, 'totp')
  const label = decodeURIComponent(parsed.pathname.slice(1))
  assert.equal(label, 'Carrel: a & b:alice?secret=x@example.org')
  assert.deepEqual(Object.fromEntries(parsed.searchParams), {
    secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
    issuer: 'Carrel: a & b',
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  })
})
