import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestUrls } from './answers.ts'
import { createUrlRule } from './manifest-urls.ts'

function isTaken(urls: ManifestUrls, manifest: unknown): boolean {
  const bytes = Buffer.from(typeof manifest === 'string' ? manifest : JSON.stringify(manifest))
  try {
    createUrlRule(urls)?.require(bytes)
    return true
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'MANIFEST_INVALID')
    return false
  }
}

const none: ManifestUrls = { allow: ['^$'], deny: [] }
const example: ManifestUrls = { allow: ['^https?://([^/]+\\.)*example\\.com/'], deny: ['secret'] }
const allBut: ManifestUrls = { allow: [], deny: ['^https?://www\\.example\\.com/'] }
const from = (...urls: unknown[]) => ({ layers: [{}, { urls: [] }, { urls }] })

test('addresses of layers are taken as the patterns of registry:2 say', () => {
  for (const [urls, manifest, taken] of [
    [none, { layers: [{ digest: 'x' }] }, true],
    [none, from('https://a/'), false],
    [none, { blobs: [{ urls: ['https://a/'] }] }, false],
    [none, { config: { urls: ['https://a/'] } }, false],
    [example, from('https://example.com/x', 'http://a.b.example.com/'), true],
    [example, from('https://example.com/x', 'https://example.org/'), false],
    [example, from('https://example.com/secret'), false],
    [example, from('https://example.com/#part'), false],
    [example, from(7), false],
    [allBut, from('https://a/'), true],
    [allBut, from('ftp://a/'), false],
    [allBut, from('https://www.example.com/'), false],
    [allBut, from(`https://a/${'x'.repeat(4000)}`), false],
    // What is no manifest is refused elsewhere.
    [none, 'no JSON', true],
    [none, 'null', true],
    [none, [1, { layers: 3 }], true],
  ] as const) {
    assert.equal(isTaken(urls, manifest), taken, JSON.stringify([urls, manifest]).slice(0, 200))
  }
  assert.equal(createUrlRule(undefined), undefined)
})
