import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { isDistributionPath, parseTarget, type Target } from './target.ts'

const sha256 = digestOf(Buffer.from('x'))
const sha512 = digestOf(Buffer.from('x'), 'sha512')

const places: readonly (readonly [string, unknown])[] = [
  ['/v2', { resource: 'base' }],
  ['/v2/', { resource: 'base' }],
  ['/v2/_catalog', { resource: 'catalog' }],
  ['/v2/_oci/ext/discover', { resource: 'extensions' }],
  ['/token', { resource: 'token' }],
  ['/livez', { resource: 'livez' }],
  ['/readyz', { resource: 'readyz' }],
  ['/ca.crt', { resource: 'authority' }],
  ['/ca.sh', { resource: 'trust-script' }],
  ['/', { resource: 'home' }],
  ['/setup', { resource: 'setup-page' }],
  ['/api/v1/setup', { resource: 'setup' }],
  ['/login', { resource: 'login' }],
  ['/login/code', { resource: 'login-code' }],
  ['/login/oidc/corp-2', { resource: 'provider-login', provider: 'corp-2' }],
  ['/login/oidc/corp-2/callback', { resource: 'provider-answer', provider: 'corp-2' }],
  ['/logout', { resource: 'logout' }],
  ['/account', { resource: 'account' }],
  ['/device', { resource: 'device' }],
  ['/api/v1/device', { resource: 'device-start' }],
  ['/api/v1/device/token', { resource: 'device-token' }],
  ['/assets/a/b.js', { resource: 'asset', asset: 'a/b.js' }],
  ['/v2/a/tags/list', { resource: 'tags', name: 'a' }],
  ['/v2/a/b/c/tags/list', { resource: 'tags', name: 'a/b/c' }],
  [
    '/v2/a/manifests/v1.0_x-y',
    { resource: 'manifest', name: 'a', reference: { kind: 'tag', tag: 'v1.0_x-y' } },
  ],
  [
    `/v2/a/b/manifests/${sha512}`,
    { resource: 'manifest', name: 'a/b', reference: { kind: 'digest', digest: sha512 } },
  ],
  [`/v2/a/blobs/${sha256}`, { resource: 'blob', name: 'a', digest: sha256 }],
  [`/v2/a/referrers/${sha256}`, { resource: 'referrers', name: 'a', digest: sha256 }],
  // Clients send it with the slash and without.
  ['/v2/a/blobs/uploads/', { resource: 'uploads', name: 'a' }],
  ['/v2/a/blobs/uploads', { resource: 'uploads', name: 'a' }],
  ['/v2/a/b/blobs/uploads/id.7', { resource: 'upload', name: 'a/b', session: 'id.7' }],
  // Names that hold the words of the API.
  ['/v2/manifests/manifests/manifests', tagOf('manifests', 'manifests')],
  ['/v2/a/manifests/manifests/v1', tagOf('a/manifests', 'v1')],
  ['/v2/a/blobs/uploads/manifests/v1', tagOf('a/blobs/uploads', 'v1')],
  ['/v2/a/tags/list/manifests/list', tagOf('a/tags/list', 'list')],
  ['/v2/tags/list/tags/list', { resource: 'tags', name: 'tags/list' }],
  ['/v2/a/blobs/uploads/tags/list', { resource: 'tags', name: 'a/blobs/uploads' }],
  ['/v2/blobs/blobs/uploads', { resource: 'uploads', name: 'blobs' }],
  ['/v2/blobs/uploads/blobs/uploads/', { resource: 'uploads', name: 'blobs/uploads' }],
  ['/v2/uploads/blobs/uploads/x', { resource: 'upload', name: 'uploads', session: 'x' }],
  ['/v2/a/blobs/uploads/uploads', { resource: 'upload', name: 'a', session: 'uploads' }],
  [
    `/v2/a/blobs/uploads/blobs/${sha256}`,
    { resource: 'blob', name: 'a/blobs/uploads', digest: sha256 },
  ],
  [
    `/v2/referrers/referrers/${sha256}`,
    { resource: 'referrers', name: 'referrers', digest: sha256 },
  ],
]

function tagOf(name: string, tag: string) {
  return { resource: 'manifest', name, reference: { kind: 'tag', tag } }
}

for (const [path, expected] of places) {
  test(`${path} is understood`, () => {
    assert.deepEqual(parseTarget(path), expected)
  })
}

const nowhere = [
  '',
  'v2/',
  '//',
  '//v2/',
  '/V2/',
  '/v1/',
  '/v2x',
  '/v2/a',
  '/v2/a/',
  '/v2/a/b',
  '/v2/a/tags',
  '/v2/a/tags/',
  '/v2/a/tags/list/',
  '/v2/a/tags/LIST',
  '/v2/a/manifests',
  '/v2/a/manifests/v1/',
  '/v2/a/manifests/v1/x',
  '/v2/a/blobs/uploads/x/',
  '/v2/_catalog/',
  '/v2/_catalog/x',
  '/v2/_oci/ext/discover/',
  '/token/',
  '/setup/',
  '/assets',
  '/api/v1/',
  '/livez/',
  '/__proto__',
  '/constructor',
  '/v2/a/MANIFESTS/v1',
  '/v2/a/blobs/sha256:../../x',
  `/v2/a/blobs/${sha256}/`,
  `/v2/a/referrers/${sha256}/x`,
]

for (const path of nowhere) {
  test(`there is nothing at ${JSON.stringify(path)}`, () => {
    assert.equal(parseTarget(path), undefined)
  })
}

const malformed: readonly (readonly [string, string])[] = [
  ['/v2//manifests/v1', 'NAME_INVALID'],
  ['/v2/manifests/v1', 'NAME_INVALID'],
  ['/v2/tags/list', 'NAME_INVALID'],
  ['/v2/blobs/uploads', 'NAME_INVALID'],
  [`/v2/blobs/${sha256}`, 'NAME_INVALID'],
  ['/v2/A/tags/list', 'NAME_INVALID'],
  ['/v2/a//b/tags/list', 'NAME_INVALID'],
  ['/v2/a/../b/tags/list', 'NAME_INVALID'],
  ['/v2/./tags/list', 'NAME_INVALID'],
  ['/v2/../../etc/tags/list', 'NAME_INVALID'],
  ['/v2/a b/tags/list', 'NAME_INVALID'],
  ['/v2/a\0/tags/list', 'NAME_INVALID'],
  ['/v2/a\\b/tags/list', 'NAME_INVALID'],
  ['/v2/ä/tags/list', 'NAME_INVALID'],
  ['/v2/_a/tags/list', 'NAME_INVALID'],
  ['/v2/a;x/tags/list', 'NAME_INVALID'],
  ['/v2/a%2fb/tags/list', 'NAME_INVALID'],
  [`/v2/${'a'.repeat(201)}/tags/list`, 'NAME_INVALID'],
  ['/v2/_catalog/tags/list', 'NAME_INVALID'],
  ['/v2/a/manifests/', 'TAG_INVALID'],
  ['/v2/a/manifests/-x', 'TAG_INVALID'],
  ['/v2/a/manifests/..', 'TAG_INVALID'],
  [`/v2/a/manifests/${'x'.repeat(129)}`, 'TAG_INVALID'],
  ['/v2/a/manifests/sha256:x', 'DIGEST_INVALID'],
  ['/v2/a/manifests/md5:d41d8cd98f00b204e9800998ecf8427e', 'DIGEST_INVALID'],
  ['/v2/a/blobs/', 'DIGEST_INVALID'],
  ['/v2/a/blobs/latest', 'DIGEST_INVALID'],
  [`/v2/a/blobs/${sha256.toUpperCase()}`, 'DIGEST_INVALID'],
  ['/v2/a/blobs/sha256:..', 'DIGEST_INVALID'],
  ['/v2/a/referrers/latest', 'DIGEST_INVALID'],
]

for (const [path, code] of malformed) {
  test(`${JSON.stringify(path.slice(0, 60))} is ${code}`, () => {
    assert.throws(
      () => parseTarget(path),
      (error) => error instanceof OciError && error.code === code,
    )
  })
}

// Words of the API among ordinary ones.
const word = fc.constantFrom(
  'blobs',
  'uploads',
  'manifests',
  'tags',
  'list',
  'referrers',
  'v2',
  'a',
)
const name = fc
  .array(fc.oneof(word, fc.stringMatching(/^[a-z0-9]{1,3}([._-][a-z0-9]{1,2})?$/)), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join('/'))
const tag = fc.oneof(word, fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,8}$/))
const digest = fc.constantFrom(sha256, sha512)
const session = fc.oneof(word, fc.stringMatching(/^[A-Za-z0-9_-]{1,12}(\.[0-9]{1,3})?$/))

const written = fc.oneof<fc.Arbitrary<readonly [string, unknown]>[]>(
  name.map((of) => [`/v2/${of}/tags/list`, { resource: 'tags', name: of }] as const),
  fc.tuple(name, tag).map(([of, one]) => [`/v2/${of}/manifests/${one}`, tagOf(of, one)] as const),
  fc.tuple(name, digest).map(([of, one]) => {
    const reference = { kind: 'digest', digest: one }
    return [`/v2/${of}/manifests/${one}`, { resource: 'manifest', name: of, reference }] as const
  }),
  fc
    .tuple(name, digest)
    .map(([of, one]) => [`/v2/${of}/blobs/${one}`, { resource: 'blob', name: of, digest: one }]),
  fc
    .tuple(name, digest)
    .map(([of, one]) => [
      `/v2/${of}/referrers/${one}`,
      { resource: 'referrers', name: of, digest: one },
    ]),
  fc
    .tuple(name, fc.constantFrom('', '/'))
    .map(([of, slash]) => [`/v2/${of}/blobs/uploads${slash}`, { resource: 'uploads', name: of }]),
  fc
    .tuple(name, session)
    .map(([of, one]) => [
      `/v2/${of}/blobs/uploads/${one}`,
      { resource: 'upload', name: of, session: one },
    ]),
)

test('whatever names are made of, an address means what it was written for, and nothing else', () => {
  fc.assert(
    fc.property(written, ([path, meaning]) => {
      assert.deepEqual(parseTarget(path), meaning)
    }),
    { numRuns: 3000 },
  )
})

test('whatever is asked for, the answer is a place, nothing, or an error of the spec', () => {
  const piece = fc.oneof(word, fc.constantFrom('', '.', '..', '\0', '%2e', 'sha256:'), fc.string())
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      let target: Target | undefined
      try {
        target = parseTarget(`/${pieces.join('/')}`)
      } catch (error) {
        assert.ok(error instanceof OciError)
        return
      }
      // Names that were let through are names.
      if (target !== undefined && 'name' in target) assert.match(target.name, /^[a-z0-9._/-]+$/)
    }),
    { numRuns: 3000 },
  )
})

test('what belongs to the distribution API', () => {
  for (const path of ['/v2', '/v2/', '/v2/x']) assert.equal(isDistributionPath(path), true)
  for (const path of ['/', '/v2x', '/V2/', '/token', ''])
    assert.equal(isDistributionPath(path), false)
})
