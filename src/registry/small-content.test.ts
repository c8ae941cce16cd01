import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { readSmall, smallContentLimit } from './small-content.ts'
import { bodyOf, brokenBody, content } from './test-support/registry.ts'

for (const size of [0, 1, smallContentLimit - 1, smallContentLimit]) {
  test(`${size} bytes are read whole`, async () => {
    const read = await readSmall(bodyOf(content(size), 1000), false)
    assert.ok(read.kind === 'whole' && read.complete)
    assert.ok(content(size).equals(read.content))
  })
}

for (const size of [smallContentLimit + 1, 100_000]) {
  test(`of ${size} bytes none is lost: the stream gives them from the first`, async () => {
    for (const pieceSize of [100, 4096, size]) {
      const read = await readSmall(bodyOf(content(size), pieceSize), false)
      assert.ok(read.kind === 'more')
      assert.ok(content(size).equals(await buffer(read.source)))
    }
  })
}

test('of a stream that breaks off early what arrived is kept, or the error given', async () => {
  const kept = await readSmall(brokenBody(content(500)), true)
  assert.ok(kept.kind === 'whole' && !kept.complete)
  assert.ok(content(500).equals(kept.content))
  await assert.rejects(readSmall(brokenBody(content(500)), false), /aborted/)
})

test('a stream that is closed without an end has not ended', async () => {
  const closing = () => {
    const source = new PassThrough()
    source.write('some')
    setImmediate(() => source.destroy())
    return source
  }
  await assert.rejects(readSmall(closing(), false), /ended before its body/)
  const kept = await readSmall(closing(), true)
  assert.ok(kept.kind === 'whole' && !kept.complete)
  assert.equal(kept.content.toString(), 'some')
})

test('a stream that was broken before it was looked at is told as such', async () => {
  const source = new PassThrough()
  source.on('error', () => undefined)
  source.destroy(new Error('gone'))
  await new Promise((resolve) => setImmediate(resolve))
  await assert.rejects(readSmall(source, false), /gone/)
  const kept = await readSmall(source, true)
  assert.ok(kept.kind === 'whole' && !kept.complete && kept.content.length === 0)
})
