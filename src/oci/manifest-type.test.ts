import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OciError } from './errors.ts'
import { parseManifest } from './manifest.ts'
import { anImage, anIndex, bytesOf, config, layer } from './manifest-samples.ts'
import {
  dockerManifest,
  dockerManifestList,
  dockerSchema1Signed,
  ociArtifactManifest,
  ociIndex,
  ociManifest,
} from './media-types.ts'

function refusal(contentType: string | undefined, value: unknown): string {
  try {
    parseManifest(contentType, bytesOf(value))
  } catch (error) {
    assert(error instanceof OciError)
    assert.equal(error.code, 'MANIFEST_INVALID')
    return error.message
  }
  throw new assert.AssertionError({ message: 'It was accepted.' })
}

const types: readonly (readonly [
  what: string,
  contentType: string | undefined,
  value: unknown,
  expected: string,
])[] = [
  ['the mediaType inside when the Content-Type is missing', undefined, anIndex(), ociIndex],
  ['the mediaType inside when the Content-Type is empty', '', anIndex(), ociIndex],
  [
    'the mediaType inside when the Content-Type is JSON',
    'application/json; charset=utf-8',
    anImage({ mediaType: dockerManifest }),
    dockerManifest,
  ],
  [
    'the mediaType inside when the Content-Type is bytes',
    'application/octet-stream',
    anImage(),
    ociManifest,
  ],
  [
    'that of an index by its shape',
    'application/json',
    anIndex({ mediaType: undefined }),
    ociIndex,
  ],
  [
    'that of an image by its shape',
    'application/json',
    anImage({ mediaType: undefined }),
    ociManifest,
  ],
  [
    'the Content-Type when there is none inside',
    dockerManifestList,
    anIndex({ mediaType: undefined }),
    dockerManifestList,
  ],
]

for (const [what, contentType, value, expected] of types) {
  test(`the type to store is ${what}`, () => {
    assert.equal(parseManifest(contentType, bytesOf(value)).mediaType, expected)
  })
}

const refused: readonly (readonly [
  what: string,
  contentType: string | undefined,
  value: unknown,
  says: RegExp,
])[] = [
  [
    'is an image and an index',
    ociManifest,
    anImage({ manifests: [] }),
    /both the layers or config/,
  ],
  ['is an index and an image', ociIndex, anIndex({ layers: [layer] }), /both the layers or config/],
  ['is an index with a config', ociIndex, anIndex({ config }), /both the layers or config/],
  [
    'is both and says neither',
    'application/json',
    anImage({ mediaType: undefined, manifests: [] }),
    /both the layers or config/,
  ],
  [
    'is an index sent as an image',
    ociManifest,
    anIndex(),
    /calls itself .*index.* but was sent with .*manifest/,
  ],
  ['is OCI sent as Docker', dockerManifest, anImage(), /calls itself/],
  [
    'differs from its type in case',
    ociManifest,
    anImage({ mediaType: ociManifest.toUpperCase() }),
    /calls itself/,
  ],
  [
    'has the shape of an index and is typed as an image',
    ociManifest,
    anIndex({ mediaType: undefined }),
    /shape of an index/,
  ],
  [
    'has the shape of an image and is typed as an index',
    ociIndex,
    anImage({ mediaType: undefined }),
    /shape of an image/,
  ],
  [
    'has no type at all',
    undefined,
    anImage({ mediaType: undefined }),
    /Send a Content-Type such as/,
  ],
  ['has no shape', 'application/json', { schemaVersion: 2 }, /Send a Content-Type such as/],
  [
    'is of an unknown type',
    'text/html',
    anImage({ mediaType: undefined }),
    /Content-Type "text\/html" is not a type/,
  ],
  [
    'is of an unknown type inside',
    'application/json',
    anImage({ mediaType: 'a/b' }),
    /mediaType "a\/b" is not a type/,
  ],
  [
    'has a number for a mediaType',
    ociManifest,
    anImage({ mediaType: 5 }),
    /mediaType must be a string/,
  ],
  ['is schema 1 by Content-Type', dockerSchema1Signed, 'not even JSON', /Docker 1\.10/],
  [
    'is schema 1 by schemaVersion',
    'application/json',
    { schemaVersion: 1, name: 'a', fsLayers: [] },
    /Docker 1\.10/,
  ],
  ['hides schema 1 in an image', ociManifest, anImage({ fsLayers: [] }), /Docker 1\.10/],
  [
    'has no schemaVersion',
    ociManifest,
    anImage({ schemaVersion: undefined }),
    /schemaVersion must be 2/,
  ],
  [
    'has a text for schemaVersion',
    ociIndex,
    anIndex({ schemaVersion: '2' }),
    /schemaVersion must be 2/,
  ],
  ['has schemaVersion 3', ociManifest, anImage({ schemaVersion: 3 }), /schemaVersion must be 2/],
  ['is an image without config', ociManifest, anImage({ config: undefined }), /no config/],
  [
    'is an index without a list',
    ociIndex,
    anIndex({ manifests: undefined }),
    /no list of manifests/,
  ],
  [
    'is an artifact with layers',
    ociArtifactManifest,
    { layers: [] },
    /An artifact manifest has blobs/,
  ],
  ['is a list', ociManifest, [], /must be a JSON object/],
  ['is null', ociManifest, null, /must be a JSON object/],
]

for (const [what, contentType, value, says] of refused) {
  test(`a manifest is refused that ${what}`, () => {
    assert.match(refusal(contentType, value), says)
  })
}

test('no body is accepted both as an image and as an index', () => {
  const field = (value: unknown) => fc.option(fc.constantFrom(value, null, []), { nil: undefined })
  const body = fc.record({
    schemaVersion: fc.constant(2),
    mediaType: fc.constantFrom(undefined, '', ociManifest, ociIndex),
    config: field(config),
    layers: field([layer]),
    manifests: field([layer]),
  })
  const acceptedAs = (contentType: string, value: unknown) => {
    try {
      return parseManifest(contentType, bytesOf(value)).kind
    } catch {
      return undefined
    }
  }
  fc.assert(
    fc.property(body, (value) => {
      const kinds = [ociManifest, ociIndex, dockerManifest, dockerManifestList, 'application/json']
        .map((contentType) => acceptedAs(contentType, value))
        .filter((kind) => kind !== undefined)
      assert(new Set(kinds).size <= 1, JSON.stringify(value))
    }),
    { numRuns: 500 },
  )
})
