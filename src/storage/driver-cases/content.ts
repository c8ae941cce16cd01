// What the cases of the driver's contract share.

import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type Key, type StorageDriver, parseKey } from '../driver.ts'

/** A property of every driver; it is given an empty one. */
export type Case = readonly [title: string, run: (driver: StorageDriver) => Promise<void>]

export const one = parseKey('uploads/one')
export const two = parseKey('uploads/two')
export const deep = parseKey('blobs/sha256/ab/ab12.00000000')

export function chunks(...texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => Buffer.from(text))
}

export async function text(stream: Promise<Readable>): Promise<string> {
  return (await buffer(await stream)).toString()
}

export async function keysOf(driver: StorageDriver, folder: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of driver.list(folder as Key)) keys.push(key)
  return keys
}

export async function requireEmpty(driver: StorageDriver): Promise<void> {
  assert.equal(await driver.stat(one), undefined)
  assert.deepEqual(await keysOf(driver, 'uploads'), [])
  assert.deepEqual(await keysOf(driver, 'blobs'), [])
}
