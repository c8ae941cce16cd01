// A driver that fails on purpose, for tests of what lies above it. With a plan that never answers it
// passes driver-suite.ts.

import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ObjectNotFoundError,
  type ByteSource,
  type ChunkSink,
  type Key,
  type ObjectStat,
  type StorageDriver,
} from './driver.ts'

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
  /** It is done twice, as by a client of the provider that had no answer; the second answer counts. */
  | { readonly kind: 'repeat' }
  /** A list is the one that was given the last time. */
  | { readonly kind: 'stale' }
  /** A bit of what `copy` gives is another one. */
  | { readonly kind: 'flip-bit'; readonly at: number }
  | BrokenRead

/** The stream of a read fails when it has given so many bytes and there are more. */
export interface BrokenRead {
  readonly kind: 'break-read'
  readonly afterBytes: number
  readonly error: Error
}

export type FaultPlan = (call: DriverCall) => Fault | undefined

export function withFaults(driver: StorageDriver, plan: FaultPlan): StorageDriver {
  const lists = new Map<Key, readonly ObjectStat[]>()

  async function faulty<Result>(
    call: DriverCall,
    run: (fault: Fault | undefined) => Promise<Result>,
    again: (first: Result) => Promise<Result> = async () => run(undefined),
  ): Promise<Result> {
    const fault = plan(call)
    if (fault?.kind === 'fail') throw fault.error
    if (fault?.kind === 'stall') await sleep(fault.forMs)
    const first = await run(fault)
    const result = fault?.kind === 'repeat' ? await again(first) : first
    if (fault?.kind === 'lose-answer') throw fault.error
    if (fault?.kind === 'break-read') return broken(result as Readable, fault) as Result
    return result
  }

  return {
    kind: driver.kind,
    stat: (key) => faulty({ operation: 'stat', keys: [key] }, () => driver.stat(key)),
    read: (key, range) => faulty({ operation: 'read', keys: [key] }, () => driver.read(key, range)),
    copy: (key, range, write) =>
      faulty(
        { operation: 'copy', keys: [key] },
        (fault) => driver.copy(key, range, sinkWith(fault, write)),
        // Who takes the bytes takes them once.
        async () => undefined,
      ),
    async write(to, source, options) {
      const written: Uint8Array[] = []
      return faulty(
        { operation: 'write', keys: named(to) },
        (fault) =>
          driver.write(to, fault?.kind === 'repeat' ? copied(source, written) : source, options),
        ({ key }) => driver.write(key, written),
      )
    },
    concatenate: (parts, to, onChunk) =>
      faulty(
        { operation: 'concatenate', keys: [...parts, ...named(to)] },
        () => driver.concatenate(parts, to, onChunk),
        ({ key }) => driver.concatenate(parts, key),
      ),
    move: (from, to) =>
      faulty(
        { operation: 'move', keys: [from, to] },
        () => driver.move(from, to),
        // Whoever repeats a move finds that it was made.
        async () => driver.move(from, to).catch(async (error) => ignoreIfMoved(driver, to, error)),
      ),
    delete: (keys) => faulty({ operation: 'delete', keys }, () => driver.delete(keys)),
    async *list(folder) {
      let fault: Fault | undefined
      await faulty({ operation: 'list', keys: [folder] }, async (chosen) => {
        fault = chosen
      })
      const before = lists.get(folder)
      if (fault?.kind === 'stale' && before !== undefined) return yield* before
      const now: ObjectStat[] = []
      for await (const object of driver.list(folder)) {
        now.push(object)
        yield object
      }
      lists.set(folder, now)
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

async function* copied(source: ByteSource, to: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    to.push(Uint8Array.from(chunk))
    yield chunk
  }
}

async function ignoreIfMoved(driver: StorageDriver, to: Key, error: unknown): Promise<void> {
  const isMoved = error instanceof ObjectNotFoundError && (await driver.stat(to)) !== undefined
  if (!isMoved) throw error
}

function sinkWith(fault: Fault | undefined, write: ChunkSink): ChunkSink {
  if (fault?.kind !== 'flip-bit') return write
  let isFlipped = false
  return async (chunk) => {
    if (isFlipped || chunk.length === 0) return write(chunk)
    isFlipped = true
    const wrong = Uint8Array.from(chunk)
    const at = fault.at % wrong.length
    wrong[at] = (wrong[at] ?? 0) ^ 1
    return write(wrong)
  }
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
