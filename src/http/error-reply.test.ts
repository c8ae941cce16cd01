import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OciError, StorageFullError, StorageUnavailableError } from '../oci/errors.ts'
import type { OciErrorCode } from '../oci/errors.ts'
import { errorReply, isOurFault } from './error-reply.ts'
import { HttpError } from './http-error.ts'

interface Body {
  readonly errors: readonly { code: string; message: string; detail?: unknown }[]
}

function bodyOf(reply: ReturnType<typeof errorReply>): Body {
  const text = String(reply.body)
  assert.equal(reply.headers?.['content-type'], 'application/json')
  assert.equal(reply.headers['content-length'], Buffer.byteLength(text))
  return JSON.parse(text) as Body
}

const statuses: readonly (readonly [OciErrorCode, number])[] = [
  ['BLOB_UNKNOWN', 404],
  ['BLOB_UPLOAD_INVALID', 400],
  ['BLOB_UPLOAD_UNKNOWN', 404],
  ['DIGEST_INVALID', 400],
  ['MANIFEST_BLOB_UNKNOWN', 400],
  ['MANIFEST_INVALID', 400],
  ['MANIFEST_UNKNOWN', 404],
  ['NAME_INVALID', 400],
  ['NAME_UNKNOWN', 404],
  ['SIZE_INVALID', 400],
  ['UNAUTHORIZED', 401],
  ['DENIED', 403],
  ['UNSUPPORTED', 405],
  ['TOOMANYREQUESTS', 429],
  ['TAG_INVALID', 400],
  ['RANGE_INVALID', 416],
]

test('each code of the spec has its status, a sentence, and room for details', () => {
  for (const [code, status] of statuses) {
    const detail = { some: 'thing' }
    const reply = errorReply(new OciError(code, { message: 'A sentence.', detail }), 'id')
    assert.equal(reply.status, status, code)
    assert.deepEqual(bodyOf(reply), { errors: [{ code, message: 'A sentence.', detail }] })
    assert.equal(reply.headers?.['retry-after'], status === 429 ? 5 : undefined)
    assert.ok(bodyOf(errorReply(new OciError(code), 'id')).errors[0]?.message.endsWith('.'))
  }
})

test('several errors are listed in their order', () => {
  const others = [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'two' } as const]
  const error = new OciError('MANIFEST_BLOB_UNKNOWN', { message: 'one', others })
  const messages = bodyOf(errorReply(error, 'id')).errors.map((entry) => entry.message)
  assert.deepEqual(messages, ['one', 'two'])
})

test('broken HTTP has its own status and headers', () => {
  for (const [status, code] of [
    [404, 'NOT_FOUND'],
    [405, 'UNSUPPORTED'],
    [413, 'SIZE_INVALID'],
    [416, 'RANGE_INVALID'],
    [403, 'DENIED'],
    [400, 'UNKNOWN'],
  ] as const) {
    const reply = errorReply(new HttpError(status, 'Why.', { allow: 'GET' }), 'id')
    assert.equal(reply.status, status)
    assert.equal(reply.headers?.['allow'], 'GET')
    assert.deepEqual(bodyOf(reply), { errors: [{ code, message: 'Why.' }] })
  }
})

test('a full disk is a refusal that docker shows; a storage that is away is to be tried again', () => {
  const full = errorReply(new StorageFullError(), 'id')
  assert.deepEqual([full.status, bodyOf(full).errors[0]?.code], [403, 'DENIED'])
  const away = errorReply(new StorageUnavailableError(), 'id')
  assert.deepEqual([away.status, away.headers?.['retry-after']], [503, 5])
})

test('anything else is 500: the request id and nothing of the cause', () => {
  for (const error of [new Error('secret'), new TypeError('secret'), 'secret', undefined, null]) {
    const reply = errorReply(error, 'worker-1-7')
    assert.equal(reply.status, 500)
    assert.match(bodyOf(reply).errors[0]?.message ?? '', /worker-1-7/)
    assert.doesNotMatch(String(reply.body), /secret/)
    assert.equal(isOurFault(error), true)
  }
  assert.equal(isOurFault(new StorageUnavailableError()), true)
  assert.equal(isOurFault(new StorageFullError()), false)
  assert.equal(isOurFault(new OciError('DENIED')), false)
  assert.equal(isOurFault(new HttpError(400, 'x')), false)
})
