// A driver that fails on purpose, for tests of what lies above it. With a plan that never answers it
// passes driver-suite.ts.

import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Key, StorageDriver } from './driver.ts'

export interface DriverCall {
  readonly operation:
    | 'stat'
    | 'read'
    | 'copy'
    | 'write'
    | 'concatenate'
    | 'move'
    | 'delete'
    | 'list'
    | 'sweep'
    | 'probe'
  /** What the call names; a destination that is decided later is not among them. */
  readonly keys: readonly Key[]
}

export type Fault =
  /** Nothing is done. */
  | { readonly kind: 'fail'; readonly error: Error }
  /** All is done, and the answer is lost. */
  | { readonly kind: 'lose-answer'; readonly error: Error }
  | { readonly kind: 'stall'; readonly forMs: number }
  | BrokenRead

/** The stream of a read fails when it has given so many bytes and there are more. */
export interface BrokenRead {
  readonly kind: 'break-read'
  readonly afterBytes: number
  readonly error: Error
}

export type FaultPlan = (call: DriverCall) => Fault | undefined

export function withFaults(driver: StorageDriver, plan: FaultPlan): StorageDriver {
  async function faulty<Result>(call: DriverCall, run: () => Promise<Result>): Promise<Result> {
    const fault = plan(call)
    if (fault?.kind === 'fail') throw fault.error
    if (fault?.kind === 'stall') await sleep(fault.forMs)
    const result = await run()
    if (fault?.kind === 'lose-answer') throw fault.error
    if (fault?.kind === 'break-read') return broken(result as Readable, fault) as Result
    return result
  }

  return {
    kind: driver.kind,
    stat: (key) => faulty({ operation: 'stat', keys: [key] }, () => driver.stat(key)),
    read: (key, range) => faulty({ operation: 'read', keys: [key] }, () => driver.read(key, range)),
    copy: (key, range, write) =>
      faulty({ operation: 'copy', keys: [key] }, () => driver.copy(key, range, write)),
    write: (to, source, options) =>
      faulty({ operation: 'write', keys: named(to) }, () => driver.write(to, source, options)),
    concatenate: (parts, to, onChunk) =>
      faulty({ operation: 'concatenate', keys: [...parts, ...named(to)] }, () =>
        driver.concatenate(parts, to, onChunk),
      ),
    move: (from, to) =>
      faulty({ operation: 'move', keys: [from, to] }, () => driver.move(from, to)),
    delete: (keys) => faulty({ operation: 'delete', keys }, () => driver.delete(keys)),
    async *list(folder) {
      await faulty({ operation: 'list', keys: [folder] }, async () => undefined)
      yield* driver.list(folder)
    },
    sweep: (before) => faulty({ operation: 'sweep', keys: [] }, () => driver.sweep(before)),
    probe: () => faulty({ operation: 'probe', keys: [] }, () => driver.probe()),
    ...(driver.freeBytes && { freeBytes: driver.freeBytes.bind(driver) }),
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  }
}

function named(to: Key | (() => Key)): readonly Key[] {
  return typeof to === 'function' ? [] : [to]
}

/** Small steps: an error takes along what a stream has buffered and nobody has read yet. */
function broken(stream: Readable, fault: BrokenRead): Readable {
  return Readable.from(cut(stream, fault), { objectMode: false, highWaterMark: 1 })
}

async function* cut(
  stream: Readable,
  { afterBytes, error }: BrokenRead,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = afterBytes
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    if (chunk.length > left) {
      if (left > 0) yield chunk.subarray(0, left)
      throw error
    }
    left -= chunk.length
    yield chunk
  }
}
