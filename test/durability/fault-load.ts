// The rules of the registry over a storage that fails: pushes, mounts, deletes, restores, collection and
// journal, several at once, against the log of what was promised. Now and then all is quiet, the storage
// is sound for a moment, and everything is checked.
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { collect } from '../../src/collection/collect.ts'
import { fsck } from '../../src/fsck/fsck.ts'
import { copyVerified, WrongBytesError } from '../../src/fsck/verified-copy.ts'
import { createJournal } from '../../src/journal/journal.ts'
import { findLinkedBlob } from '../../src/metadata/blobs.ts'
import { openSqlite } from '../../src/metadata/dialects/sqlite.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { OciError, StorageFullError, StorageUnavailableError } from '../../src/oci/errors.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/reference.ts'
import { commitUpload } from '../../src/registry/commit-upload.ts'
import { removeBlob, removeManifest, removeTag } from '../../src/registry/delete.ts'
import { expireUploads, sweepUploads } from '../../src/registry/expire-uploads.ts'
import { mountBlob } from '../../src/registry/mount-blob.ts'
import { pushManifest } from '../../src/registry/push-manifest.ts'
import { ensureRepository } from '../../src/registry/repository.ts'
import { restoreTag } from '../../src/registry/restore-tag.ts'
import { createUploadTickets, type UploadTickets } from '../../src/registry/upload-ticket.ts'
import { receiveChunk, UploadOffsetError } from '../../src/registry/upload.ts'
import { createBlobStore, type BlobStore } from '../../src/storage/blob-store.ts'
import { ObjectNotFoundError, parseKey, type StorageDriver } from '../../src/storage/driver.ts'
import { withFaults, type DriverCall, type Fault } from '../../src/storage/fault-driver.ts'
import {
  createAcknowledgementLog,
  type AcknowledgementLog,
  type Effect,
} from './acknowledgements.ts'
import { createChance, type Chance } from './chance.ts'
import { judgeRows } from './power-oracle.ts'

export interface FaultLoadOptions {
  readonly seed: string
  readonly operations: number
  /** For the database. */
  readonly folder: string
  readonly driver: StorageDriver
  /** The storage, for a control that must be noticed. */
  readonly spoil?: (driver: StorageDriver) => StorageDriver
}

export interface FaultReport {
  readonly operations: number
  readonly acknowledged: number
  readonly faults: number
  /** Reads that were refused because their bytes were not the right ones. */
  readonly refusedReads: number
  readonly reads: number
  readonly problems: readonly string[]
}

interface Repository {
  readonly id: number
  readonly name: string
}

interface World {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly tickets: UploadTickets
  readonly log: AcknowledgementLog
  readonly repositories: readonly Repository[]
  readonly known: {
    readonly repository: Repository
    readonly digest: Digest
    readonly size: number
  }[]
  readonly manifests: { readonly repository: Repository; readonly digest: Digest }[]
  readonly problems: string[]
  readonly journal: ReturnType<typeof createJournal>
  readonly counts: { acknowledged: number; reads: number; refusedReads: number; faults: number }
  isSound: boolean
}

const atOnce = 8
const operationsPerCheck = 1500
const mostKnown = 300
const layerType = 'application/vnd.oci.image.layer.v1.tar'
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const pusher = { id: undefined, name: 'tester', address: '127.0.0.1' }
/** Everything goes soon. */
const delays = { untaggedMs: Infinity, unreferencedMs: 400, trashMs: 100, deletedMs: 600 }

export async function faultLoad(options: FaultLoadOptions): Promise<FaultReport> {
  const file = join(options.folder, 'carrel.db')
  await using metadata = await openSqlite({ file, migrate: true })
  const chance = createChance(options.seed)
  const world = await makeWorld(metadata, options, chance)
  const { problems, log } = world
  let done = 0
  while (done < options.operations && problems.length === 0) {
    world.isSound = false
    const wanted = Math.min(operationsPerCheck, options.operations - done)
    let left = wanted
    const client = async () => {
      while (problems.length === 0 && (left -= 1) >= 0) await act(world, chance)
    }
    await Promise.all(Array.from({ length: atOnce }, client))
    done += wanted
    world.isSound = true
    const { blobs } = world
    const report = await fsck({ metadata, blobs })
    problems.push(...report.problems.map(({ kind, message }) => `fsck: ${kind}: ${message}`))
    const owed = { expected: log.expected(), files: [], isReady: false }
    problems.push(...judgeRows(file, owed))
  }
  await world.journal.end()
  return { operations: done, ...world.counts, problems: problems.slice(0, 10) }
}

async function makeWorld(
  metadata: MetadataStore,
  { driver, spoil = (it) => it }: FaultLoadOptions,
  chance: Chance,
): Promise<World> {
  const counts = { acknowledged: 0, reads: 0, refusedReads: 0, faults: 0 }
  const state = { isSound: true }
  const faulty = withFaults(spoil(driver), (call) => {
    const fault = state.isSound ? undefined : chooseFault(call, chance)
    if (fault !== undefined) counts.faults += 1
    return fault
  })
  const blobs = createBlobStore(faulty)
  const repositories: Repository[] = []
  for (const name of ['team/here', 'team/there', 'other']) {
    const { id } = await ensureRepository(metadata, parseRepositoryName(name), undefined)
    repositories.push({ id, name })
  }
  return Object.assign(state, {
    metadata,
    blobs,
    tickets: createUploadTickets(Buffer.alloc(32, 7), 60_000),
    log: createAcknowledgementLog(),
    repositories,
    known: [],
    manifests: [],
    problems: [],
    journal: createJournal({
      metadata,
      blobs,
      limits: { segmentBytes: 20_000, looseBytes: 50_000 },
    }),
    counts,
  })
}

function chooseFault({ operation }: DriverCall, chance: Chance): Fault | undefined {
  const dice = chance.next()
  const error =
    chance.next() < 0.2 ? new StorageFullError() : new StorageUnavailableError('made to fail')
  if (dice < 0.05) return { kind: 'fail', error }
  if (dice < 0.06) return { kind: 'lose-answer', error }
  if (dice < 0.07 && operation !== 'read') return { kind: 'repeat' }
  if (dice < 0.075) return { kind: 'stall', forMs: chance.whole(1, 20) }
  if (operation === 'list' && dice < 0.3) return { kind: 'stale' }
  if (operation === 'copy' && dice < 0.1) return { kind: 'flip-bit', at: chance.whole(0, 20_000) }
  if (operation === 'read' && dice < 0.1) {
    return { kind: 'break-read', afterBytes: chance.whole(0, 20_000), error }
  }
  return undefined
}

async function act(world: World, chance: Chance): Promise<void> {
  const dice = chance.next()
  try {
    if (dice < 0.5) await pushImage(world, chance)
    else if (dice < 0.65) await readBlob(world, chance)
    else if (dice < 0.73) await mount(world, chance)
    else if (dice < 0.8) await deleteManifest(world, chance)
    else if (dice < 0.86) await deleteTag(world, chance)
    else if (dice < 0.9) await deleteBlob(world, chance)
    else if (dice < 0.94) await restore(world, chance)
    else await keep(world, chance)
  } catch (error) {
    if (!isRefusal(error)) world.problems.push(`${String((error as Error).stack)}`)
  }
}

/** What a client would be told; anything else is a fault of ours. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof OciError ||
    error instanceof StorageUnavailableError ||
    error instanceof StorageFullError ||
    error instanceof UploadOffsetError ||
    error instanceof ObjectNotFoundError
  )
}

async function change(
  { log, counts }: World,
  effects: readonly Effect[],
  work: () => Promise<boolean | void>,
): Promise<void> {
  const end = log.begin(effects)
  try {
    const isDone = await work()
    end(isDone === false ? 'refused' : 'done')
    counts.acknowledged += isDone === false ? 0 : 1
  } catch (error) {
    // A refusal by a rule changed nothing; of the rest nobody knows.
    if (error instanceof OciError && error.code !== 'BLOB_UPLOAD_INVALID') end('refused')
    throw error
  }
}

async function pushImage(world: World, chance: Chance): Promise<void> {
  const repository = pick(world.repositories, chance)
  const layers: { readonly digest: Digest; readonly size: number; readonly mediaType: string }[] =
    []
  for (let count = chance.whole(1, 2); count > 0; count -= 1) {
    const known = world.known.filter((one) => one.repository === repository)
    const isKnown = known.length > 0 && chance.next() < 0.2
    const blob = isKnown ? pick(known, chance) : await pushBlob(world, repository, chance)
    layers.push({ digest: blob.digest, size: blob.size, mediaType: layerType })
  }
  const annotations = { number: String(chance.next()) }
  const [config] = layers
  const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers, annotations }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const digest = digestOf(bytes)
  const tag = chance.next() < 0.6 ? `t${chance.whole(0, 5)}` : undefined
  const effects: Effect[] = [{ kind: 'manifest', repository: repository.name, digest }]
  if (tag !== undefined) effects.push({ kind: 'tag', repository: repository.name, tag, digest })
  await change(world, effects, async () => {
    await pushManifest(world.metadata, {
      repositoryId: repository.id,
      reference:
        tag === undefined ? { kind: 'digest', digest } : { kind: 'tag', tag: parseTag(tag) },
      tags: [],
      contentType: manifestType,
      bytes,
      name: repository.name,
      pusher,
    })
  })
  remember(world.manifests, { repository, digest })
}

/** In one request, or in chunks. A blob alone is promised for as long as collection lets it be. */
async function pushBlob(world: World, repository: Repository, chance: Chance) {
  const size = chance.next() < 0.2 ? chance.whole(1, 400) : chance.whole(16_385, 24_000)
  const bytes = Buffer.alloc(size, `${chance.next()}${chance.next()}`)
  const digest = digestOf(bytes)
  const { id: repositoryId } = repository
  const ticket = world.tickets.open({ repositoryId, principalId: undefined }, 'sha256')
  const cut = chance.next() < 0.4 ? chance.whole(1, size) : 0
  if (cut > 0) {
    await receiveChunk(world, ticket, {
      source: bodyOf(bytes.subarray(0, cut)),
      offset: 0,
      expectedSize: cut,
    })
  }
  const rest = bytes.subarray(cut)
  const end = { expected: digest, offset: cut, expectedSize: rest.length }
  await change(world, [], async () => commitUpload(world, ticket, { ...end, source: bodyOf(rest) }))
  const blob = { repository, digest, size }
  remember(world.known, blob)
  return blob
}

async function readBlob(world: World, chance: Chance): Promise<void> {
  const { known, metadata, blobs, counts, problems } = world
  if (known.length === 0) return
  const { repository, digest } = pick(known, chance)
  const row = await findLinkedBlob(metadata, repository.id, digest)
  if (row === undefined) return
  counts.reads += 1
  const chunks: Uint8Array[] = []
  const { storageKey, size, content } = row
  if (content !== undefined) chunks.push(content)
  else {
    const key = parseKey(storageKey ?? '')
    const sink = async (chunk: Uint8Array) => void chunks.push(Uint8Array.from(chunk))
    try {
      await copyVerified(blobs, { key, size, digest }, sink)
    } catch (error) {
      if (!(error instanceof WrongBytesError)) throw error
      counts.refusedReads += 1
      return
    }
  }
  const actual = digestOf(Buffer.concat(chunks))
  if (actual !== digest) problems.push(`${digest} was read, and has the bytes of ${actual}`)
}

async function mount(world: World, chance: Chance): Promise<void> {
  if (world.known.length === 0) return
  const { repository: from, digest, size } = pick(world.known, chance)
  const to = pick(world.repositories, chance)
  await change(world, [], async () =>
    mountBlob(world.metadata, { digest, from: from.id, to: to.id }),
  )
  remember(world.known, { repository: to, digest, size })
}

async function deleteManifest(world: World, chance: Chance): Promise<void> {
  if (world.manifests.length === 0) return
  const { repository, digest } = pick(world.manifests, chance)
  const { name } = repository
  const tags = Array.from({ length: 6 }, (_, index): Effect => {
    return { kind: 'tag', repository: name, tag: `t${index}`, digest: undefined, maybe: true }
  })
  const effects: Effect[] = [{ kind: 'manifest', repository: name, digest, gone: true }, ...tags]
  await change(world, effects, async () => removeManifest(world.metadata, repository.id, digest))
}

async function deleteTag(world: World, chance: Chance): Promise<void> {
  const { id, name } = pick(world.repositories, chance)
  const tag = `t${chance.whole(0, 5)}`
  const effect: Effect = { kind: 'tag', repository: name, tag, digest: undefined }
  await change(world, [effect], async () => removeTag(world.metadata, id, parseTag(tag)))
}

async function deleteBlob(world: World, chance: Chance): Promise<void> {
  if (world.known.length === 0) return
  const { repository, digest } = pick(world.known, chance)
  await change(world, [], async () => removeBlob(world.metadata, repository.id, digest))
}

/** A tag with an image of long ago, which comes back from the bin where it is there. */
async function restore(world: World, chance: Chance): Promise<void> {
  if (world.manifests.length === 0) return
  const { repository, digest } = pick(world.manifests, chance)
  const tag = `t${chance.whole(0, 5)}`
  const { name } = repository
  const effects: Effect[] = [
    { kind: 'tag', repository: name, tag, digest },
    { kind: 'manifest', repository: name, digest },
  ]
  const audit = { event: 'tag.restored', actor: pusher, subject: name } as const
  await change(world, effects, async () => {
    const asked = { repositoryId: repository.id, tag: parseTag(tag), digest, audit }
    const { kind } = await restoreTag(world.metadata, asked)
    return kind === 'restored' || kind === 'there'
  })
}

async function keep(world: World, chance: Chance): Promise<void> {
  const dice = chance.next()
  if (dice < 0.5) await collect(world, delays)
  else if (dice < 0.7) await world.journal.run()
  else if (dice < 0.85) await expireUploads(world, { expiryMs: 2000 })
  else await sweepUploads(world, { olderThanMs: 4000 })
}

function bodyOf(bytes: Uint8Array): Readable {
  return Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false })
}

function pick<T>(items: readonly T[], chance: Chance): T {
  return items[chance.whole(0, items.length - 1)] as T
}

function remember<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > mostKnown) list.splice(0, mostKnown / 2)
}
