import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { hashSecret, makeSecret, readSecret, secretKinds, secretPattern } from './secret-format.ts'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const kind = fc.constantFrom(...secretKinds)
const secret = kind.map((one) => makeSecret(one))

/** Written another way than the code under test: digits of a big number. */
function checksumOf(text: string): string {
  let digits = ''
  for (let number = BigInt(crc32(text)); number > 0n; number /= 62n) {
    digits = alphabet.charAt(Number(number % 62n)) + digits
  }
  return digits.padStart(6, '0')
}

test('a secret tells its kind, has 30 random characters, and ends with the checksum of the rest', () => {
  for (const one of secretKinds) {
    const made = makeSecret(one)
    assert.match(made, new RegExp(`^carrel_${one}_[0-9A-Za-z]{36}$`))
    assert.equal(made.slice(-6), checksumOf(made.slice(0, -6)))
    assert.deepEqual(readSecret(made), { kind: one })
    assert.match(`export TOKEN=${made}; next`, secretPattern)
  }
})

test('a secret with the smallest and the largest checksum fits the published pattern', () => {
  const { source } = secretPattern
  assert.match(`carrel_pat_${'a'.repeat(30)}000000`, secretPattern)
  assert.match(`carrel_pat_${'a'.repeat(30)}4gfFC3`, secretPattern)
  // 62^5 * 4 + … is the largest number of 32 bits.
  assert.equal(0xffff_ffff < 62 ** 5 * 5, true)
  assert.match(source, /\(\?:pat\|robot\|login\|refresh\|session\|device\)/)
  assert.doesNotMatch(`Xcarrel_pat_${'a'.repeat(30)}000000`, secretPattern)
  assert.doesNotMatch(`carrel_pat_${'a'.repeat(30)}0000000`, secretPattern)
})

test('a secret with one changed character is none', () => {
  fc.assert(
    fc.property(
      secret,
      fc.nat(),
      fc.constantFrom(...alphabet.split(''), '_', '-', 'é'),
      (made, at, put) => {
        const place = at % made.length
        fc.pre(made.charAt(place) !== put)
        assert.equal(readSecret(made.slice(0, place) + put + made.slice(place + 1)), undefined)
      },
    ),
    { numRuns: 3000 },
  )
})

test('a secret with two neighbours exchanged is none', () => {
  fc.assert(
    fc.property(secret, fc.nat(), (made, at) => {
      const place = at % (made.length - 1)
      const [left, right] = [made.charAt(place), made.charAt(place + 1)]
      fc.pre(left !== right)
      const changed = made.slice(0, place) + right + left + made.slice(place + 2)
      assert.equal(readSecret(changed), undefined)
    }),
    { numRuns: 1000 },
  )
})

test('a secret cannot be passed off as one of another kind', () => {
  fc.assert(
    fc.property(secret, kind, (made, other) => {
      const own = readSecret(made)?.kind
      fc.pre(own !== other)
      assert.equal(readSecret(made.replace(`carrel_${own}_`, `carrel_${other}_`)), undefined)
    }),
    { numRuns: 500 },
  )
})

test('what is longer, shorter or merely contains a secret is none', () => {
  const made = makeSecret('pat')
  const others = ['', 'carrel_', made.slice(1), made.slice(0, -1), `${made}a`, ` ${made}`]
  for (const text of [...others, `${made}\n`, `${made}\0`, made.toUpperCase(), made.repeat(1000)]) {
    assert.equal(readSecret(text), undefined, JSON.stringify(text.slice(0, 80)))
  }
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (text) => {
      assert.equal(readSecret(text), undefined)
    }),
  )
})

test('every character is as likely as any other, and no secret comes twice', () => {
  const rounds = 4000
  const seen = new Set<string>()
  const counts = new Map<string, number>()
  for (let round = 0; round < rounds; round += 1) {
    const drawn = makeSecret('pat').slice('carrel_pat_'.length, -6)
    seen.add(drawn)
    for (const character of drawn) counts.set(character, (counts.get(character) ?? 0) + 1)
  }
  assert.equal(seen.size, rounds)
  const expected = (rounds * 30) / alphabet.length
  // 6.5 deviations: by chance once in 10^8 runs. `byte % 62` without care would make eight of them 25 % likelier.
  const slack = 6.5 * Math.sqrt(expected)
  for (const character of alphabet) {
    const difference = Math.abs((counts.get(character) ?? 0) - expected)
    assert.ok(difference < slack, `${character}: off by ${difference}`)
  }
})

test('a secret is stored as its SHA-256 in hexadecimal', () => {
  const made = makeSecret('robot')
  assert.equal(hashSecret(made), createHash('sha256').update(made).digest('hex'))
})
