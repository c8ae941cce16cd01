// Cases of the contract: what write and read promise.
import assert from 'node:assert/strict'
import { findLinkedBlob } from '../blobs.ts'
import { findManifest } from '../manifests.ts'
import { findSetting, ensureSetting } from '../settings.ts'
import { findRepository, insertRepository, updateRepository } from '../repositories.ts'
import { aBlob, aManifest, aRepository, aTag, digest, name, type Case } from './case.ts'
import { openAt } from '../test-support/store-address.ts'
import { findTag } from '../tags.ts'
import { parseTag } from '../../oci/reference.ts'

class Refused extends Error {}

export const transactions: readonly Case[] = [
  [
    'write gives what its work gives, and what it wrote is there',
    async (store) => {
      const id = await store.write(async (tx) => aRepository(tx, 'team/app'))
      assert.equal((await findRepository(store, name('team/app')))?.id, id)
    },
  ],
  [
    'a write sees what it has written itself, and nobody else does before it ends',
    async (store, address) => {
      await using other = await openAt(address)
      await store.write(async (tx) => {
        await ensureSetting(tx, 'key', 'value')
        assert.equal(await findSetting(tx, 'key'), 'value')
        assert.equal(await findSetting(store, 'key'), undefined)
        assert.equal(await findSetting(other, 'key'), undefined)
        assert.equal(await other.read(async (reader) => findSetting(reader, 'key')), undefined)
      })
      assert.equal(await findSetting(other, 'key'), 'value')
    },
  ],
  [
    'a write that throws leaves nothing, and its error comes through unchanged',
    async (store) => {
      const refusal = new Refused('no')
      const outcome = store.write(async (tx) => {
        await ensureSetting(tx, 'one', 'value')
        await ensureSetting(tx, 'two', 'value')
        throw refusal
      })
      await assert.rejects(outcome, (error) => error === refusal)
      assert.equal(await findSetting(store, 'one'), undefined)
      assert.equal(await findSetting(store, 'two'), undefined)
      await store.write(async (tx) => ensureSetting(tx, 'one', 'later'))
      assert.equal(await findSetting(store, 'one'), 'later')
    },
  ],
  [
    'of many writes at once, one that fails takes no other along and leaves nothing itself',
    async (store) => {
      const numbers = Array.from({ length: 90 }, (_, number) => number)
      const outcomes = await Promise.allSettled(
        numbers.map(async (number) =>
          store.write(async (tx) => {
            await ensureSetting(tx, `before-${number}`, 'value')
            // Half of the failures are the caller's, half the database's.
            if (number % 6 === 1) throw new Refused('no')
            if (number % 6 === 4) await aTag(tx, 404, 'latest', digest('nothing'))
            await ensureSetting(tx, `after-${number}`, 'value')
            return number
          }),
        ),
      )
      for (const [number, outcome] of outcomes.entries()) {
        const fails = number % 3 === 1
        assert.equal(outcome.status, fails ? 'rejected' : 'fulfilled')
        if (outcome.status === 'fulfilled') assert.equal(outcome.value, number)
        else if (number % 6 === 1) assert.ok(outcome.reason instanceof Refused)
        const expected = fails ? undefined : 'value'
        assert.equal(await findSetting(store, `before-${number}`), expected)
        assert.equal(await findSetting(store, `after-${number}`), expected)
      }
    },
  ],
  [
    'what one write did counts for those that come after it in the same commit',
    async (store) => {
      const made = await Promise.all(
        Array.from({ length: 20 }, async () =>
          store.write(async (tx) =>
            insertRepository(tx, {
              name: name('team/app'),
              visibility: 'private',
              createdBy: undefined,
            }),
          ),
        ),
      )
      assert.equal(made.filter((isNew) => isNew).length, 1)
    },
  ],
  [
    'all queries of a read see one moment, whatever is written meanwhile',
    async (store, address) => {
      await using other = await openAt(address)
      const id = await store.write(async (tx) => {
        await ensureSetting(tx, 'a', 'value')
        const made = await aRepository(tx, 'team/app')
        await aTag(tx, made, 'latest', await aManifest(tx, made, 'first'))
        return made
      })
      const latest = parseTag('latest')
      await store.read(async (reader) => {
        assert.equal((await findTag(reader, id, latest))?.digest, digest('first'))
        await other.write(async (tx) => {
          await aTag(tx, id, 'latest', await aManifest(tx, id, 'second'))
          await ensureSetting(tx, 'b', 'value')
        })
        assert.equal((await findTag(reader, id, latest))?.digest, digest('first'))
        assert.equal(await findSetting(reader, 'b'), undefined)
      })
      assert.equal((await findTag(store, id, latest))?.digest, digest('second'))
    },
  ],
  [
    'who has written sees it at once, also while an older read goes on',
    async (store) => {
      await store.write(async (tx) => aRepository(tx, 'team/app'))
      let go = (): void => undefined
      const gate = new Promise<void>((resolve) => (go = resolve))
      let begun = (): void => undefined
      const beginning = new Promise<void>((resolve) => (begun = resolve))
      const older = store.read(async (reader) => {
        const before = await findRepository(reader, name('team/app'))
        begun()
        await gate
        const after = await findRepository(reader, name('team/app'))
        return [before?.description, after?.description]
      })
      await beginning
      await store.write(async (tx) => {
        const repository = await findRepository(tx, name('team/app'))
        assert.ok(repository)
        await updateRepository(tx, { ...repository, description: 'changed' })
      })
      const single = await findRepository(store, name('team/app'))
      const within = store.read(async (reader) => findRepository(reader, name('team/app')))
      go()
      assert.equal(single?.description, 'changed')
      assert.equal((await within)?.description, 'changed')
      assert.deepEqual(await older, ['', ''])
    },
  ],
  [
    'what one store has written, every other sees in its next statement, again and again',
    async (store, address) => {
      await using other = await openAt(address)
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        await aManifest(tx, made, 'image 0')
        return made
      })
      const latest = parseTag('latest')
      for (let round = 0; round < 30; round += 1) {
        const word = `image ${round % 7}`
        const [writer, reader] = round % 2 === 0 ? [store, other] : [other, store]
        // Also what it asked for just before, and what there was not.
        await findTag(reader, id, latest)
        await findManifest(reader, id, digest(word))
        await writer.write(async (tx) => aTag(tx, id, 'latest', await aManifest(tx, id, word)), {
          durable: round % 3 !== 0,
        })
        for (const one of [reader, writer]) {
          assert.equal((await findTag(one, id, latest))?.digest, digest(word))
          const found = await findManifest(one, id, digest(word))
          assert.equal(Buffer.from(found?.content ?? []).toString(), word)
        }
        if (round % 10 === 9) await writer.maintain()
      }
    },
  ],
  [
    'a read that throws harms nobody',
    async (store) => {
      const refusal = new Refused('no')
      const outcome = store.read(async (reader) => {
        await findSetting(reader, 'key')
        throw refusal
      })
      await assert.rejects(outcome, (error) => error === refusal)
      await store.write(async (tx) => ensureSetting(tx, 'key', 'value'))
      assert.equal(await store.read(async (reader) => findSetting(reader, 'key')), 'value')
    },
  ],
  [
    'what is not durable is visible at once, and shares commits with what is',
    async (store, address) => {
      await using other = await openAt(address)
      const writes = Array.from({ length: 30 }, async (_, number) => {
        const durable = number % 2 === 0
        await store.write(async (tx) => ensureSetting(tx, `key-${number}`, 'value'), { durable })
        assert.equal(await findSetting(store, `key-${number}`), 'value')
        assert.equal(await findSetting(other, `key-${number}`), 'value')
      })
      await Promise.all(writes)
    },
  ],
  [
    'content comes back byte for byte',
    async (store) => {
      const bytes = Uint8Array.from({ length: 1024 }, (_, index) => (index * 7) % 256)
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        await aManifest(tx, made, 'binary', { content: bytes, size: bytes.length })
        await aBlob(tx, '', made)
        return made
      })
      const manifest = await findManifest(store, id, digest('binary'))
      assert.ok(manifest && Buffer.from(bytes).equals(manifest.content))
      assert.equal((await findLinkedBlob(store, id, digest('')))?.content?.length, 0)
    },
  ],
]
