// The calls of a push, as clients make them: open an upload, send the blob, send the manifest.
// Spec: distribution-spec v1.1 spec.md#push.
import { createHash, randomBytes } from 'node:crypto'
import { headerOf, type Answer, type Ask, type Connection, type Streamed } from './wire.ts'

/** Who asks, and through which connection. */
export interface Caller {
  readonly connection: Connection
  readonly authorization: string | undefined
}

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

export interface PushedImage {
  readonly layers: readonly Descriptor[]
  readonly manifest: Buffer
}

/** An answer that no client would take. Its message tells what was asked and what came. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer'
}

export const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'
const configType = 'application/vnd.oci.image.config.v1+json'
const anyBytes = { 'Content-Type': 'application/octet-stream' }

/** @throws {WrongAnswer} for another status than the one that means success */
export async function call(caller: Caller, ask: Ask, status: number): Promise<Answer> {
  const { connection, authorization } = caller
  const headers = { ...ask.headers, ...authorizationHeader(authorization) }
  const answer = await connection.ask({ ...ask, headers, keepBody: true })
  if (answer.status === status) return answer
  const code = /"code": *"(\w+)"/.exec(answer.body.toString())?.[1]
  const what = code === undefined ? answer.status : `${answer.status} ${code}`
  throw new WrongAnswer(`${what} to ${ask.method} ${kindOf(ask.path)}`)
}

/** The path without what differs from call to call, so that equal failures read the same. */
function kindOf(path: string): string {
  return path
    .replace(/\?.*$/, '')
    .replace(/^\/v2\/.+\/(blobs\/uploads|blobs|manifests)\/.*$/, '/v2/…/$1/')
}

export function authorizationHeader(authorization: string | undefined): Record<string, string> {
  return authorization === undefined ? {} : { Authorization: authorization }
}

/** POST and PUT. */
export async function pushBlob(
  caller: Caller,
  repository: string,
  bytes: Uint8Array,
): Promise<{ readonly digest: string; readonly size: number }> {
  const digest = sha256(bytes)
  const location = await openUpload(caller, repository)
  await sendBlob(caller, location, { digest, body: bytes })
  return { digest, size: bytes.length }
}

/** Where the bytes have to go. */
export async function openUpload(caller: Caller, repository: string): Promise<string> {
  const path = `/v2/${repository}/blobs/uploads/`
  const location = headerOf(await call(caller, { method: 'POST', path }, 202), 'location')
  if (location === undefined) throw new WrongAnswer(`no Location to POST ${path}`)
  return location.replace(/^https?:\/\/[^/]+/, '')
}

export async function sendBlob(
  caller: Caller,
  location: string,
  { digest, body }: { readonly digest: string; readonly body: Uint8Array | Streamed },
): Promise<void> {
  const path = `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`
  await call(caller, { method: 'PUT', path, headers: anyBytes, body }, 201)
}

/** One layer, a configuration that is like no other, and the manifest under a tag. */
export async function pushImage(
  caller: Caller,
  { repository, tag }: { readonly repository: string; readonly tag: string },
  layer: Uint8Array,
): Promise<PushedImage> {
  const layers = [{ mediaType: layerType, ...(await pushBlob(caller, repository, layer)) }]
  const configuration = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { nonce: randomBytes(8).toString('hex') } },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    }),
  )
  const pushed = await pushBlob(caller, repository, configuration)
  const config = { mediaType: configType, ...pushed }
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers }),
  )
  const path = `/v2/${repository}/manifests/${tag}`
  const headers = { 'Content-Type': manifestType }
  await call(caller, { method: 'PUT', path, headers, body: manifest }, 201)
  return { layers, manifest }
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
