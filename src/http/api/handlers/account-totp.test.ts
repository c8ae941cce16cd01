import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { suite, test, type TestContext } from 'node:test'
import { codeAt } from '../../../access/test-support/authenticator-app.ts'
import type { LoginGate } from '../../../auth/check-password.ts'
import { findPrincipalByName } from '../../../metadata/principals.ts'
import { OciError } from '../../../oci/errors.ts'
import { createApi } from '../api.ts'
import { anApi, ask, clientOf, type TestApi } from '../test-support/api.ts'

/** Counts wrong codes, and lets nobody in after three. */
function aGate(): LoginGate {
  let wrong = 0
  return {
    async enter() {
      if (wrong >= 3) throw new OciError('TOOMANYREQUESTS', { message: 'Wait.' })
      return {
        async ended(principal) {
          wrong = principal === undefined ? wrong + 1 : 0
        },
        async withdrawn() {},
      }
    },
    async completed() {},
  }
}

async function aTotpApi(t: TestContext): Promise<TestApi> {
  const app = await anApi(t)
  const api = createApi({
    metadata: app.metadata,
    passwords: { hash: async () => '', verify: async () => false },
    forgetPrincipal: (id) => void app.forgotten.push(id),
    totpKey: randomBytes(32),
    audience: () => 'https://registry.example.com:5443',
    gate: aGate(),
  })
  return { ...app, api }
}

const codeOf = (secret: string) => codeAt(secret, Date.now())

suite('/api/v1/account/totp', () => {
  test('a second factor is begun, confirmed and switched off with a recovery code', async (t) => {
    const app = await aTotpApi(t)
    const ann = await clientOf(app, 'ann')
    const { secret, uri } = await ann.call('totp.start', {})
    assert.ok(uri.startsWith('otpauth://totp/registry.example.com%3A5443:ann?'), uri)
    assert.equal((await ann.call('account.show', {})).totp, false)
    const { recoveryCodes } = await ann.call('totp.confirm', { code: codeOf(secret) })
    assert.equal(recoveryCodes.length, 10)
    assert.equal((await ann.call('account.show', {})).totp, true)
    const again = await ask(app, 'POST /api/v1/account/totp', { as: 'ann' })
    assert.equal(again.status, 409)
    await ann.call('totp.stop', { code: recoveryCodes[0] ?? '' })
    assert.equal((await findPrincipalByName(app.metadata, 'ann'))?.secondFactor, false)
    assert.equal(app.forgotten.length, 2)
  })

  test('wrong codes are counted, and end in waiting', async (t) => {
    const app = await aTotpApi(t)
    const ann = await clientOf(app, 'ann')
    const { secret } = await ann.call('totp.start', {})
    await ann.call('totp.confirm', { code: codeOf(secret) })
    const off = async (code: string) =>
      (await ask(app, 'POST /api/v1/account/totp/off', { as: 'ann', body: { code } })).status
    assert.deepEqual([await off('000000'), await off('111111'), await off('x')], [422, 422, 422])
    assert.equal(await off('222222'), 429)
    assert.equal((await findPrincipalByName(app.metadata, 'ann'))?.secondFactor, true)
  })

  test('is for those who have an account', async (t) => {
    const app = await aTotpApi(t)
    for (const as of ['operator', 'anonymous']) {
      const answer = await ask(app, 'POST /api/v1/account/totp', { as })
      assert.ok([401, 403, 404].includes(answer.status), as)
    }
  })
})
