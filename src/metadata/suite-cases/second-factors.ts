// Cases of the contract: second factors of principals.
import assert from 'node:assert/strict'
import { openAt } from '../test-support/store-address.ts'
import { clearTotp, findTotp, setTotp, useTotpStep } from '../totp.ts'
import { aUser, type Case } from './case.ts'

const sealed = Uint8Array.of(1, 2, 3, 0, 255)
const other = Uint8Array.of(9, 9)

export const secondFactors: readonly Case[] = [
  [
    'a second factor begins unconfirmed, may be begun anew, and is confirmed by its first code',
    async (store) => {
      const id = await store.write(async (tx) => aUser(tx, 'alice'))
      assert.equal(await findTotp(store, id), undefined)
      await store.write(async (tx) => {
        assert.equal(await useTotpStep(tx, id, 10), false)
        assert.equal(await setTotp(tx, id, other), true)
        assert.equal(await setTotp(tx, id, sealed), true)
        assert.equal(await setTotp(tx, id + 1, sealed), false)
      })
      const begun = await findTotp(store, id)
      assert.deepEqual([Uint8Array.from(begun?.sealed ?? []), begun?.lastStep], [sealed, undefined])
      assert.equal(await store.write(async (tx) => useTotpStep(tx, id, 10)), true)
      assert.equal((await findTotp(store, id))?.lastStep, 10)
    },
  ],
  [
    'a confirmed second factor is not replaced, only taken away',
    async (store) => {
      await store.write(async (tx) => {
        const id = await aUser(tx, 'alice')
        const bob = await aUser(tx, 'bob')
        for (const who of [id, bob]) {
          await setTotp(tx, who, sealed)
          await useTotpStep(tx, who, 10)
        }
        assert.equal(await setTotp(tx, id, other), false)
        assert.deepEqual(Uint8Array.from((await findTotp(tx, id))?.sealed ?? []), sealed)
        assert.equal(await clearTotp(tx, id), true)
        assert.equal(await clearTotp(tx, id), false)
        assert.equal(await findTotp(tx, id), undefined)
        assert.equal((await findTotp(tx, bob))?.lastStep, 10)
        assert.equal(await setTotp(tx, id, other), true)
      })
    },
  ],
  [
    'a code is used once, however many present it at once, and none before it works any more',
    async (store, address) => {
      await using second = await openAt(address)
      const id = await store.write(async (tx) => {
        const made = await aUser(tx, 'alice')
        await setTotp(tx, made, sealed)
        return made
      })
      for (const step of [10, 11]) {
        const used = await Promise.all(
          Array.from({ length: 50 }, async (_, number) =>
            (number % 2 === 0 ? store : second).write(async (tx) => useTotpStep(tx, id, step)),
          ),
        )
        assert.equal(used.filter(Boolean).length, 1)
      }
      assert.equal(await store.write(async (tx) => useTotpStep(tx, id, 10)), false)
      assert.equal((await findTotp(store, id))?.lastStep, 11)
    },
  ],
]
