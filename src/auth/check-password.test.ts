import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCheckPassword } from './check-password.ts'
import type { CheckPassword } from './check-password.ts'
import type { Htpasswd } from './htpasswd.ts'
import { bcryptCost, impossibleBcryptHash } from './password-hash.ts'
import type { PrincipalRecord } from './principal.ts'
import { aDirectory, aRecord } from './test-support/identities.ts'

const nowhere = { address: '127.0.0.1' }
const fileHash = impossibleBcryptHash(7)
const ownHash = '$argon2id$own'
const local = aRecord('alice', { id: 1, passwordHash: ownHash })
const filed: PrincipalRecord = { ...local, id: 2, provider: 'htpasswd', passwordHash: undefined }

interface Setup {
  readonly check: (user: string, password: string) => ReturnType<CheckPassword>
  readonly checked: string[]
}

/** `right`: the hashes that every password matches, so that only the choice of the hash is tested. */
function aCheck(options: {
  found?: PrincipalRecord
  made?: PrincipalRecord
  inFile?: boolean
  right: readonly string[]
}): Setup {
  const checked: string[] = []
  const htpasswd: Htpasswd = {
    lookup: () => Promise.resolve(options.inFile === false ? undefined : fileHash),
    current: () => undefined,
    isFresh: () => true,
    cost: () => 7,
  }
  const checkFrom = createCheckPassword({
    principals: {
      ...aDirectory,
      findByName: () => Promise.resolve(options.found),
      findById: () => Promise.resolve(undefined),
      ensureHtpasswdUser: () => Promise.resolve(options.made ?? filed),
    },
    passwords: {
      verify(_, hash) {
        checked.push(hash)
        return Promise.resolve(options.right.includes(hash))
      },
    },
    htpasswd,
    warn: () => undefined,
  })
  const check: Setup['check'] = async (user, password) => checkFrom(user, password, nowhere)
  return { check, checked }
}

test('a right password is checked against the own hash and nothing else', async () => {
  const own = aCheck({ found: local, right: [ownHash] })
  assert.deepEqual(await own.check('alice', 'pw'), { principalId: 1, storedHash: ownHash })
  assert.deepEqual(own.checked, [ownHash])
  const file = aCheck({ right: [fileHash] })
  assert.deepEqual(await file.check('alice', 'pw'), { principalId: 2, storedHash: fileHash })
  assert.deepEqual(file.checked, [fileHash])
})

test('an empty user name or password is never right', async () => {
  for (const [user, password] of [
    ['', 'pw'],
    ['alice', ''],
    ['', ''],
  ] as const) {
    for (const found of [local, filed]) {
      const { check, checked } = aCheck({ found, right: [ownHash, fileHash] })
      assert.equal(await check(user, password), undefined)
      assert.ok(!checked.includes(ownHash) && !checked.includes(fileHash))
    }
  }
})

test('a principal that an htpasswd user must not become is refused', async () => {
  for (const made of [local, { ...filed, disabled: true }, { ...filed, name: 'Alice' }]) {
    const { check } = aCheck({ made, right: [fileHash] })
    assert.equal(await check('alice', 'pw'), undefined)
  }
})

test('whatever is wrong, one hash of each kind is computed, bcrypt with the cost of the file', async () => {
  const cases = [
    aCheck({ found: local, right: [] }),
    aCheck({ found: { ...local, disabled: true }, right: [ownHash] }),
    aCheck({ found: { ...local, passwordHash: undefined }, right: [fileHash] }),
    aCheck({ found: filed, right: [] }),
    aCheck({ found: filed, inFile: false, right: [] }),
    aCheck({ inFile: true, right: [] }),
    aCheck({ inFile: false, right: [] }),
  ]
  for (const [index, { check, checked }] of cases.entries()) {
    assert.equal(await check('alice', 'pw'), undefined, `case ${index}`)
    const kinds = checked.map((hash) => String(bcryptCost(hash) ?? 'argon2id')).toSorted()
    assert.deepEqual(kinds, ['7', 'argon2id'], `case ${index}`)
  }
})

test('the hash of the file does not open a local account', async () => {
  const { check } = aCheck({ found: local, right: [fileHash] })
  assert.equal(await check('alice', 'pw'), undefined)
})
