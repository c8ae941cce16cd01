import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { abortable, chunksOf } from './chunks.ts'

test('all bytes arrive in order, from sources of every kind and reader of every speed', async () => {
  const content = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40_000 }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(
      content,
      fc.boolean(),
      fc.boolean(),
      async (chunks, slowSource, slowReader) => {
        async function* produce(): AsyncGenerator<Uint8Array> {
          for (const chunk of chunks) {
            if (slowSource) await turn()
            yield chunk
          }
        }
        const read: Uint8Array[] = []
        for await (const chunk of chunksOf(Readable.from(produce(), { objectMode: false }))) {
          if (slowReader) await turn()
          read.push(chunk)
        }
        assert.ok(Buffer.concat(read).equals(Buffer.concat(chunks)))
      },
    ),
    { numRuns: 60 },
  )
})

test('a reader that is slow holds the source back', async () => {
  const source = new PassThrough({ highWaterMark: 1024 })
  const chunks = chunksOf(source)
  let written = 0
  const writer = (async (): Promise<void> => {
    while (written < 4_000_000) {
      written += 16_384
      if (!source.write(Buffer.alloc(16_384))) await once(source, 'drain')
    }
    source.end()
  })()
  await chunks.next()
  for (let turns = 0; turns < 50; turns++) await turn()
  assert.ok(written < 200_000, `${written} bytes were taken for a reader that took one chunk`)
  let read = 0
  for await (const chunk of chunks) read += chunk.length
  await writer
  assert.ok(read > 3_900_000)
})

test('what arrived before a failure is given before the failure', async () => {
  const failure = new Error('reset by peer')
  const source = new PassThrough()
  source.write('ab')
  const read: string[] = []
  await assert.rejects(
    async () => {
      for await (const chunk of chunksOf(source)) {
        read.push(String(chunk))
        if (read.length === 1) source.write('cd')
        if (read.length === 2) source.destroy(failure)
      }
    },
    (error) => error === failure,
  )
  assert.deepEqual(read, ['ab', 'cd'])
})

test('a source that closes without an end, or was over before, is a failure', async () => {
  const premature = { code: 'ERR_STREAM_PREMATURE_CLOSE' }
  const closing = new PassThrough()
  setImmediate(() => closing.destroy())
  await assert.rejects(drain(chunksOf(closing)), premature)

  const closed = new PassThrough()
  closed.destroy()
  await assert.rejects(drain(chunksOf(closed)), premature)

  const failed = new PassThrough()
  failed.on('error', () => undefined).destroy(new Error('before'))
  await assert.rejects(drain(chunksOf(failed)), /before/)
})

test('a signal ends the wait, and the source lives on', async () => {
  const source = new PassThrough()
  const controller = new AbortController()
  setImmediate(() => controller.abort(new Error('enough')))
  await assert.rejects(drain(chunksOf(source, controller.signal)), /enough/)
  await assert.rejects(drain(chunksOf(source, controller.signal)), /enough/)
  assert.equal(source.destroyed, false)
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
})

test('a reader that stops leaves the source paused, whole and without listeners', async () => {
  const source = new PassThrough()
  const listeners = source.eventNames().length
  source.write('ab')
  for await (const chunk of chunksOf(source)) {
    assert.equal(String(chunk), 'ab')
    break
  }
  assert.equal(source.destroyed, false)
  assert.equal(source.isPaused(), true)
  assert.equal(source.eventNames().length, listeners)

  source.end('cd')
  assert.equal(String(await drain(chunksOf(source))), 'cd')
})

test('abortable gives what its source gives, and its failure', async () => {
  const { signal } = new AbortController()
  const chunks = [Buffer.from('ab'), Buffer.from('cd')]
  assert.equal(String(await drain(abortable(chunks, signal))), 'abcd')
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x')
    throw new Error('broken')
  }
  await assert.rejects(drain(abortable(failing(), signal)), /broken/)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = []
  for await (const chunk of chunks) read.push(chunk)
  return Buffer.concat(read)
}
