// Cases of the contract: several writers on one database, in one thread, in threads and in processes. Each addition
// reads and writes in one transaction, so the sum is right only when writes come one after another.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { MetadataStore } from '../metadata-store.ts'
import { findRepository, updateRepository } from '../repositories.ts'
import { openAt } from '../test-support/store-address.ts'
import { addMany, addOne, type WriterOrders } from '../test-support/writer.ts'
import { deleteTag, findTag } from '../tags.ts'
import { parseTag } from '../../oci/reference.ts'
import { aManifest, aRepository, aTag, digest, name, type Case } from './case.ts'

const counter = name('team/counter')
const writerFile = fileURLToPath(new URL('../test-support/writer.ts', import.meta.url))

async function makeCounter(store: MetadataStore): Promise<void> {
  await store.write(async (tx) => {
    await aRepository(tx, counter)
    const repository = await findRepository(tx, counter)
    if (repository !== undefined) await updateRepository(tx, { ...repository, description: '0' })
  })
}

async function count(store: MetadataStore): Promise<number> {
  return Number((await findRepository(store, counter))?.description)
}

async function inThread(orders: WriterOrders): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const worker = new Worker(writerFile, { workerData: orders })
    worker.on('error', reject)
    worker.on('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`the thread ended with ${code}`))
    })
  })
}

async function inProcess(orders: WriterOrders): Promise<void> {
  // Processes share neither memory nor descriptors: an undefined value is left out of JSON.
  const address = { ...orders.address, turn: undefined, logIndex: undefined }
  const text = JSON.stringify({ ...orders, address })
  const options = ['--disable-warning=ExperimentalWarning', writerFile, text]
  await promisify(execFile)(process.execPath, options, { timeout: 30_000 })
}

export const writers: readonly Case[] = [
  [
    'writes of one store come one after another',
    async (store) => {
      await makeCounter(store)
      await Promise.all(Array.from({ length: 40 }, async () => addOne(store, counter)))
      assert.equal(await count(store), 40)
    },
  ],
  [
    'writes of two stores in one thread come one after another',
    async (store, address) => {
      await using other = await openAt(address)
      await makeCounter(store)
      const orders = { repository: counter, times: 30 }
      await Promise.all([addMany(store, orders), addMany(other, orders)])
      assert.equal(await count(store), 60)
    },
  ],
  [
    'writes of threads come one after another',
    async (store, address) => {
      await makeCounter(store)
      const orders = { address, repository: counter, times: 40 }
      await Promise.all([inThread(orders), inThread(orders), addMany(store, orders)])
      assert.equal(await count(store), 120)
    },
  ],
  [
    'writes of processes come one after another',
    async (store, address) => {
      await makeCounter(store)
      const orders = { address, repository: counter, times: 40 }
      await Promise.all([inProcess(orders), inProcess(orders), addMany(store, orders)])
      assert.equal(await count(store), 120)
    },
  ],
  [
    'of writers that each make sure of the same row, every one succeeds',
    async (store, address) => {
      await using other = await openAt(address)
      const ids = await Promise.all(
        Array.from({ length: 20 }, async (_, number) =>
          (number % 2 === 0 ? store : other).write(async (tx) => aRepository(tx, 'team/app')),
        ),
      )
      assert.equal(new Set(ids).size, 1)
    },
  ],
  [
    'what writers of one tag replace, they have seen: none of it is forgotten',
    async (store, address) => {
      await using other = await openAt(address)
      const latest = parseTag('latest')
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        for (let number = 0; number < 12; number += 1) await aManifest(tx, made, `image-${number}`)
        return made
      })
      const replaced: (string | undefined)[] = []
      await Promise.all(
        Array.from({ length: 24 }, async (_, number) => {
          const before = await (number % 2 === 0 ? store : other).write(async (tx) => {
            const found = await findTag(tx, id, latest)
            if (number % 4 === 3) await deleteTag(tx, id, latest)
            else await aTag(tx, id, 'latest', digest(`image-${number % 12}`))
            return found?.digest
          })
          replaced.push(before)
        }),
      )
      // Every digest that was set was seen by a later writer, or is there at the end: none is forgotten.
      const left = (await findTag(store, id, latest))?.digest
      const seen = [...replaced, left].filter((one) => one !== undefined)
      for (let number = 0; number < 24; number += 1) {
        if (number % 4 === 3) continue
        const at = seen.indexOf(digest(`image-${number % 12}`))
        assert.notEqual(at, -1, `image-${number % 12} was replaced and nobody knew`)
        seen.splice(at, 1)
      }
    },
  ],
]
