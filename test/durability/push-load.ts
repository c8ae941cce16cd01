// Clients that push images in every way there is, as fast as they are answered, and log what they
// were promised. Each has its own connection and its own chance.
import { sha256Of } from './digest.ts'
import type { AcknowledgementLog } from './acknowledgements.ts'
import { createClient, toldOf, type Answer } from './client.ts'
import type { Random } from './random.ts'
import { uploadBlob } from './upload-blob.ts'
import {
  change,
  expectStatus,
  type Content,
  type Counts,
  type Shelf,
  type Worker,
} from './worker.ts'

export interface LoadOptions {
  readonly port: number
  readonly authorization: string
  readonly log: AcknowledgementLog
  readonly random: Random
  readonly clients: number
  readonly shelf: Shelf
  /** Answers that are right although they refuse. */
  readonly mayRefuse?: (answer: Answer) => boolean
  /** In bytes; without it, two MiB. */
  readonly largestBlob?: number
  /** Whether manifests are deleted by digest too. */
  readonly deletes?: boolean
  /** Whether the server collects soon: then a blob may be gone before it is used. */
  readonly collects?: boolean
  /** Whether the server may be killed before `stop` says so. */
  readonly mayDie?: boolean
  /** Called at once, before that client asks for anything else. */
  readonly onAcknowledged?: () => void
}

export interface Load {
  /** Ends when every client has stopped; returns what was answered wrongly, or not at all by a living server. */
  stop(server: 'lives' | 'is killed'): Promise<readonly string[]>
  /** Resolves when the clients have stopped, by themselves too: after a wrong answer. */
  readonly ended: Promise<unknown>
  readonly counts: Counts
}

const imageManifest = 'application/vnd.oci.image.manifest.v1+json'
const imageIndex = 'application/vnd.oci.image.index.v1+json'
const tagCount = 6

export function createShelf(repositories: readonly string[]): Shelf {
  return { repositories, blobs: [], manifests: [], uploads: [] }
}

export function startLoad(options: LoadOptions): Load {
  const { port, authorization, log, random, shelf } = options
  const { mayRefuse = () => false, onAcknowledged = () => undefined } = options
  const { largestBlob, deletes, collects } = options
  const problems: string[] = []
  const counts = { acknowledged: 0, refused: 0, manifests: 0 }
  // A load that follows another one must not push the same content again.
  const number = random.whole(0, 2 ** 32)
  let stopped = false
  let isKilled = options.mayDie === true

  async function run(name: string): Promise<void> {
    using client = createClient(port, authorization)
    const worker: Worker = {
      client,
      log,
      random: random.fork(name),
      shelf,
      problems,
      counts,
      mayRefuse,
      largestBlob,
      deletes,
      collects,
      onAcknowledged,
    }
    while (!stopped && problems.length === 0) {
      const isAnswered = await act(worker)
      if (isAnswered) continue
      if (isKilled) return
      problems.push('There was no answer, and the server was running.')
    }
  }

  const running = Array.from({ length: options.clients }, async (_, index) =>
    run(`${number}/${index}`),
  )
  const ended = Promise.all(running)
  return {
    counts,
    ended,
    async stop(server) {
      stopped = true
      isKilled ||= server === 'is killed'
      await ended
      return problems
    },
  }
}

/** One thing that a client does. Returns false when the server is gone. */
async function act(worker: Worker): Promise<boolean> {
  const { random, shelf } = worker
  const repository = random.pick(shelf.repositories) ?? ''
  const dice = random.next()
  if (dice < 0.55) return pushImage(worker, repository)
  if (dice < 0.63) return pushIndex(worker, repository)
  if (dice < 0.78) return moveTag(worker, repository)
  if (dice < 0.85) return deleteTag(worker, repository)
  if (dice < 0.88) {
    return worker.deletes === true
      ? deleteManifest(worker, repository)
      : deleteTag(worker, repository)
  }
  if (dice < 0.94) return mountBlob(worker, repository)
  return (await uploadBlob(worker, repository, { leave: true })) !== 'broken'
}

async function pushImage(worker: Worker, repository: string): Promise<boolean> {
  const { random, shelf } = worker
  const count = random.whole(1, 3)
  const contents: Content[] = []
  while (contents.length <= count) {
    const known = random.chance(0.15)
      ? random.pick(shelf.blobs.filter((one) => one.repository === repository))
      : undefined
    const blob = known?.blob ?? (await uploadBlob(worker, repository, { leave: false }))
    if (typeof blob === 'string') return blob !== 'broken'
    contents.push(blob)
  }
  const [config, ...layers] = contents
  return putManifest(worker, repository, {
    schemaVersion: 2,
    mediaType: imageManifest,
    config,
    layers,
    annotations: { 'test.number': random.bytes(8).toString('hex') },
  })
}

async function pushIndex(worker: Worker, repository: string): Promise<boolean> {
  const { random, shelf } = worker
  const children = shelf.manifests
    .filter((one) => one.repository === repository && one.manifest.mediaType === imageManifest)
    .slice(-3)
    .map(({ manifest: { digest, size, mediaType } }) => ({ digest, size, mediaType }))
  if (children.length === 0) return true
  return putManifest(worker, repository, {
    schemaVersion: 2,
    mediaType: imageIndex,
    manifests: children,
    annotations: { 'test.number': random.bytes(8).toString('hex') },
  })
}

async function moveTag(worker: Worker, repository: string): Promise<boolean> {
  const { random, shelf } = worker
  const known = random.pick(shelf.manifests.filter((one) => one.repository === repository))
  if (known === undefined) return true
  return sendManifest(worker, repository, known.manifest)
}

async function putManifest(
  worker: Worker,
  repository: string,
  manifest: { readonly mediaType: string } & Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const bytes = Buffer.from(JSON.stringify(manifest))
  const digest = sha256Of(bytes)
  const { mediaType } = manifest
  return sendManifest(worker, repository, { digest, size: bytes.length, mediaType, bytes })
}

/** By tag, by digest, or by digest with tags besides. */
async function sendManifest(
  worker: Worker,
  repository: string,
  manifest: Content,
): Promise<boolean> {
  const { random, shelf } = worker
  const { digest, mediaType, bytes } = manifest
  const way = random.whole(0, 3)
  const tags = way === 0 ? [] : [tagOf(random)]
  if (way === 3) tags.push(tagOf(random))
  const byTag = way === 1 || way === 2
  const query = byTag || tags.length === 0 ? '' : `?${tags.map((tag) => `tag=${tag}`).join('&')}`
  const path = `/v2/${repository}/manifests/${byTag ? tags[0] : digest}${query}`
  const answer = await change(
    worker,
    { method: 'PUT', path, headers: { 'content-type': mediaType }, ...(bytes && { body: bytes }) },
    [
      { kind: 'manifest', repository, digest },
      ...tags.map((tag) => ({ kind: 'tag' as const, repository, tag, digest })),
    ],
  )
  const mayLack = worker.deletes === true || worker.collects === true
  if (mayLack && isMissingPart(answer)) return true
  if (expectStatus(worker, toldOf('PUT', path, answer), answer, 201)) {
    shelf.manifests.push({ repository, manifest })
    worker.counts.manifests += 1
  }
  return answer !== undefined
}

/** Of an index whose part another client has deleted meanwhile. */
function isMissingPart(answer: Answer | undefined): boolean {
  return answer?.status === 400 && answer.body.includes('MANIFEST_BLOB_UNKNOWN')
}

async function deleteTag(worker: Worker, repository: string): Promise<boolean> {
  const tag = tagOf(worker.random)
  const path = `/v2/${repository}/manifests/${tag}`
  const answer = await change(worker, { method: 'DELETE', path }, [
    { kind: 'tag', repository, tag, digest: undefined },
  ])
  expectStatus(worker, toldOf('DELETE', path, answer), answer, 202, 404)
  return answer !== undefined
}

/** With the tags that it has then. What is part of an index is refused. */
async function deleteManifest(worker: Worker, repository: string): Promise<boolean> {
  const { random, shelf } = worker
  const known = random.pick(shelf.manifests.filter((one) => one.repository === repository))
  if (known === undefined) return true
  const { digest } = known.manifest
  const path = `/v2/${repository}/manifests/${digest}`
  const answer = await change(worker, { method: 'DELETE', path }, [
    { kind: 'manifest', repository, digest, gone: true },
    ...Array.from({ length: tagCount }, (_, index) => ({
      kind: 'tag' as const,
      repository,
      tag: `t${index}`,
      digest: undefined,
      maybe: true as const,
    })),
  ])
  expectStatus(worker, toldOf('DELETE', path, answer), answer, 202, 404, 405, 409)
  return answer !== undefined
}

async function mountBlob(worker: Worker, repository: string): Promise<boolean> {
  const { random, shelf } = worker
  const source = random.pick(shelf.blobs)
  if (source === undefined) return true
  const { digest } = source.blob
  const path = `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${source.repository}`
  // A blob alone is promised for as long as collection lets it be.
  const effects = worker.collects === true ? [] : [{ kind: 'blob' as const, repository, digest }]
  const answer = await change(worker, { method: 'POST', path }, effects)
  // What was collected meanwhile is uploaded instead.
  const statuses = worker.collects === true ? [201, 202] : [201]
  expectStatus(worker, toldOf('POST', path, answer), answer, ...statuses)
  if (answer?.status === 201) shelf.blobs.push({ repository, blob: source.blob })
  return answer !== undefined
}

function tagOf(random: Random): string {
  return `t${random.whole(0, tagCount - 1)}`
}
