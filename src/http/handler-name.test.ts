import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handlerNameOf } from './handler-name.ts'
import { matrixRows } from './test-support/matrix-routes.ts'

test('places have the names that distribution gives them', () => {
  for (const [path, name] of [
    ['/v2/', 'base'],
    ['/v2/_catalog', 'catalog'],
    ['/v2/a/b/manifests/1.0', 'manifest'],
    ['/v2/a/b/blobs/sha256:ab', 'blob'],
    ['/v2/a/b/blobs/uploads/', 'blob_upload'],
    ['/v2/a/b/blobs/uploads', 'blob_upload'],
    ['/v2/a/b/blobs/uploads/some-session.0', 'blob_upload_chunk'],
    ['/v2/a/b/tags/list', 'tags'],
    ['/v2/a/referrers/sha256:ab', 'referrers'],
    ['/v2/manifests/manifests/manifests', 'manifest'],
    ['/token', 'token'],
    ['/api/v1/users/ann', 'api'],
    ['/readyz', 'health'],
    ['/', 'site'],
    ['/nothing/there', 'site'],
    ['/v2/x', 'other'],
    ['/v2', 'base'],
    ['*', 'site'],
  ] as const) {
    assert.equal(handlerNameOf(path), name, path)
  }
})

test('whatever is asked, there are few names', () => {
  const names = new Set<string>()
  for (const rows of Object.values(matrixRows)) {
    for (const { address } of rows) names.add(handlerNameOf(address.split('?')[0] ?? ''))
  }
  for (let index = 0; index < 1000; index += 1) {
    names.add(handlerNameOf(`/v2/${index}/blobs${'/x'.repeat(index % 5)}/${index}`))
    names.add(handlerNameOf(`/${index}`))
  }
  assert.ok(names.size <= 14, [...names].join(' '))
})
