import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { suite, test } from 'node:test'
import { findPrincipalById, insertPrincipal, findPrincipalByName } from '../metadata/principals.ts'
import { countRecoveryCodes } from '../metadata/recovery-codes.ts'
import { findTotp } from '../metadata/totp.ts'
import { bytesOf, codeAt } from './test-support/authenticator-app.ts'
import { addUser, auditOf, openWorld, refusal, type World } from './test-support/world.ts'
import {
  checkSecondFactor,
  confirmTotp,
  renewRecoveryCodes,
  startTotp,
  removeTotp,
  stopTotp,
  type TotpDeps,
} from './totp-account.ts'

const stepMs = 30_000
const issuer = 'registry.example.com'
const start = Date.UTC(2026, 10, 1)

function depsOf({ metadata }: World): TotpDeps {
  return { metadata, totpKey: randomBytes(32) }
}

/** Ann with a second factor, confirmed at `start`. */
async function enrolled(world: World, deps: TotpDeps) {
  const ann = await addUser(world, 'ann')
  const principalId = ann.id
  const { secret } = await startTotp(deps, { principalId, issuer })
  const code = codeAt(secret, start)
  const { recoveryCodes } = await confirmTotp(deps, ann, { principalId, code })
  return { ann, principalId, secret, recoveryCodes }
}

suite('a second factor', () => {
  test('is on only after a right code has shown that the app has the secret', async (t) => {
    await using world = await openWorld()
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const deps = depsOf(world)
    const ann = await addUser(world, 'ann')
    const principalId = ann.id
    const isOn = async () => (await findPrincipalById(world.metadata, principalId))?.secondFactor
    const early = confirmTotp(deps, ann, { principalId, code: '123456' })
    await assert.rejects(early, refusal('invalid', /no second factor waits/))
    const { secret, uri } = await startTotp(deps, { principalId, issuer })
    assert.match(secret, /^[A-Z2-7]{32}$/)
    assert.ok(uri.startsWith(`otpauth://totp/registry.example.com:ann?secret=${secret}&`))
    const wrong = codeAt(secret, start + 10 * stepMs)
    const refused = confirmTotp(deps, ann, { principalId, code: wrong })
    await assert.rejects(refused, refusal('invalid', /code is wrong/))
    assert.equal(await isOn(), false)
    assert.equal(await checkSecondFactor(deps, principalId, codeAt(secret, start)), undefined)
    const code = codeAt(secret, start)
    const { recoveryCodes } = await confirmTotp(deps, ann, { principalId, code })
    assert.equal(await isOn(), true)
    assert.equal(new Set(recoveryCodes).size, 10)
    const again = startTotp(deps, { principalId, issuer })
    await assert.rejects(again, refusal('exists', /already/))
    await assert.rejects(
      confirmTotp(deps, ann, { principalId, code }),
      refusal('exists', /already/),
    )
    assert.equal((await auditOf(world, 'user.totp-on')).length, 1)
    const stored = await findTotp(world.metadata, principalId)
    assert.ok(!Buffer.from(stored?.sealed ?? []).includes(Buffer.from(bytesOf(secret))))
  })

  test('that is begun again forgets what was begun before', async (t) => {
    await using world = await openWorld()
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const deps = depsOf(world)
    const ann = await addUser(world, 'ann')
    const principalId = ann.id
    const first = await startTotp(deps, { principalId, issuer })
    const second = await startTotp(deps, { principalId, issuer })
    const old = confirmTotp(deps, ann, { principalId, code: codeAt(first.secret, start) })
    await assert.rejects(old, refusal('invalid', /code is wrong/))
    await confirmTotp(deps, ann, { principalId, code: codeAt(second.secret, start) })
  })

  test('takes each code once, also of fifty who present it at once', async (t) => {
    await using world = await openWorld()
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const deps = depsOf(world)
    const { principalId, secret } = await enrolled(world, deps)
    assert.equal(await checkSecondFactor(deps, principalId, codeAt(secret, start)), undefined)
    t.mock.timers.setTime(start + 2 * stepMs)
    const code = codeAt(secret, start + 2 * stepMs)
    const tries = Array.from({ length: 50 }, async () => checkSecondFactor(deps, principalId, code))
    const right = (await Promise.all(tries)).filter((answer) => answer !== undefined)
    assert.deepEqual(right, ['totp'])
    // The one of the step before is older than what was used.
    const older = codeAt(secret, start + stepMs)
    assert.equal(await checkSecondFactor(deps, principalId, older), undefined)
    const next = codeAt(secret, start + 3 * stepMs)
    assert.equal(await checkSecondFactor(deps, principalId, next), 'totp')
  })

  test('is not that of another principal, nor of somebody without one', async (t) => {
    await using world = await openWorld()
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const deps = depsOf(world)
    const { secret, recoveryCodes } = await enrolled(world, deps)
    const bob = await addUser(world, 'bob')
    const code = codeAt(secret, start + stepMs)
    for (const typed of [code, recoveryCodes[0] ?? '', '']) {
      assert.equal(await checkSecondFactor(deps, bob.id, typed), undefined)
    }
  })

  test('has ten recovery codes that each work once, however they are typed', async (t) => {
    await using world = await openWorld()
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const deps = depsOf(world)
    const { principalId, recoveryCodes } = await enrolled(world, deps)
    const [first = '', second = ''] = recoveryCodes
    const tries = Array.from({ length: 10 }, async () =>
      checkSecondFactor(deps, principalId, first.toLowerCase().replaceAll('-', ' ')),
    )
    const right = (await Promise.all(tries)).filter((answer) => answer !== undefined)
    assert.deepEqual(right, ['recovery'])
    assert.equal(await countRecoveryCodes(world.metadata, principalId), 9)
    // Codes work when the secret can no longer be read.
    const lostKey = { ...deps, totpKey: randomBytes(32) }
    assert.equal(await checkSecondFactor(lostKey, principalId, second), 'recovery')
    const renewed = await renewRecoveryCodes(deps, { principalId, code: recoveryCodes[2] ?? '' })
    assert.equal(await checkSecondFactor(deps, principalId, recoveryCodes[3] ?? ''), undefined)
    assert.equal(await countRecoveryCodes(world.metadata, principalId), 10)
    const [fresh = ''] = renewed.recoveryCodes
    assert.equal(await checkSecondFactor(deps, principalId, fresh), 'recovery')
  })

  test('is switched off with a code or by an administrator, and leaves nothing behind', async (t) => {
    await using world = await openWorld()
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const deps = depsOf(world)
    const { ann, principalId, secret, recoveryCodes } = await enrolled(world, deps)
    const boss = await addUser(world, 'boss')
    for (const code of ['', '000000', codeAt(secret, start)]) {
      const refused = stopTotp(deps, ann, { principalId, code })
      await assert.rejects(refused, refusal('invalid', /code is wrong/))
    }
    await stopTotp(deps, ann, { principalId, code: codeAt(secret, start + stepMs) })
    assert.equal(await checkSecondFactor(deps, principalId, recoveryCodes[0] ?? ''), undefined)
    assert.equal(await findTotp(world.metadata, principalId), undefined)
    assert.equal(await countRecoveryCodes(world.metadata, principalId), 0)
    const off = stopTotp(deps, ann, { principalId, code: codeAt(secret, start) })
    await assert.rejects(off, refusal('invalid', /has no second factor/))
    const again = await startTotp(deps, { principalId, issuer })
    const code = codeAt(again.secret, start)
    await confirmTotp(deps, ann, { principalId, code })
    await removeTotp(deps, boss, principalId)
    assert.equal((await findPrincipalById(world.metadata, principalId))?.secondFactor, false)
    const [, second] = await auditOf(world, 'user.totp-off')
    assert.deepEqual([second?.actor.name, second?.subject], ['boss', 'user:ann'])
  })

  test('is for people whose password is checked here', async () => {
    await using world = await openWorld()
    const deps = depsOf(world)
    await world.metadata.write(async (tx) => {
      await insertPrincipal(tx, { name: 'ci', provider: 'robot', kind: 'robot' })
      await insertPrincipal(tx, { name: 'eve', provider: 'oidc:corp' })
    })
    for (const [name, reason] of [
      ['ci', /no person/],
      ['eve', /not kept here/],
    ] as const) {
      const row = await findPrincipalByName(world.metadata, name)
      const begun = startTotp(deps, { principalId: row?.id ?? 0, issuer })
      await assert.rejects(begun, refusal('invalid', reason))
    }
    const nobody = startTotp(deps, { principalId: 999, issuer })
    await assert.rejects(nobody, refusal('not-found', /no such account/))
  })
})
