// The life of uploads against a model: random commands on three uploads at a time, in any order, right and wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findLinkedBlob, listBlobs } from '../metadata/blobs.ts'
import { listPartKeys } from '../metadata/uploads.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { commitUpload } from './commit-upload.ts'
import { smallContentLimit } from './small-content.ts'
import {
  aRegistry,
  bodyOf,
  brokenBody,
  content,
  objects,
  openTicket,
  pullBlob,
  type TestRegistry,
} from './test-support/registry.ts'
import type { UploadTicket } from './upload-ticket.ts'
import { cancelUpload, receiveChunk, uploadOffset, UploadOffsetError } from './upload.ts'

/** What an upload should be. One that ended in a single request leaves nothing, so its ticket is as new. */
interface ModelUpload {
  state: 'open' | 'cancelled' | Digest
  bytes: Buffer
}

interface Model {
  readonly uploads: ModelUpload[]
  /** Bytes of the blobs that were acknowledged. */
  readonly blobs: Map<Digest, Buffer>
}

interface Real {
  readonly registry: TestRegistry
  readonly tickets: UploadTicket[]
}

type Outcome = 'BLOB_UPLOAD_UNKNOWN' | 'BLOB_UPLOAD_INVALID' | 'DIGEST_INVALID' | number

async function outcomeOf(work: Promise<number | void>): Promise<Outcome | 'done'> {
  try {
    return (await work) ?? 'done'
  } catch (error) {
    if (error instanceof UploadOffsetError) return -1 - error.size
    if (error instanceof OciError) return error.code as Outcome
    throw error
  }
}

/** How an offset that the client names is written in an outcome. */
const refusedAt = (size: number): number => -1 - size

type Place = 'right' | 'unsaid' | 'stale' | 'ahead'

function offsetOf(place: Place, upload: ModelUpload): number | undefined {
  if (place === 'unsaid') return undefined
  if (place === 'right') return upload.bytes.length
  return place === 'stale' ? upload.bytes.length - 1 : upload.bytes.length + 5
}

interface Chunk {
  readonly size: number
  readonly seed: number
  readonly place: Place
  readonly breaks: boolean
}

class Send implements fc.AsyncCommand<Model, Real> {
  readonly #slot: number
  readonly #chunk: Chunk

  constructor(slot: number, chunk: Chunk) {
    this.#slot = slot
    this.#chunk = chunk
  }

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    const upload = model.uploads[this.#slot]!
    const { size, seed, place, breaks } = this.#chunk
    const bytes = content(size, seed)
    const offset = offsetOf(place, upload)
    const outcome = await outcomeOf(
      receiveChunk(real.registry, real.tickets[this.#slot]!, {
        source: breaks ? brokenBody(bytes) : bodyOf(bytes),
        offset,
        expectedSize: breaks ? undefined : size,
      }),
    )
    if (upload.state !== 'open') return assert.equal(outcome, 'BLOB_UPLOAD_UNKNOWN')
    if (offset !== undefined && offset !== upload.bytes.length) {
      return assert.equal(outcome, refusedAt(upload.bytes.length))
    }
    upload.bytes = Buffer.concat([upload.bytes, bytes])
    assert.equal(outcome, breaks ? 'BLOB_UPLOAD_INVALID' : upload.bytes.length)
  }

  toString(): string {
    return `send ${this.#slot} ${JSON.stringify(this.#chunk)}`
  }
}

class Commit implements fc.AsyncCommand<Model, Real> {
  readonly #slot: number
  readonly #last: Omit<Chunk, 'breaks'>
  readonly #isRight: boolean

  constructor(slot: number, last: Omit<Chunk, 'breaks'>, isRight: boolean) {
    this.#slot = slot
    this.#last = last
    this.#isRight = isRight
  }

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    const upload = model.uploads[this.#slot]!
    const last = content(this.#last.size, this.#last.seed)
    const whole = Buffer.concat([upload.bytes, last])
    const algorithm = this.#last.seed % 2 === 0 ? 'sha256' : 'sha512'
    const expected = this.#isRight ? digestOf(whole, algorithm) : digestOf(Buffer.from('another'))
    const offset = offsetOf(this.#last.place, upload)
    const end = { expected, source: bodyOf(last), offset, expectedSize: last.length }
    const ticket = real.tickets[this.#slot]!
    const outcome = await outcomeOf(commitUpload(real.registry, ticket, end))
    if (upload.state === expected) return assert.equal(outcome, 'done')
    if (upload.state !== 'open') return assert.equal(outcome, 'BLOB_UPLOAD_UNKNOWN')
    if (offset !== undefined && offset !== upload.bytes.length) {
      return assert.equal(outcome, refusedAt(upload.bytes.length))
    }
    const hadParts = upload.bytes.length > 0
    if (!this.#isRight) {
      if (hadParts) upload.state = 'cancelled'
      return assert.equal(outcome, 'DIGEST_INVALID')
    }
    assert.equal(outcome, 'done')
    model.blobs.set(expected, whole)
    if (hadParts) upload.state = expected
  }

  toString(): string {
    return `commit ${this.#slot} ${JSON.stringify(this.#last)} ${this.#isRight}`
  }
}

class Repeat implements fc.AsyncCommand<Model, Real> {
  readonly #slot: number

  constructor(slot: number) {
    this.#slot = slot
  }

  check({ uploads }: Readonly<Model>): boolean {
    return uploads[this.#slot]!.state.startsWith('sha')
  }

  async run(model: Model, real: Real): Promise<void> {
    const expected = model.uploads[this.#slot]!.state as Digest
    const end = { expected, source: bodyOf(Buffer.of(1)), offset: 0, expectedSize: 1 }
    await commitUpload(real.registry, real.tickets[this.#slot]!, end)
  }

  toString(): string {
    return `repeat ${this.#slot}`
  }
}

class Ask implements fc.AsyncCommand<Model, Real> {
  readonly #slot: number

  constructor(slot: number) {
    this.#slot = slot
  }

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    const upload = model.uploads[this.#slot]!
    const outcome = await outcomeOf(uploadOffset(real.registry, real.tickets[this.#slot]!))
    assert.equal(outcome, upload.state === 'open' ? upload.bytes.length : 'BLOB_UPLOAD_UNKNOWN')
  }

  toString(): string {
    return `ask ${this.#slot}`
  }
}

class Cancel implements fc.AsyncCommand<Model, Real> {
  readonly #slot: number

  constructor(slot: number) {
    this.#slot = slot
  }

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    const upload = model.uploads[this.#slot]!
    const outcome = await outcomeOf(cancelUpload(real.registry, real.tickets[this.#slot]!))
    assert.equal(outcome, upload.state === 'open' ? 'done' : 'BLOB_UPLOAD_UNKNOWN')
    if (upload.state === 'open') upload.state = 'cancelled'
  }

  toString(): string {
    return `cancel ${this.#slot}`
  }
}

class Open implements fc.AsyncCommand<Model, Real> {
  readonly #slot: number

  constructor(slot: number) {
    this.#slot = slot
  }

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    model.uploads[this.#slot] = { state: 'open', bytes: Buffer.of() }
    real.tickets[this.#slot] = openTicket(real.registry, this.#slot === 0 ? 'sha256' : 'sha512')
  }

  toString(): string {
    return `open ${this.#slot}`
  }
}

const slot = fc.nat({ max: 2 })
const size = fc.constantFrom(0, 1, smallContentLimit, smallContentLimit + 1, 40_000)
const place = fc.constantFrom<Place>('right', 'right', 'unsaid', 'stale', 'ahead')
const chunk = fc.record({ size, seed: fc.nat({ max: 1 }), place, breaks: fc.boolean() })

const commands = [
  fc.tuple(slot, chunk).map(([at, one]) => new Send(at, one)),
  fc.tuple(slot, chunk).map(([at, one]) => new Send(at, { ...one, breaks: false })),
  fc.tuple(slot, chunk, fc.boolean()).map(([at, last, isRight]) => new Commit(at, last, isRight)),
  // The same few contents again and again.
  fc
    .tuple(slot, size)
    .map(([at, of]) => new Commit(at, { size: of, seed: 0, place: 'unsaid' }, true)),
  slot.map((at) => new Commit(at, { size: 0, seed: 0, place: 'right' }, true)),
  slot.map((at) => new Repeat(at)),
  slot.map((at) => new Ask(at)),
  slot.map((at) => new Cancel(at)),
  slot.map((at) => new Open(at)),
]

/** What was acknowledged is there byte for byte, and nothing lies about that no row knows. */
async function assertWhole(model: Model, { registry }: Real): Promise<void> {
  const { metadata, here } = registry
  for (const [digest, bytes] of model.blobs) {
    assert.ok(bytes.equals((await pullBlob(registry, digest)) ?? Buffer.of()), digest)
    assert.equal((await findLinkedBlob(metadata, here, digest))?.size, bytes.length)
  }
  const rows = await listBlobs(metadata, { after: '', limit: 1000 })
  const keys = rows.flatMap((row) => (row.storageKey === undefined ? [] : [row.storageKey]))
  assert.deepEqual(await objects(registry, 'blobs'), keys.toSorted())
  const parts = await listPartKeys(metadata, { after: '', limit: 1000 })
  assert.deepEqual(await objects(registry, 'uploads'), parts)
}

test('whatever is done with uploads, in any order, they are what the model says', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 30, size: 'max' }), async (sequence) => {
      const registry = await aRegistry(t)
      const uploads = Array.from({ length: 3 }, () => ({
        state: 'open' as const,
        bytes: Buffer.of(),
      }))
      const model: Model = { uploads, blobs: new Map() }
      const tickets = [openTicket(registry), openTicket(registry, 'sha512'), openTicket(registry)]
      const real = { registry, tickets }
      await fc.asyncModelRun(() => ({ model, real }), sequence)
      await assertWhole(model, real)
    }),
    { numRuns: 60 },
  )
})
