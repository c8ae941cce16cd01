import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from './digest.ts'
import { OciError } from './errors.ts'
import type { ParsedManifest } from './manifest.ts'
import { parseManifest } from './manifest.ts'
import {
  anImage,
  anIndex,
  bytesOf,
  config,
  descriptor,
  layer,
  layerType,
} from './manifest-samples.ts'
import {
  dockerImageConfig,
  dockerManifest,
  dockerManifestList,
  emptyJson,
  ociArtifactManifest,
  ociImageConfig,
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

test('an image has a config, layers and the artifact type of its config', () => {
  const expected: ParsedManifest = {
    kind: 'image',
    mediaType: ociManifest,
    config,
    configMediaType: ociImageConfig,
    layers: [{ ...layer, foreign: false }],
    manifests: [],
    artifactType: ociImageConfig,
    annotations: {},
  }
  assert.deepEqual(parseManifest(ociManifest, bytesOf(anImage())), expected)
})

test('a Docker image is an image', () => {
  const image = anImage({ mediaType: dockerManifest, config: descriptor(dockerImageConfig) })
  const parsed = parseManifest(dockerManifest, bytesOf(image))
  assert.equal(parsed.kind, 'image')
  assert.equal(parsed.mediaType, dockerManifest)
  assert.equal(parsed.artifactType, dockerImageConfig)
})

test('an index has children with what is known of them, and no artifact type of its own', () => {
  const child = {
    ...descriptor(ociManifest),
    platform: { os: 'linux', architecture: 'arm', variant: 'v7', 'os.version': '1' },
    artifactType: 'application/x.thing',
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  }
  const plain = descriptor(ociManifest, 'other')
  const parsed = parseManifest(ociIndex, bytesOf(anIndex({ manifests: [child, plain] })))
  assert.deepEqual(parsed, {
    kind: 'index',
    mediaType: ociIndex,
    layers: [],
    manifests: [{ ...child, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }, plain],
    annotations: {},
  })
})

test('a manifest list is an index', () => {
  const list = anIndex({ mediaType: dockerManifestList })
  assert.equal(parseManifest(dockerManifestList, bytesOf(list)).kind, 'index')
})

test('an index reports the artifact type that it has', () => {
  const index = anIndex({ artifactType: 'application/x.thing' })
  assert.equal(parseManifest(ociIndex, bytesOf(index)).artifactType, 'application/x.thing')
})

test('an empty platform is none', () => {
  const child = { ...descriptor(ociManifest), platform: { os: '', architecture: '' } }
  const parsed = parseManifest(ociIndex, bytesOf(anIndex({ manifests: [child] })))
  assert.equal(parsed.manifests[0]?.platform, undefined)
})

test('an artifact manifest has blobs for layers and needs no schemaVersion', () => {
  const artifact = {
    mediaType: ociArtifactManifest,
    artifactType: 'application/x.thing',
    blobs: [layer],
    subject: descriptor(ociManifest),
  }
  assert.deepEqual(parseManifest(ociArtifactManifest, bytesOf(artifact)), {
    kind: 'artifact',
    mediaType: ociArtifactManifest,
    artifactType: 'application/x.thing',
    layers: [{ ...layer, foreign: false }],
    manifests: [],
    subject: descriptor(ociManifest),
    annotations: {},
  })
})

test('an artifact in an image manifest reports its own artifact type and its subject', () => {
  const image = anImage({
    artifactType: 'application/x.thing',
    config: descriptor(emptyJson, '{}'),
    layers: [descriptor(emptyJson, '{}'), descriptor(emptyJson, '{}')],
    subject: descriptor(ociManifest),
    annotations: { 'org.example.key': 'value', constructor: 'x' },
  })
  const parsed = parseManifest(ociManifest, bytesOf(image))
  assert.equal(parsed.artifactType, 'application/x.thing')
  assert.equal(parsed.configMediaType, emptyJson)
  assert.deepEqual(parsed.subject, descriptor(ociManifest))
  assert.deepEqual(parsed.annotations, { 'org.example.key': 'value', constructor: 'x' })
  assert.equal(parsed.layers.length, 2)
})

test('an empty artifact type counts as none', () => {
  const image = anImage({ artifactType: '' })
  assert.equal(parseManifest(ociManifest, bytesOf(image)).artifactType, ociImageConfig)
})

test('an index with a subject has it', () => {
  const index = anIndex({ subject: descriptor(ociManifest) })
  assert.deepEqual(parseManifest(ociIndex, bytesOf(index)).subject, descriptor(ociManifest))
})

test('layers that need not be in the repository are marked as foreign', () => {
  const foreign = {
    ...descriptor('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
    urls: ['https://example.com/layer'],
  }
  const nondistributable = descriptor('application/vnd.oci.image.layer.nondistributable.v1.tar')
  const image = anImage({ layers: [foreign, nondistributable, layer] })
  const { layers } = parseManifest(ociManifest, bytesOf(image))
  assert.deepEqual(
    layers.map((one) => one.foreign),
    [true, true, false],
  )
})

const accepted: readonly (readonly [what: string, contentType: string, value: unknown])[] = [
  ['no layers', ociManifest, anImage({ layers: [] })],
  ['layers that are null, as Go writes none', ociManifest, anImage({ layers: null })],
  ['the same layer twice', ociManifest, anImage({ layers: [layer, layer] })],
  ['unknown fields', ociManifest, anImage({ blobs: 7, 'org.example': { deep: [1] } })],
  ['unknown media types', ociManifest, anImage({ layers: [descriptor('weird type')] })],
  [
    'a sha512 layer',
    ociManifest,
    anImage({ layers: [{ ...layer, digest: digestOf(bytesOf(''), 'sha512') }] }),
  ],
  ['a size of zero', ociManifest, anImage({ layers: [{ ...layer, size: 0 }] })],
  [
    'the largest size',
    ociManifest,
    anImage({ layers: [{ ...layer, size: Number.MAX_SAFE_INTEGER }] }),
  ],
  ['data in a descriptor', ociManifest, anImage({ config: { ...config, data: 'e30=' } })],
  [
    'null where something is optional',
    ociManifest,
    anImage({ subject: null, annotations: null, artifactType: null, manifests: null }),
  ],
  ['no mediaType inside an OCI image', ociManifest, anImage({ mediaType: undefined })],
  ['an empty mediaType inside', ociManifest, anImage({ mediaType: '' })],
  ['no mediaType inside a Docker image', dockerManifest, anImage({ mediaType: undefined })],
  ['parameters of the Content-Type', `${ociManifest}; charset=utf-8`, anImage()],
  ['upper case in the Content-Type', ociManifest.toUpperCase(), anImage()],
  ['an index of nothing', ociIndex, anIndex({ manifests: [] })],
  ['an index of null, as Go writes nothing', ociIndex, anIndex({ manifests: null })],
  [
    "layer blobs in an index, as BuildKit's old cache has",
    ociIndex,
    anIndex({ manifests: [layer, descriptor('application/vnd.buildkit.cacheconfig.v0')] }),
  ],
  ['9,998 layers', ociManifest, anImage({ layers: Array(9998).fill(layer) })],
]

for (const [what, contentType, value] of accepted) {
  test(`a manifest is accepted with ${what}`, () => {
    parseManifest(contentType, bytesOf(value))
  })
}

const refused: readonly (readonly [
  what: string,
  contentType: string | undefined,
  value: unknown,
  says: RegExp,
])[] = [
  [
    'has a key twice',
    ociManifest,
    '{"schemaVersion":2,"schemaVersion":2}',
    /cannot be read as JSON.*same key twice/,
  ],
  [
    'begins with a byte order mark',
    ociManifest,
    `\ufeff${JSON.stringify(anImage())}`,
    /byte order mark/,
  ],
  [
    'is followed by something',
    ociManifest,
    `${JSON.stringify(anImage())}{}`,
    /not one well-formed JSON value/,
  ],
  ['is empty', ociManifest, '', /It is empty/],
]

for (const [what, contentType, value, says] of refused) {
  test(`a manifest is refused that ${what}`, () => {
    assert.match(refusal(contentType, value), says)
  })
}

const anyDescriptor = fc
  .tuple(fc.uint8Array({ maxLength: 8 }), fc.constantFrom('sha256', 'sha512'), fc.nat())
  .map(([bytes, algorithm, size]) => ({
    mediaType: layerType,
    digest: digestOf(bytes, algorithm),
    size,
  }))

test('all descriptors of any image come back in their order', () => {
  fc.assert(
    fc.property(anyDescriptor, fc.array(anyDescriptor), (first, rest) => {
      const parsed = parseManifest(ociManifest, bytesOf(anImage({ config: first, layers: rest })))
      assert.deepEqual(parsed.config, first)
      assert.deepEqual(
        parsed.layers,
        rest.map((one) => ({ ...one, foreign: false })),
      )
    }),
  )
})

test('any change of one value in a manifest gives a manifest or MANIFEST_INVALID', () => {
  const fields = ['schemaVersion', 'mediaType', 'config', 'layers', 'manifests', 'subject']
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(layer, [layer], [[layer]]))
  fc.assert(
    fc.property(
      fc.constantFrom(...fields, 'annotations', 'artifactType', 'blobs'),
      value,
      fc.constantFrom(anImage(), anIndex()),
      fc.constantFrom(undefined, 'application/json', ociManifest, ociIndex, ociArtifactManifest),
      (field, changed, original, contentType) => {
        try {
          parseManifest(contentType, bytesOf({ ...original, [field]: changed }))
        } catch (error) {
          assert(error instanceof OciError)
          assert.equal(error.code, 'MANIFEST_INVALID')
          assert.match(error.message, /^[A-Z].*\.$/)
        }
      },
    ),
    { numRuns: 1000 },
  )
})
