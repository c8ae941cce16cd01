// Reads a backup back: every snapshot must be understood, every blob that any of them lists must be there in its full
// length, and the bytes of a share of everything are hashed; of the newest snapshot's tables and files, all. What has
// other bytes is moved aside, so that the next run copies it anew from the installation.
import { createHash } from 'node:crypto'
import { algorithmOf, digestFromHash, type Digest } from '../oci/digest.ts'
import { ObjectNotFoundError, type Key } from '../storage/driver.ts'
import { getChecked, type Archive, type StoredObject } from './archive.ts'
import { DamagedObjectError } from './backup-error.ts'
import { readBlobList, type ListedBlob } from './blob-list.ts'
import type { Progress } from './create.ts'
import { eachOf } from './lanes.ts'
import { blobListKey, damagedKey, fileKey, snapshotKey, tableKey } from './layout.ts'
import { listSnapshotIds, readSnapshot, type Snapshot } from './snapshot.ts'

/** `number` of `of`; 1 of 1 is everything. */
export interface Part {
  readonly number: number
  readonly of: number
}

export interface VerifyReport {
  readonly ok: boolean
  readonly snapshots: number
  /** The newest one. */
  readonly newest: Snapshot | undefined
  /** Listed by any snapshot. */
  readonly blobs: number
  /** Of which the bytes were hashed. */
  readonly hashed: { readonly objects: number; readonly bytes: number }
  readonly problems: readonly VerifyProblem[]
}

export interface VerifyProblem {
  readonly key: string
  readonly digest?: Digest
  /** A sentence. */
  readonly message: string
}

interface VerifyOptions {
  readonly part: Part
  readonly onProgress?: (progress: Progress) => void
  readonly signal?: AbortSignal
}

const lanes = 4
const mostProblems = 1000
const dayMs = 86_400_000

/** A share each day, so that all of it has had its turn after `of` days. */
export function partOfToday(of = 28, now = Date.now()): Part {
  return { number: (Math.floor(now / dayMs) % of) + 1, of }
}

/** The caller makes sure that nothing is pruned meanwhile, or counts what is missing then. */
export async function verifyArchive(
  archive: Archive,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const check = new Check(archive, options)
  const ids = await listSnapshotIds(archive)
  const snapshots: Snapshot[] = []
  for (const id of ids) {
    const snapshot = await check.guarded(snapshotKey(id), async () => readSnapshot(archive, id))
    if (snapshot !== undefined) snapshots.push(snapshot)
  }
  const newest = snapshots.at(-1)
  for (const snapshot of snapshots) await check.metadata(snapshot, snapshot === newest)
  const blobs = await check.listed(snapshots)
  await check.blobs(blobs)
  if (ids.length === 0) {
    check.problems.push({ key: 'snapshots', message: 'There is no snapshot in this backup.' })
  }
  return {
    ok: check.problems.length === 0,
    snapshots: ids.length,
    newest,
    blobs: blobs.size,
    hashed: check.hashed,
    problems: check.problems,
  }
}

class Check {
  readonly problems: VerifyProblem[] = []
  readonly hashed = { objects: 0, bytes: 0 }
  readonly #archive: Archive
  readonly #options: VerifyOptions

  constructor(archive: Archive, options: VerifyOptions) {
    this.#archive = archive
    this.#options = options
  }

  /** Undefined when it went wrong, which is told then. */
  async guarded<T>(key: Key, work: () => Promise<T>, digest?: Digest): Promise<T | undefined> {
    this.#options.signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      this.#options.signal?.throwIfAborted()
      const about = digest === undefined ? {} : { digest }
      if (this.problems.length < mostProblems) {
        this.problems.push({ key, ...about, message: sentenceOf(key, error) })
      }
      return undefined
    }
  }

  async metadata({ id, tables, files, blobList }: Snapshot, isNewest: boolean): Promise<void> {
    const objects: [Key, StoredObject][] = [
      ...tables.map((table): [Key, StoredObject] => [tableKey(id, table.name), table]),
      ...files.map((file): [Key, StoredObject] => [fileKey(id, file.number), file]),
      [blobListKey(id), blobList],
    ]
    for (const [key, stored] of objects) {
      if (isNewest || isInPart(key, this.#options.part)) {
        await this.guarded(key, async () => this.#hashObject(key, stored))
        continue
      }
      await this.guarded(key, async () => this.#requireSize(key, stored.bytes))
    }
  }

  /** Size by digest. */
  async listed(snapshots: readonly Snapshot[]): Promise<ReadonlyMap<Digest, number>> {
    const found = new Map<Digest, number>()
    for (const snapshot of snapshots) {
      await this.guarded(blobListKey(snapshot.id), async () => {
        for await (const page of readBlobList(this.#archive, snapshot)) {
          for (const { digest, size } of page) found.set(digest, size)
        }
      })
    }
    return found
  }

  async blobs(listed: ReadonlyMap<Digest, number>): Promise<void> {
    const { part, onProgress } = this.#options
    let done = 0
    await eachOf(listed, lanes, async ([digest, size]) => {
      const key = this.#archive.blobKey(digest)
      await this.guarded(
        key,
        async () => {
          await this.#requireSize(key, size)
          if (isInPart(key, part)) await this.#hashBlob(key, { digest, size })
        },
        digest,
      )
      done += 1
      onProgress?.({ phase: 'blobs', done, total: listed.size, unit: 'items' })
    })
  }

  async #requireSize(key: Key, bytes: number): Promise<void> {
    const stat = await this.#archive.target.stat(key)
    if (stat === undefined) throw new ObjectNotFoundError(key)
    // The sizes of metadata are of the plain bytes, and so are those of blobs.
    if (stat.size === this.#archive.storedSize(bytes)) return
    throw new DamagedObjectError(key, 'has another length')
  }

  async #hashObject(key: Key, stored: StoredObject): Promise<void> {
    for await (const chunk of getChecked(this.#archive, key, stored)) {
      this.#options.signal?.throwIfAborted()
      this.hashed.bytes += chunk.length
    }
    this.hashed.objects += 1
  }

  async #hashBlob(key: Key, blob: ListedBlob): Promise<void> {
    try {
      await hashBlob(this.#archive, key, blob)
      this.hashed.objects += 1
      this.hashed.bytes += blob.size
    } catch (error) {
      if (error instanceof DamagedObjectError) await this.#moveAside(key, blob)
      throw error
    }
  }

  /** Read once more first: the bytes on the way may have been wrong, and those at the target right. */
  async #moveAside(key: Key, blob: ListedBlob): Promise<void> {
    const isDamaged = await hashBlob(this.#archive, key, blob).then(
      () => false,
      (error: unknown) => error instanceof DamagedObjectError,
    )
    // A target that cannot be written is still worth being checked.
    if (isDamaged) await this.#archive.target.move(key, damagedKey(key)).catch(() => undefined)
  }
}

/** @throws {DamagedObjectError} when the bytes are not those of the digest */
async function hashBlob(archive: Archive, key: Key, { digest, size }: ListedBlob): Promise<void> {
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  let length = 0
  for await (const chunk of archive.get(key)) {
    hash.update(chunk)
    length += chunk.length
  }
  if (length === size && digestFromHash(algorithm, hash.digest('hex')) === digest) return
  throw new DamagedObjectError(key, 'has other bytes than those of its digest')
}

function isInPart(key: Key, { number, of }: Part): boolean {
  if (of === 1) return true
  const hash = createHash('sha256').update(key).digest()
  return hash.readUInt32BE(0) % of === number - 1
}

function sentenceOf(key: Key, error: unknown): string {
  if (error instanceof ObjectNotFoundError) return `There is no ${key}.`
  const { message, cause } = error as Error
  const reason = (cause as NodeJS.ErrnoException | undefined)?.code
  if (error instanceof DamagedObjectError) return `${message}.`
  return reason === undefined ? `${key}: ${message}` : `${key} cannot be read (${reason}).`
}
