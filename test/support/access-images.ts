// A small image, pushed over plain HTTP: what there is to pull in tests of access.
import { randomBytes } from 'node:crypto'
import { digestOf } from '../../src/oci/digest.ts'
import { textOf, type Answer, type Wire } from './access-wire.ts'

export interface PushedImage {
  readonly repository: string
  readonly tag: string
  readonly manifest: string
  /** Of its only layer. */
  readonly layer: string
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json'

/** Random content of that many bytes. @throws {Error} with what was answered */
export async function pushImage(
  wire: Wire,
  authorization: string,
  { repository, tag = 'v1', bytes = 200 }: { repository: string; tag?: string; bytes?: number },
): Promise<PushedImage> {
  const config = await putBlob(wire, authorization, { repository, bytes: Buffer.from('{}') })
  const layer = await putBlob(wire, authorization, { repository, bytes: randomBytes(bytes) })
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: config, size: 2 },
    layers: [{ mediaType: 'application/octet-stream', digest: layer, size: bytes }],
  }
  const path = `/v2/${repository}/manifests/${tag}`
  const answer = await wire.ask('PUT', path, {
    authorization,
    headers: { 'content-type': manifestType },
    body: JSON.stringify(manifest),
  })
  expect(201, path, answer)
  const digest = String(answer.headers['docker-content-digest'])
  return { repository, tag, manifest: digest, layer }
}

/** In one request. Returns the digest. @throws {Error} with what was answered */
async function putBlob(
  wire: Wire,
  authorization: string,
  { repository, bytes }: { readonly repository: string; readonly bytes: Buffer },
): Promise<string> {
  const digest = digestOf(bytes)
  const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`
  expect(201, path, await wire.ask('POST', path, { authorization, body: bytes }))
  return digest
}

/** A mount; true when it needed no upload. */
export async function mountBlob(
  wire: Wire,
  authorization: string,
  { layer, from, to }: { readonly layer: string; readonly from: string; readonly to: string },
): Promise<boolean> {
  const path = `/v2/${to}/blobs/uploads/?mount=${layer}&from=${from}`
  const answer = await wire.ask('POST', path, { authorization })
  if (answer.status !== 201 && answer.status !== 202) expect(201, path, answer)
  return answer.status === 201
}

function expect(status: number, path: string, answer: Answer): void {
  if (answer.status !== status) throw new Error(`${path}: ${textOf(answer)}`)
}
