// Cases of the contract: the read-only switch.
import assert from 'node:assert/strict'
import {
  findReadOnly,
  isReadOnly,
  switchReadOnlyOff,
  switchReadOnlyOn,
  type ReadOnlyState,
} from '../read-only.ts'
import { saveSetting } from '../settings.ts'
import type { Case } from './case.ts'

const forever: ReadOnlyState = { since: 1000, until: undefined, reason: 'a move', by: 'ann' }

export const readOnly: readonly Case[] = [
  [
    'a read-only switch is off at first, on until it is switched off, and says what it was',
    async (store) => {
      assert.equal(await findReadOnly(store), undefined)
      assert.equal(await isReadOnly(store), false)
      assert.equal(await store.write(async (tx) => switchReadOnlyOn(tx, forever)), undefined)
      assert.deepEqual(await findReadOnly(store), forever)
      const next = { ...forever, reason: 'longer' }
      assert.deepEqual(await store.write(async (tx) => switchReadOnlyOn(tx, next)), forever)
      assert.equal(await isReadOnly(store), true)
      assert.deepEqual(await store.write(async (tx) => switchReadOnlyOff(tx)), next)
      assert.equal(await store.write(async (tx) => switchReadOnlyOff(tx)), undefined)
      assert.equal(await isReadOnly(store), false)
    },
  ],
  [
    'a read-only switch with an end is off from that moment on',
    async (store) => {
      const state = { ...forever, until: 5000 }
      await store.write(async (tx) => switchReadOnlyOn(tx, state))
      assert.deepEqual(await findReadOnly(store, 4999), state)
      assert.equal(await findReadOnly(store, 5000), undefined)
      assert.equal(await isReadOnly(store), false)
    },
  ],
  [
    'a read-only switch that cannot be read counts as on',
    async (store) => {
      await store.write(async (tx) => saveSetting(tx, 'read-only', '{"since"'))
      assert.equal(await isReadOnly(store), true)
      await store.write(async (tx) => switchReadOnlyOff(tx))
      assert.equal(await isReadOnly(store), false)
    },
  ],
]
