import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { safePath } from './safe-path.ts'

const here = 'https://images.example.org'

test('whatever is taken for a path leads to this site, as browsers read it', () => {
  const part = fc.oneof(
    fc.constantFrom('/', '\\', '//', '.', '..', '@', ':', '?', '#', '\t', '\n', ' ', '%2f', '%5c'),
    fc.constantFrom('evil.example', 'https:', 'javascript:', 'account', 'x'),
    fc.string({ maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const text = safePath(`/${parts.join('')}`)
      if (text === undefined) return
      const url = new URL(text, `${here}/login`)
      assert.equal(url.origin, here)
      // Once more: what an address became must not become another site when it is read again.
      assert.equal(new URL(url.pathname, here).origin, here)
    }),
    { numRuns: 3000 },
  )
})

test('ordinary paths are taken as they are', () => {
  for (const path of ['/', '/account', '/device?code=WDJB-MJHT', '/a/b?x=%2F%2F&y=//#z']) {
    assert.equal(safePath(path), path)
  }
  for (const path of [undefined, null, '', 'account', 'https://x/', '//x', '/\\x', '/a b', '/é']) {
    assert.equal(safePath(path), undefined)
  }
})
