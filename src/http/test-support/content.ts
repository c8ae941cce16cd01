// Content for tests of the API: repositories, blobs and images, made through the API itself.
import assert from 'node:assert/strict'
import { digestOf, type Digest } from '../../oci/digest.ts'
import { ociImageConfig, ociIndex, ociManifest } from '../../oci/media-types.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/reference.ts'
import {
  findRepository,
  insertRepository,
  type RepositoryRow,
  type Visibility,
} from '../../metadata/repositories.ts'
import { ask, type Question, type TestApp } from './app.ts'

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'

export async function makeRepository(
  { metadata }: TestApp,
  text: string,
  visibility: Visibility = 'private',
): Promise<RepositoryRow> {
  const name = parseRepositoryName(text)
  const found = await metadata.write(async (tx) => {
    await insertRepository(tx, { name, visibility, createdBy: undefined })
    return findRepository(tx, name)
  })
  assert.ok(found)
  return found
}

export async function repositoryOf(
  { metadata }: TestApp,
  text: string,
): Promise<RepositoryRow | undefined> {
  return findRepository(metadata, parseRepositoryName(text))
}

export interface Described {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
}

export function describe(mediaType: string, bytes: Uint8Array | string): Described {
  const content = Buffer.from(bytes)
  return { mediaType, digest: digestOf(content), size: content.length }
}

/** Pushes a blob in one request, as admin. */
export async function putBlob(
  app: TestApp,
  repository: string,
  bytes: Uint8Array | string,
): Promise<Digest> {
  const digest = digestOf(Buffer.from(bytes))
  const line = `POST /v2/${repository}/blobs/uploads/?digest=${digest}`
  const answer = await ask(app, line, { as: 'admin', body: bytes })
  assert.equal(answer.status, 201, answer.text)
  return digest
}

export type Manifest = Readonly<Record<string, unknown>>

/** Pushes config and layers and gives the image that needs them. */
export async function putContent(
  app: TestApp,
  repository: string,
  words: readonly string[] = ['{}', 'layer'],
): Promise<Manifest> {
  const [config = '{}', ...layers] = words
  for (const word of words) await putBlob(app, repository, word)
  return {
    schemaVersion: 2,
    mediaType: ociManifest,
    config: describe(ociImageConfig, config),
    layers: layers.map((word) => describe(layerType, word)),
  }
}

export function anIndex(manifests: readonly Described[], more: Manifest = {}): Manifest {
  return { schemaVersion: 2, mediaType: ociIndex, manifests, ...more }
}

/** Pushes a manifest as admin; `reference` is its digest when there is none. */
export async function putManifest(
  app: TestApp,
  repository: string,
  manifest: Manifest,
  { reference, ...more }: Question & { readonly reference?: string } = {},
): Promise<Described> {
  const text = JSON.stringify(manifest)
  const described = describe(String(manifest['mediaType']), text)
  const line = `PUT /v2/${repository}/manifests/${reference ?? described.digest}`
  const answer = await ask(app, line, {
    as: 'admin',
    type: described.mediaType,
    body: text,
    ...more,
  })
  assert.equal(answer.status, 201, answer.text)
  return described
}

/** An image of these words under this tag. */
export async function putImage(
  app: TestApp,
  repository: string,
  reference: string,
  words?: readonly string[],
): Promise<Described> {
  return putManifest(app, repository, await putContent(app, repository, words), { reference })
}

export function nameOf(text: string): RepositoryName {
  return parseRepositoryName(text)
}
