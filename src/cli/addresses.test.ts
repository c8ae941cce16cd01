import assert from 'node:assert/strict'
import { test } from 'node:test'

import { originOf, registryOf, setupUrl } from './addresses.ts'

const reaches: readonly (readonly [string, string, string])[] = [
  ['127.0.0.1', 'localhost:5443', 'http://localhost:5443'],
  ['::1', 'localhost:5443', 'http://localhost:5443'],
  ['localhost', 'localhost:5443', 'http://localhost:5443'],
  ['', 'localhost:5443', 'http://localhost:5443'],
  ['0.0.0.0', 'localhost:5443', 'http://localhost:5443'],
  ['192.168.1.10', '192.168.1.10:5443', 'https://192.168.1.10:5443'],
  ['fd00::1', '[fd00::1]:5443', 'https://[fd00::1]:5443'],
  ['registry.local', 'registry.local:5443', 'https://registry.local:5443'],
]

for (const [host, registry, origin] of reaches) {
  test(`a server on "${host}" is reached as ${registry} and ${origin}`, () => {
    const reach = { listen: { host, port: 5443 } }
    assert.equal(registryOf(reach), registry)
    assert.equal(originOf(reach), origin)
  })
}

test('a public URL goes before the listen address, and a bound port before a wanted one', () => {
  const listen = { host: '127.0.0.1', port: 0 }
  assert.equal(originOf({ listen }, 4711), 'http://localhost:4711')
  const publicUrl = new URL('https://registry.example.com')
  assert.equal(registryOf({ listen, publicUrl }, 4711), 'registry.example.com')
  assert.equal(
    setupUrl(originOf({ listen, publicUrl }), 'K-1'),
    'https://registry.example.com/setup#k=K-1',
  )
})
