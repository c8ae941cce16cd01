import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hashSecret, makeSecret, readSecret } from '../auth/secret-format.ts'
import { changePrincipal, deletePrincipal, findPrincipalByName } from '../metadata/principals.ts'
import { findSecret } from '../metadata/token-secrets.ts'
import {
  agreeDevice,
  findDevice,
  pollDevice,
  refuseDevice,
  startDevice,
  type DeviceOrigin,
} from './device-login.ts'
import { addUser, openWorld, refusal } from './test-support/world.ts'

const origin: DeviceOrigin = { host: 'build-7', address: '192.0.2.7', userAgent: 'carrel/0.1' }
const from = { address: '192.0.2.7' }
const unknown = refusal('not-found', /nobody waits with this code/)

suite('a device that asks to be signed in', () => {
  test('waits with a code for people, gets a token when somebody agrees, and only once', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const started = await startDevice(world, origin)
    assert.match(started.userCode, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    assert.equal(readSecret(started.deviceCode)?.kind, 'device')
    assert.equal(started.intervalSeconds, 5)
    assert.ok(Math.abs(started.expiresAt - Date.now() - 10 * 60_000) < 10_000)
    const poll = async () => pollDevice(world, started.deviceCode, from)
    assert.deepEqual(await poll(), { state: 'waiting' })
    const seen = await findDevice(world, started.userCode.toLowerCase().replace('-', ' '))
    assert.deepEqual([seen?.host, seen?.address], ['build-7', '192.0.2.7'])
    await agreeDevice(world, ann, started.userCode)
    const answers = await Promise.all([poll(), poll(), poll()])
    const got = answers.flatMap((answer) => (answer.state === 'agreed' ? [answer.token] : []))
    assert.equal(got.length, 1)
    const [token] = got
    assert.deepEqual(
      [token?.name, token?.owner.name, token?.kind, token?.scopes],
      ['carrel login on build-7', 'ann', 'personal', undefined],
    )
    assert.ok(Math.abs((token?.expiresAt ?? 0) - Date.now() - 90 * 86_400_000) < 60_000)
    const found = await findSecret(world.metadata, hashSecret(token?.secret ?? ''))
    assert.equal(found?.token.id, token?.id)
    assert.deepEqual(await poll(), { state: 'expired' })
  })

  test('is told when it is refused', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const { deviceCode, userCode } = await startDevice(world, origin)
    await refuseDevice(world, ann, userCode)
    await assert.rejects(agreeDevice(world, ann, userCode), unknown)
    assert.equal(await findDevice(world, userCode), undefined)
    assert.deepEqual(await pollDevice(world, deviceCode, from), { state: 'refused' })
    assert.deepEqual(await pollDevice(world, deviceCode, from), { state: 'expired' })
  })

  test('is answered once: who agrees later is told that nobody waits', async () => {
    await using world = await openWorld()
    const [ann, bob] = [await addUser(world, 'ann'), await addUser(world, 'bob')]
    const { deviceCode, userCode } = await startDevice(world, origin)
    const answers = await Promise.allSettled([
      agreeDevice(world, ann, userCode),
      agreeDevice(world, bob, userCode),
    ])
    const winners = answers.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []))
    assert.equal(winners.length, 1)
    const answer = await pollDevice(world, deviceCode, from)
    assert.ok(answer.state === 'agreed')
    assert.equal(answer.token.owner.id, [ann.id, bob.id][winners[0] ?? 0])
  })

  test('is not found by guessing, nor by the code of the other side', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const { deviceCode, userCode } = await startDevice(world, origin)
    const next = userCode.startsWith('B') ? `C${userCode.slice(1)}` : `B${userCode.slice(1)}`
    for (const typed of [
      next,
      '',
      userCode.slice(1),
      `${userCode}B`,
      deviceCode,
      '%',
      "' or 1=1",
    ]) {
      await assert.rejects(agreeDevice(world, ann, typed), unknown)
      assert.equal(await findDevice(world, typed), undefined)
    }
    for (const other of [userCode, makeSecret('device'), makeSecret('pat'), '']) {
      assert.deepEqual(await pollDevice(world, other, from), { state: 'expired' })
    }
    assert.deepEqual(await pollDevice(world, deviceCode, from), { state: 'waiting' })
  })

  test('waits 10 minutes', async (t) => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const start = Date.UTC(2026, 10, 1)
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const late = await startDevice(world, origin)
    const agreed = await startDevice(world, origin)
    t.mock.timers.setTime(start + 10 * 60_000 - 1)
    await agreeDevice(world, ann, agreed.userCode)
    t.mock.timers.setTime(start + 10 * 60_000)
    await assert.rejects(agreeDevice(world, ann, late.userCode), unknown)
    for (const { deviceCode } of [late, agreed]) {
      assert.deepEqual(await pollDevice(world, deviceCode, from), { state: 'expired' })
    }
  })

  test('gets nothing when who agreed was disabled or removed before it asked again', async () => {
    await using world = await openWorld()
    const [ann, bob] = [await addUser(world, 'ann'), await addUser(world, 'bob')]
    const [one, two] = [await startDevice(world, origin), await startDevice(world, origin)]
    await agreeDevice(world, ann, one.userCode)
    await agreeDevice(world, bob, two.userCode)
    await world.metadata.write(async (tx) => {
      const row = await findPrincipalByName(tx, 'ann')
      assert.ok(row)
      await changePrincipal(tx, { ...row, disabled: true })
      await deletePrincipal(tx, bob.id)
    })
    assert.deepEqual(await pollDevice(world, one.deviceCode, from), { state: 'refused' })
    assert.deepEqual(await pollDevice(world, two.deviceCode, from), { state: 'expired' })
  })

  test('has a name without anything that a terminal or a page would obey', async () => {
    await using world = await openWorld()
    const hosts: readonly (readonly [string | undefined, string])[] = [
      ['<b>x</b>\u001b[2J', 'bxb2J'],
      ['a'.repeat(500), 'a'.repeat(60)],
      ['\u202e', 'an unnamed machine'],
      [undefined, 'an unnamed machine'],
    ]
    for (const [host, shown] of hosts) {
      const { userCode } = await startDevice(world, { ...origin, host })
      assert.equal((await findDevice(world, userCode))?.host, shown)
    }
  })
})
