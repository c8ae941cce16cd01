// The ways in which a blob can be uploaded: at once, in one PUT, PATCH and PUT, or in many chunks.
import { sha256Of } from './digest.ts'
import { toldOf, type Answer, type Client } from './client.ts'
import type { Random } from './random.ts'
import { change, expectStatus, type Content, type OpenUpload, type Worker } from './worker.ts'

/** 'broken': the server is gone. 'left': the upload was begun and not finished, or went wrong. */
export type UploadResult = Content | 'broken' | 'left'

const layerType = 'application/vnd.oci.image.layer.v1.tar'
const kib = 1024
/** Above it, a blob has a file of its own. */
const inlineBytes = 16 * kib

export async function uploadBlob(
  worker: Worker,
  repository: string,
  { leave }: { readonly leave: boolean },
): Promise<UploadResult> {
  const { random } = worker
  const bytes = random.bytes(Math.min(sizeOf(random), worker.largestBlob ?? Infinity))
  const digest = sha256Of(bytes)
  const blob = { repository, bytes, digest }
  const start = `/v2/${repository}/blobs/uploads/`
  if (!leave && random.chance(0.2)) return finish(worker, 'POST', start, { ...blob, rest: bytes })

  const opened = await worker.client.ask('POST', start)
  if (!expectStatus(worker, toldOf('POST', start, opened), opened, 202)) return endOf(opened)
  let location = locationOf(opened)
  let offset = 0
  const chunks = chunksOf(random, bytes.length, leave)
  for (const size of chunks) {
    const patched = await sendChunk(
      worker.client,
      location,
      bytes.subarray(offset, offset + size),
      {
        offset,
        withRange: chunks.length > 1,
      },
    )
    if (!expectStatus(worker, toldOf('PATCH', location, patched), patched, 202)) {
      if (patched === undefined) worker.shelf.uploads.push({ ...blob, location })
      return endOf(patched)
    }
    offset += size
    location = locationOf(patched)
  }
  if (leave) {
    worker.shelf.uploads.push({ ...blob, location })
    return 'left'
  }
  return finish(worker, 'PUT', location, { ...blob, rest: bytes.subarray(offset) })
}

/** Goes on where the registry says that the upload stands, and finishes it. */
export async function resumeUpload(
  worker: Worker,
  { repository, location, bytes, digest }: OpenUpload,
): Promise<UploadResult> {
  const state = await worker.client.ask('GET', location)
  if (!expectStatus(worker, toldOf('GET', location, state), state, 204)) return endOf(state)
  // `0-0` is what an empty upload says too: no chunk here is so short.
  const end = Number(/^0-(\d+)$/.exec(String(state?.headers['range']))?.[1])
  const rest = bytes.subarray(end === 0 ? 0 : end + 1)
  return finish(worker, 'PUT', locationOf(state), { repository, bytes, digest, rest })
}

async function finish(
  worker: Worker,
  method: 'POST' | 'PUT',
  location: string,
  blob: Omit<OpenUpload, 'location'> & { readonly rest: Buffer },
): Promise<UploadResult> {
  const { repository, digest, rest, bytes } = blob
  const path = `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`
  const answer = await change(
    worker,
    { method, path, headers: { 'content-type': 'application/octet-stream' }, body: rest },
    worker.collects === true ? [] : [{ kind: 'blob', repository, digest }],
  )
  if (!expectStatus(worker, toldOf(method, path, answer), answer, 201)) return endOf(answer)
  const content = { digest, size: bytes.length, mediaType: layerType }
  worker.shelf.blobs.push({ repository, blob: content })
  return content
}

async function sendChunk(
  client: Client,
  location: string,
  body: Buffer,
  { offset, withRange }: { readonly offset: number; readonly withRange: boolean },
): Promise<Answer | undefined> {
  const range = withRange ? { 'content-range': `${offset}-${offset + body.length - 1}` } : {}
  const headers = { 'content-type': 'application/octet-stream', ...range }
  return client.ask('PATCH', location, { headers, body })
}

function locationOf(answer: Answer | undefined): string {
  return String(answer?.headers['location'])
}

function endOf(answer: Answer | undefined): UploadResult {
  return answer === undefined ? 'broken' : 'left'
}

/** Small ones, ones around the limit of what is kept in the database, and now and then a large one. */
function sizeOf(random: Random): number {
  const dice = random.next()
  if (dice < 0.35) return random.whole(2, inlineBytes)
  if (dice < 0.45) return inlineBytes + random.whole(-1, 1)
  if (dice < 0.9) return Math.round(20 * kib * 10 ** random.next())
  return Math.round(200 * kib * 10 ** random.next())
}

/** Sizes of the PATCHes before the PUT, which has the rest. */
function chunksOf(random: Random, size: number, leave: boolean): readonly number[] {
  const dice = random.next()
  if (!leave && dice < 0.4) return []
  if (!leave && dice < 0.6) return [size]
  const count = random.whole(leave ? 1 : 2, 4)
  const chunk = Math.max(2, Math.floor(size / (count + 1)))
  return Array.from({ length: count }, () => chunk).filter((_, index) => (index + 1) * chunk < size)
}
