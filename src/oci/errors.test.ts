import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OciErrorCode } from './errors.ts'
import { OciError, StorageFullError, StorageUnavailableError } from './errors.ts'

const codes: Readonly<Record<OciErrorCode, true>> = {
  BLOB_UNKNOWN: true,
  BLOB_UPLOAD_INVALID: true,
  BLOB_UPLOAD_UNKNOWN: true,
  DIGEST_INVALID: true,
  MANIFEST_BLOB_UNKNOWN: true,
  MANIFEST_INVALID: true,
  MANIFEST_UNKNOWN: true,
  NAME_INVALID: true,
  NAME_UNKNOWN: true,
  SIZE_INVALID: true,
  UNAUTHORIZED: true,
  DENIED: true,
  UNSUPPORTED: true,
  TOOMANYREQUESTS: true,
  TAG_INVALID: true,
  RANGE_INVALID: true,
  PAGINATION_NUMBER_INVALID: true,
}

for (const code of Object.keys(codes) as OciErrorCode[]) {
  test(`${code} says a sentence of its own when given none`, () => {
    const error = new OciError(code)
    assert.equal(error.code, code)
    assert.match(error.message, /^[A-Z].{15,}\.$/)
    // podman takes this phrase for a reason to convert the manifest and push it again.
    assert.doesNotMatch(error.message, /Invalid JSON syntax/i)
  })
}

test('an error without detail, cause or others has no such properties', () => {
  const error = new OciError('DENIED')
  assert.equal(error.name, 'OciError')
  assert.equal(error.detail, undefined)
  assert.equal(error.others, undefined)
  assert.equal('cause' in error, false)
})

test('an error keeps its message, detail, cause and the entries that follow it', () => {
  const cause = new Error('below')
  const others = [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'And this.', detail: 2 }] as const
  const message = 'This is missing.'
  const error = new OciError('MANIFEST_BLOB_UNKNOWN', { message, detail: 1, cause, others })
  assert.equal(error.message, message)
  assert.equal(error.detail, 1)
  assert.equal(error.cause, cause)
  assert.deepEqual(error.others, others)
})

test('storage errors keep their cause and say a sentence', () => {
  const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  const full = new StorageFullError(undefined, { cause })
  assert.equal(full.name, 'StorageFullError')
  assert.equal(full.cause, cause)
  assert.match(full.message, /no storage space left/)
  const unavailable = new StorageUnavailableError('The bucket does not answer.', { cause })
  assert.equal(unavailable.name, 'StorageUnavailableError')
  assert.equal(unavailable.cause, cause)
  assert.equal(unavailable.message, 'The bucket does not answer.')
})
