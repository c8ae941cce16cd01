import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { isRepositoryName, parseRepositoryName } from '../oci/reference.ts'
import {
  containsPlace,
  namespaceOfPlace,
  narrowness,
  nameTest,
  parsePlace,
  placeAround,
  type PlaceKind,
} from './place.ts'
import { anyText, isIn, place, repositoryName } from './test-support/places.ts'

const kindOf = (text: string): PlaceKind => parsePlace(text).kind

suite('places', () => {
  test('what is written tells what kind of place it is', () => {
    const kinds: Readonly<Record<string, PlaceKind>> = {
      '*': 'installation',
      '**': 'installation',
      '/': 'root',
      'web/': 'namespace',
      'web.x-y_z/': 'namespace',
      web: 'repository',
      'web/app': 'repository',
      'web/*': 'glob',
      'web/**': 'glob',
      '*/app': 'glob',
      '**/app': 'glob',
      'web/**-dev': 'glob',
      'app?': 'glob',
    }
    for (const [text, kind] of Object.entries(kinds)) assert.equal(kindOf(text), kind, text)
    assert.equal(parsePlace('**').text, '*')
    assert.equal(namespaceOfPlace(parsePlace('web/')), 'web')
  })

  test('what no name can be in is no place, and the error says what one looks like', () => {
    const wrong = [
      '',
      ' ',
      '//',
      'web//',
      'web/app/',
      'Web/',
      'WEB/*',
      '*/',
      '/*',
      'web/ *',
      'a***b',
    ]
    const strange = [
      'web%',
      'web\\',
      'we[b]',
      '{web}',
      'a\0',
      '*a*a*a*a*a*a*a*a*a',
      `${'a'.repeat(255)}*`,
    ]
    for (const text of [...wrong, ...strange]) {
      assert.throws(
        () => parsePlace(text),
        (error) => error instanceof RangeError && /is no place\. A place is \*/.test(error.message),
        text,
      )
    }
  })

  test('a long text is not repeated whole in an error', () => {
    assert.throws(
      () => parsePlace('X'.repeat(10_000)),
      ({ message }: Error) => message.length < 400,
    )
  })

  test('any text is a place of its own words, or is refused', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          const { kind, text: kept } = parsePlace(text)
          assert.equal(kept, text === '**' ? '*' : text)
          assert.equal(kind === 'repository', isRepositoryName(text))
        } catch (error) {
          assert.ok(error instanceof RangeError)
        }
      }),
    )
  })

  test('a name is in a place exactly when the reference matcher says so', () => {
    fc.assert(
      fc.property(place, repositoryName, (where, name) => {
        assert.equal(nameTest(where)(name), isIn(where, name), `${where.text} ${name}`)
      }),
      { numRuns: 2000 },
    )
  })

  test('wildcards stay within a component, two stars do not', () => {
    const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ['web/*', ['web/a', 'web/a-b'], ['web/a/b', 'web', 'webx/a', 'we/b']],
      ['web/**', ['web/a', 'web/a/b/c'], ['web', 'webx/a']],
      ['web/**-dev', ['web/a-dev', 'web/a/b-dev'], ['web/a', 'web-dev', 'web/a-dev/x']],
      ['*', ['a', 'a/b'], []],
      ['?pp', ['app', 'bpp'], ['pp', 'aapp', 'a/pp']],
      ['w?b/*', ['web/a', 'w-b/a'], ['w/b/a', 'wb/a']],
      ['**/app', ['a/app', 'a/b/app'], ['app', 'a/xapp/y']],
    ]
    for (const [text, inside, outside] of cases) {
      const isInside = nameTest(parsePlace(text))
      for (const name of inside) assert.equal(isInside(name), true, `${name} in ${text}`)
      for (const name of outside) assert.equal(isInside(name), false, `${name} in ${text}`)
    }
  })

  test('no pattern takes long', () => {
    const pattern = nameTest(parsePlace(`${'**a'.repeat(8)}b`))
    const began = performance.now()
    assert.equal(pattern('a'.repeat(200)), false)
    assert.ok(performance.now() - began < 500)
  })

  test('a place that contains another has all its names', () => {
    fc.assert(
      fc.property(place, place, repositoryName, (outer, inner, name) => {
        if (!containsPlace(outer, inner) || !isIn(inner, name)) return
        assert.ok(isIn(outer, name), `${outer.text} has ${inner.text} but not ${name}`)
      }),
      { numRuns: 2000 },
    )
  })

  test('containing is told for what people write', () => {
    const contained = [
      ['*', 'web/'],
      ['*', '/'],
      ['*', '**'],
      ['/', 'app'],
      ['/', 'app-*'],
      ['web/', 'web/app'],
      ['web/', 'web/**-dev'],
      ['web/*', 'web/app'],
      ['web/*', 'web/*'],
    ] as const
    for (const [outer, inner] of contained) {
      assert.equal(containsPlace(parsePlace(outer), parsePlace(inner)), true, `${outer} ${inner}`)
    }
    const apart = [
      ['web/', '*'],
      ['web/', '/'],
      ['web/', 'web'],
      ['web/', 'web-x/app'],
      ['web/', 'we*/app'],
      ['/', 'web/'],
      ['/', 'web/app'],
      ['/', '**-dev'],
      ['web/app', 'web/app/part'],
      ['web/*', 'web/'],
      ['web/**', 'web/'],
    ] as const
    for (const [outer, inner] of apart) {
      assert.equal(containsPlace(parsePlace(outer), parsePlace(inner)), false, `${outer} ${inner}`)
    }
  })

  test('the place around a repository has it, and is wider than the repository itself', () => {
    fc.assert(
      fc.property(repositoryName, (name) => {
        const around = placeAround(name)
        assert.ok(isIn(around, name))
        assert.deepEqual(parsePlace(around.text), around)
        assert.ok(narrowness(around) > narrowness(parsePlace(name)))
      }),
    )
    assert.equal(placeAround(parseRepositoryName('web/app/part')).text, 'web/')
    assert.equal(placeAround(parseRepositoryName('app')).text, '/')
  })
})
