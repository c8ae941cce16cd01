import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createAcknowledgementLog,
  type AcknowledgementLog,
  type Outcome,
} from './acknowledgements.ts'

const repository = 'admin/a'

function write(log: AcknowledgementLog, digest: string | undefined) {
  return log.begin([{ kind: 'tag', repository, tag: 't', digest }])
}

function allowed(log: AcknowledgementLog, moment?: number) {
  const found = log.expected(moment).tags.find(({ tag }) => tag === 't')
  return [...(found?.allowed ?? [])].map(String).sort()
}

function blob(log: AcknowledgementLog, digest: string, outcome: Outcome) {
  log.begin([{ kind: 'blob', repository, digest }])(outcome)
}

test('a tag has what was acknowledged last', () => {
  const log = createAcknowledgementLog()
  write(log, 'one')('done')
  write(log, 'two')('done')
  assert.deepEqual(allowed(log), ['two'])
  write(log, undefined)('done')
  assert.deepEqual(allowed(log), ['undefined'])
})

test('writes at the same time may have come in either order', () => {
  const log = createAcknowledgementLog()
  write(log, 'before')('done')
  const one = write(log, 'one')
  const two = write(log, 'two')
  two('done')
  one('done')
  assert.deepEqual(allowed(log), ['one', 'two'])
})

test('a write without an answer may come at any time, or never', () => {
  const log = createAcknowledgementLog()
  write(log, 'lost')
  write(log, 'one')('done')
  write(log, 'two')('done')
  assert.deepEqual(allowed(log), ['lost', 'two'])
})

test('a refused write changes nothing', () => {
  const log = createAcknowledgementLog()
  write(log, 'one')('done')
  write(log, 'two')('refused')
  assert.deepEqual(allowed(log), ['one'])
})

test('at an earlier moment, what was answered later was not answered, and what was sent later not sent', () => {
  const log = createAcknowledgementLog()
  write(log, 'one')('done')
  const two = write(log, 'two')
  const moment = log.now()
  two('done')
  write(log, 'three')('done')
  assert.deepEqual(allowed(log, moment), ['one', 'two'])
  assert.deepEqual(allowed(log), ['three'])
})

test('after settle, a tag has what was seen, and promised content is still owed', () => {
  const log = createAcknowledgementLog()
  blob(log, 'kept', 'done')
  blob(log, 'perhaps', 'unknown')
  blob(log, 'never', 'refused')
  write(log, 'lost')
  log.settle([{ repository, tag: 't', digest: 'lost' }])
  assert.deepEqual(allowed(log), ['lost'])
  assert.deepEqual(log.expected().blobs, [
    { repository, digest: 'kept', promised: true, deleted: false, recent: false },
  ])
  write(log, undefined)
  assert.deepEqual(allowed(log), ['lost', 'undefined'])
})

test('content that was promised once stays promised when it is asked for again', () => {
  const log = createAcknowledgementLog()
  blob(log, 'kept', 'done')
  blob(log, 'kept', 'unknown')
  blob(log, 'perhaps', 'unknown')
  const promises = log.expected().blobs.map(({ digest, promised }) => ({ [digest]: promised }))
  assert.deepEqual(promises, [{ kept: true }, { perhaps: false }])
})

test('a deleted manifest must be gone, and may take along the tags that it had', () => {
  const log = createAcknowledgementLog()
  const manifest = { kind: 'manifest' as const, repository, digest: 'one' }
  const tag = { kind: 'tag' as const, repository, tag: 't' }
  log.begin([manifest, { ...tag, digest: 'one' }])('done')
  const remove = log.begin([
    { ...manifest, gone: true },
    { ...tag, digest: undefined, maybe: true },
  ])
  const before = log.now()
  remove('done')
  const found = (moment?: number) => log.expected(moment).manifests[0]
  assert.deepEqual([found(before)?.promised, found(before)?.deleted], [false, false])
  assert.deepEqual([found()?.promised, found()?.deleted], [false, true])
  assert.deepEqual(allowed(log), ['one', 'undefined'])
  write(log, 'two')('done')
  assert.deepEqual(allowed(log), ['two'])
})
