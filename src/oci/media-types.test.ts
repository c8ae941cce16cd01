import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  dockerManifest,
  dockerManifestList,
  dockerSchema1,
  dockerSchema1Signed,
  isForeignLayer,
  isIndexMediaType,
  isManifestMediaType,
  isSchema1MediaType,
  mediaTypeOf,
  ociArtifactManifest,
  ociIndex,
  ociManifest,
} from './media-types.ts'

test('images, indexes and artifacts are manifests, schema 1 and plain JSON are not', () => {
  for (const type of [
    ociManifest,
    ociIndex,
    dockerManifest,
    dockerManifestList,
    ociArtifactManifest,
  ]) {
    assert.equal(isManifestMediaType(type), true, type)
  }
  for (const type of [dockerSchema1, dockerSchema1Signed, 'application/json', '']) {
    assert.equal(isManifestMediaType(type), false, type)
  }
})

test('an OCI index and a Docker manifest list are indexes, images are not', () => {
  assert.equal(isIndexMediaType(ociIndex), true)
  assert.equal(isIndexMediaType(dockerManifestList), true)
  assert.equal(isIndexMediaType(ociManifest), false)
  assert.equal(isIndexMediaType(dockerManifest), false)
})

test('both forms of schema 1 are recognised', () => {
  assert.equal(isSchema1MediaType(dockerSchema1), true)
  assert.equal(isSchema1MediaType(dockerSchema1Signed), true)
  assert.equal(isSchema1MediaType(dockerManifest), false)
})

test('non-distributable and foreign layers are foreign, ordinary layers are not', () => {
  for (const suffix of ['', '+gzip', '+zstd']) {
    const type = `application/vnd.oci.image.layer.nondistributable.v1.tar${suffix}`
    assert.equal(isForeignLayer(type), true, type)
  }
  assert.equal(isForeignLayer('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'), true)
  assert.equal(isForeignLayer('application/vnd.docker.image.rootfs.diff.tar.gzip'), false)
  assert.equal(isForeignLayer('application/vnd.oci.image.layer.v1.tar+gzip'), false)
})

test('the media type of a header has no parameters, no blanks and no upper case', () => {
  assert.equal(mediaTypeOf('Application/JSON; charset=utf-8'), 'application/json')
  assert.equal(mediaTypeOf(` ${ociIndex} ;a=b;c=d`), ociIndex)
  assert.equal(mediaTypeOf(ociManifest), ociManifest)
})

test('a missing or empty header has no media type', () => {
  assert.equal(mediaTypeOf(undefined), undefined)
  assert.equal(mediaTypeOf(''), undefined)
  assert.equal(mediaTypeOf(' ; charset=utf-8'), undefined)
})
