import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OciError } from './errors.ts'
import { parseManifest } from './manifest.ts'
import { anImage, anIndex, bytesOf, config, descriptor, layer } from './manifest-samples.ts'
import { ociIndex, ociManifest } from './media-types.ts'

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

const refused: readonly (readonly [
  what: string,
  contentType: string | undefined,
  value: unknown,
  says: RegExp,
])[] = [
  ['has layers that are no list', ociManifest, anImage({ layers: {} }), /layers must be a list/],
  [
    'has a layer that is no object',
    ociManifest,
    anImage({ layers: [layer, 'x'] }),
    /layers\[1\] must be an object/,
  ],
  ['has a config that is a list', ociManifest, anImage({ config: [] }), /config must be an object/],
  [
    'has a layer without mediaType',
    ociManifest,
    anImage({ layers: [{ ...layer, mediaType: undefined }] }),
    /layers\[0\] has no mediaType/,
  ],
  [
    'has a line end in a mediaType',
    ociManifest,
    anImage({ layers: [{ ...layer, mediaType: 'a/b\r\nx: y' }] }),
    /layers\[0\]\.mediaType must be a string/,
  ],
  [
    'has a layer without digest',
    ociManifest,
    anImage({ layers: [{ ...layer, digest: undefined }] }),
    /layers\[0\] has no digest/,
  ],
  [
    'has a digest of another algorithm',
    ociManifest,
    anImage({ layers: [{ ...layer, digest: `blake3:${'a'.repeat(64)}` }] }),
    /layers\[0\], "blake3:a+", is malformed/,
  ],
  [
    'has a broken digest in an index',
    ociIndex,
    anIndex({ manifests: [{ ...descriptor(ociManifest), digest: 'sha256:x' }] }),
    /manifests\[0\], "sha256:x"/,
  ],
  [
    'has a broken subject',
    ociManifest,
    anImage({ subject: { ...descriptor(ociManifest), digest: 'x' } }),
    /subject, "x"/,
  ],
  [
    'has no size',
    ociManifest,
    anImage({ config: { ...config, size: undefined } }),
    /size of the manifest's config/,
  ],
  [
    'has a negative size',
    ociManifest,
    anImage({ layers: [{ ...layer, size: -1 }] }),
    /size of the manifest's layers\[0\]/,
  ],
  [
    'has half a byte',
    ociManifest,
    anImage({ layers: [{ ...layer, size: 0.5 }] }),
    /whole number of bytes/,
  ],
  [
    'has a huge size',
    ociManifest,
    anImage({ layers: [{ ...layer, size: 2 ** 53 }] }),
    /whole number of bytes/,
  ],
  [
    'has a text for a size',
    ociManifest,
    anImage({ layers: [{ ...layer, size: '5' }] }),
    /whole number of bytes/,
  ],
  [
    'has annotations that are a list',
    ociManifest,
    anImage({ annotations: [] }),
    /annotations must be an object/,
  ],
  [
    'has a number for an annotation',
    ociManifest,
    anImage({ annotations: { 'a.b': 1 } }),
    /annotations must be strings, and "a\.b" is not/,
  ],
  [
    'has a null for an annotation of a layer',
    ociManifest,
    anImage({ layers: [{ ...layer, annotations: { a: null } }] }),
    /layers\[0\]\.annotations must be strings/,
  ],
  [
    'has NUL in an annotation',
    ociManifest,
    anImage({ annotations: { a: '\0' } }),
    /annotation "a" has a character/,
  ],
  [
    'has half a surrogate pair in an annotation',
    ociManifest,
    anImage({ annotations: { a: '\ud800' } }),
    /annotation "a" has a character/,
  ],
  [
    'has a number for an artifact type',
    ociManifest,
    anImage({ artifactType: 1 }),
    /artifactType must be a string/,
  ],
  [
    'has a platform that is a text',
    ociIndex,
    anIndex({ manifests: [{ ...layer, platform: 'linux' }] }),
    /manifests\[0\]\.platform must be an object/,
  ],
  [
    'has a number for a system',
    ociIndex,
    anIndex({ manifests: [{ ...layer, platform: { os: 1 } }] }),
    /manifests\[0\]\.platform\.os must be/,
  ],
  [
    'has 9,999 layers',
    ociManifest,
    anImage({ layers: Array(9999).fill(layer) }),
    /layers has 9999 entries/,
  ],
  [
    'has Layers beside layers',
    ociManifest,
    anImage({ Layers: [] }),
    /"Layers", which some clients take for "layers"/,
  ],
  ['has LAYERS in an index', ociIndex, anIndex({ LAYERS: [layer] }), /"LAYERS"/],
  ['has a long s for an s', ociManifest, anImage({ 'layer\u017f': [] }), /take for "layers"/],
  [
    'has Digest in a layer',
    ociManifest,
    anImage({ layers: [{ ...layer, Digest: layer.digest }] }),
    /"Digest"/,
  ],
  [
    'has half a surrogate pair in an artifact type',
    ociManifest,
    anImage({ artifactType: 'a/\ud800' }),
    /artifactType must be a string/,
  ],
  [
    'has OS for a system',
    ociIndex,
    anIndex({ manifests: [{ ...layer, platform: { OS: 'linux' } }] }),
    /"OS", which some clients take for "os"/,
  ],
]

for (const [what, contentType, value, says] of refused) {
  test(`a manifest is refused that ${what}`, () => {
    assert.match(refusal(contentType, value), says)
  })
}
