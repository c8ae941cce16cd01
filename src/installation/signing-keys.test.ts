import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTokenIssuer } from '../auth/bearer.ts'
import { listSigningKeys } from '../metadata/settings.ts'
import { ensureIdentity } from './identity.ts'
import { maintainSigningKeys, readSigningKeys, replaceSigningKeys } from './signing-keys.ts'
import { openTestInstallation } from './test-support.ts'

const day = 24 * 60 * 60_000
const anybody = { kind: 'anonymous' } as const

test('a key is replaced after 90 days, signs once everybody knows it, and goes when nothing needs it', async () => {
  await using installation = await openTestInstallation()
  const { metadata } = installation
  const [first] = (await ensureIdentity(metadata)).signingKeys
  const start = Date.now()
  await maintainSigningKeys(metadata, start + 89 * day)
  assert.equal((await listSigningKeys(metadata)).length, 1)
  await maintainSigningKeys(metadata, start + 91 * day)
  const soon = await readSigningKeys(metadata, start + 60_000)
  assert.equal(soon.length, 2)
  assert.equal(soon[0]?.kid, first?.kid)
  const later = await readSigningKeys(metadata, start + 60 * 60_000)
  assert.notEqual(later[0]?.kid, first?.kid)
  assert.equal(later[1]?.kid, first?.kid)
  await maintainSigningKeys(metadata, start + day)
  assert.equal((await listSigningKeys(metadata)).length, 2)
  await maintainSigningKeys(metadata, start + 3 * day)
  assert.deepEqual(
    (await readSigningKeys(metadata, start + 3 * day)).map(({ kid }) => kid),
    [later[0]?.kid],
  )
})

test('tokens of a key that is being replaced are taken, those of a removed one are not', async () => {
  await using installation = await openTestInstallation()
  const { metadata } = installation
  const { id, signingKeys } = await ensureIdentity(metadata)
  const issuer = createTokenIssuer({ keys: signingKeys, installationId: id })
  const { token } = await issuer.issue(anybody, [])
  assert.ok(await issuer.verify(token))
  await maintainSigningKeys(metadata, Date.now() + 91 * day)
  issuer.replaceKeys(await readSigningKeys(metadata, Date.now() + 60 * 60_000))
  assert.ok(await issuer.verify(token))
  const { kid } = await replaceSigningKeys(metadata, { name: 'operator' })
  issuer.replaceKeys(await readSigningKeys(metadata))
  assert.equal(issuer.recall(token), undefined)
  assert.equal(await issuer.verify(token), undefined)
  const renewed = await issuer.issue(anybody, [])
  assert.ok(await issuer.verify(renewed.token))
  assert.deepEqual(
    (await listSigningKeys(metadata)).map((key) => key.kid),
    [kid],
  )
})
