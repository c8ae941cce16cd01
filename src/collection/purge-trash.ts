// The only place where bytes go for good. First the database says that nothing brings a blob back any more, durably;
// then its object is deleted; then the row goes. Whoever stops between leaves an object that the next run deletes, and
// never a row without its object. Nothing is deleted while a backup is being made.
import type { Transaction } from '../metadata/metadata-store.ts'
import {
  binsHolding,
  dropFromTrash,
  keyOfBlob,
  listDueTrash,
  markGoing,
  putBackBlob,
  type TrashedBlob,
} from '../metadata/blob-trash.ts'
import { linkBlob } from '../metadata/blobs.ts'
import { findLease } from '../metadata/leases.ts'
import { limitOf, reviewTime, trashMs as writtenMs } from '../metadata/reviews.ts'
import { parseKey } from '../storage/driver.ts'
import { addCounts, type Run } from './run.ts'

const blobsAtOnce = 100
const mostStuck = 200

export async function purgeTrash(run: Run): Promise<void> {
  const { deps, delays, now } = run
  if (!Number.isFinite(delays.trashMs)) return
  const limitAt = limitOf(now, delays.trashMs, writtenMs)
  const stuck = new Set<number>()
  while (stuck.size <= mostStuck && (await run.goesOn())) {
    const limit = blobsAtOnce + stuck.size
    const due = await listDueTrash(deps.metadata, { limitAt, limit })
    const items = due.filter(({ id }) => !stuck.has(id))
    if (items.length === 0) break
    const marked = await mark(run, items)
    if (marked === 'backup') break
    const gone = await deleteObjects(run, marked.going)
    for (const { id } of marked.failed) stuck.add(id)
    for (const { id, size } of marked.going) {
      if (gone.has(id)) addCounts(run.counts, { purgedBlobs: 1, bytes: size })
      else stuck.add(id)
    }
    await forget(run, gone)
  }
}

interface Marked {
  readonly going: readonly TrashedBlob[]
  readonly failed: readonly TrashedBlob[]
}

async function mark(run: Run, items: readonly TrashedBlob[]): Promise<Marked | 'backup'> {
  try {
    return await markTogether(run, items)
  } catch (error) {
    const [only] = items
    if (items.length === 1 && only !== undefined) {
      run.failures.add(only.digest, error)
      return { going: [], failed: items }
    }
  }
  const all = { going: [] as TrashedBlob[], failed: [] as TrashedBlob[] }
  for (const item of items) {
    const one = await mark(run, [item])
    if (one === 'backup') return one
    all.going.push(...one.going)
    all.failed.push(...one.failed)
  }
  return all
}

async function markTogether(run: Run, items: readonly TrashedBlob[]): Promise<Marked | 'backup'> {
  const outcome = await run.deps.metadata.write(async (tx) => {
    if ((await findLease(tx, 'backup')) !== undefined) return 'backup'
    const going: TrashedBlob[] = []
    const dropped = { purgedBlobs: 0, bytes: 0 }
    for (const item of items) {
      const fate = await decide(tx, item, run.now)
      if (fate === 'going') going.push(item)
      if (fate !== 'dropped') continue
      dropped.purgedBlobs += 1
      dropped.bytes += item.size
    }
    return { going, dropped }
  })
  if (outcome === 'backup') return outcome
  addCounts(run.counts, outcome.dropped)
  return { going: outcome.going, failed: [] }
}

/** `dropped`: there is no object. `stays`: it was put back, or it is not ours to delete. */
async function decide(
  tx: Transaction,
  item: TrashedBlob,
  now: number,
): Promise<'going' | 'dropped' | 'stays'> {
  const { id, digest, storageKey, isGoing } = item
  const liveKey = await keyOfBlob(tx, digest)
  if (liveKey !== undefined && liveKey !== null && liveKey === storageKey) {
    await dropFromTrash(tx, id)
    return 'stays'
  }
  if (!isGoing && liveKey === undefined && (await isPutBack(tx, item, now))) return 'stays'
  if (storageKey === undefined) {
    await dropFromTrash(tx, id)
    return 'dropped'
  }
  return isGoing || (await markGoing(tx, id)) ? 'going' : 'stays'
}

/** What the recycle bin needs after all, because two looked at the same moment, comes back instead. */
async function isPutBack(tx: Transaction, item: TrashedBlob, now: number): Promise<boolean> {
  const bins = await binsHolding(tx, item.digest)
  if (bins.length === 0) return false
  if (!(await putBackBlob(tx, item.id, { now, reviewAfter: reviewTime() }))) return false
  for (const repositoryId of bins) await linkBlob(tx, repositoryId, item.digest)
  return true
}

/** Returns the ids of those whose objects are gone. */
async function deleteObjects(run: Run, going: readonly TrashedBlob[]): Promise<Set<number>> {
  try {
    await deleteTogether(run, going)
    return new Set(going.map(({ id }) => id))
  } catch (error) {
    const [only] = going
    if (going.length === 1 && only !== undefined) {
      run.failures.add(only.digest, error)
      return new Set()
    }
  }
  const gone = new Set<number>()
  for (const item of going) for (const id of await deleteObjects(run, [item])) gone.add(id)
  return gone
}

async function deleteTogether({ deps }: Run, going: readonly TrashedBlob[]): Promise<void> {
  for (const { digest, storageKey } of going) {
    if ((await keyOfBlob(deps.metadata, digest)) !== storageKey) continue
    throw new Error(`A blob has the object ${storageKey} again.`)
  }
  await deps.blobs.delete(going.map(({ storageKey }) => parseKey(storageKey ?? '')))
}

async function forget(run: Run, gone: ReadonlySet<number>): Promise<void> {
  if (gone.size === 0) return
  await run.deps.metadata.write(
    async (tx) => {
      for (const id of gone) await dropFromTrash(tx, id)
    },
    { durable: false },
  )
}
