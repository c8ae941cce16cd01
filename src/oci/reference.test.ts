import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from './digest.ts'
import { OciError } from './errors.ts'
import {
  isRepositoryName,
  isTag,
  namespaceOf,
  parseReference,
  parseRepositoryName,
  parseTag,
} from './reference.ts'

// As printed in distribution-spec v1.1.1 spec.md#pulling-manifests.
const specName = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/
const specTag = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

for (const name of [
  'a',
  'app',
  'team/app',
  'a/b/c/d/e/f/g',
  'a.b_c__d---e/0',
  'blobs/uploads/tags/list',
  'manifests',
  'a'.repeat(200),
]) {
  test(`${name.slice(0, 30)} is a repository name`, () => {
    assert.equal(parseRepositoryName(name), name)
  })
}

for (const name of [
  '/a',
  'a/',
  'a//b',
  'a..b',
  'a___b',
  'a._b',
  '-a',
  'a-',
  '.',
  '..',
  'a/../b',
  '_catalog',
  'a/_oci',
  'a b',
  'a\n',
  'a:b',
  'a@b',
  'é',
  'a%2fb',
]) {
  test(`${JSON.stringify(name)} is not a repository name`, () => {
    assert.equal(isRepositoryName(name), false)
    assert.throws(() => parseRepositoryName(name), {
      code: 'NAME_INVALID',
      message: /is not a valid repository name\. Each part/,
    })
  })
}

test('a name with upper-case letters is refused with the advice to write it in lower case', () => {
  assert.throws(() => parseRepositoryName('Team/App'), {
    code: 'NAME_INVALID',
    message: /"Team\/App" has upper-case letters/,
  })
})

test('an empty name is refused as empty', () => {
  assert.throws(() => parseRepositoryName(''), { code: 'NAME_INVALID', message: /is empty/ })
})

test('a name of more than 200 characters is refused with the limit', () => {
  assert.throws(() => parseRepositoryName('a'.repeat(201)), {
    code: 'NAME_INVALID',
    message: /has 201 characters; the limit is 200/,
  })
})

const word = fc.string({ unit: fc.constantFrom('a', 'z', '0', '9'), minLength: 1, maxLength: 4 })
const separator = fc.constantFrom('.', '_', '__', '-', '--', '---')
const component = fc
  .tuple(word, fc.array(fc.tuple(separator, word), { maxLength: 3 }))
  .map(([first, rest]) => first + rest.flat().join(''))
const validName = fc
  .array(component, { minLength: 1, maxLength: 4 })
  .map((components) => components.join('/'))

test('every name made by the grammar is accepted', () => {
  fc.assert(
    fc.property(validName, (name) => {
      assert.equal(isRepositoryName(name), true)
      assert.equal(parseRepositoryName(name), name)
    }),
  )
})

test('names are judged as the specification judges them', () => {
  const nearly = fc.string({ unit: fc.constantFrom('a', '9', '.', '_', '-', '/', 'A', '\n') })
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string()), (text) => {
      assert.equal(isRepositoryName(text), specName.test(text))
    }),
    { numRuns: 1000 },
  )
})

test('tags are judged as the specification judges them', () => {
  const nearly = fc.string({
    unit: fc.constantFrom('a', 'Z', '9', '.', '_', '-', '/', '+', ':', '\n'),
    maxLength: 140,
  })
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string()), (text) => {
      assert.equal(isTag(text), specTag.test(text))
    }),
    { numRuns: 1000 },
  )
})

test('a tag has at most 128 characters', () => {
  assert.equal(parseTag('v'.repeat(128)), 'v'.repeat(128))
  assert.throws(() => parseTag('v'.repeat(129)), { code: 'TAG_INVALID' })
})

for (const tag of ['', '.hidden', '-x', 'a/b', 'a b', '1.0+build', '..', 'latest\n']) {
  test(`${JSON.stringify(tag)} is not a tag`, () => {
    assert.throws(
      () => parseTag(tag),
      (error: unknown) => {
        assert(error instanceof OciError)
        assert.equal(error.code, 'TAG_INVALID')
        assert.match(error.message, /is not a valid tag/)
        return true
      },
    )
  })
}

test('a reference with a colon is a digest', () => {
  const digest = digestOf(new Uint8Array(), 'sha512')
  assert.deepEqual(parseReference(digest), { kind: 'digest', digest })
  assert.throws(() => parseReference('md5:abc'), { code: 'DIGEST_INVALID' })
})

test('a reference without a colon is a tag', () => {
  assert.deepEqual(parseReference('Latest_1.0'), { kind: 'tag', tag: 'Latest_1.0' })
  assert.deepEqual(parseReference('sha256-abc.sig'), { kind: 'tag', tag: 'sha256-abc.sig' })
  assert.throws(() => parseReference('a b'), { code: 'TAG_INVALID' })
})

test('the namespace is the first of several components', () => {
  assert.equal(namespaceOf(parseRepositoryName('team/app')), 'team')
  assert.equal(namespaceOf(parseRepositoryName('team/app/web')), 'team')
  assert.equal(namespaceOf(parseRepositoryName('app')), undefined)
})
