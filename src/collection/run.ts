// One run of the collector: what it was told, what it has done, and how it goes on when something fails. Whatever
// fails is kept, and the next thing is looked at.
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import type { BlobStore } from '../storage/blob-store.ts'

export interface CollectionDeps {
  readonly metadata: MetadataStore
  readonly blobs: Pick<BlobStore, 'delete'>
}

/** How long things stay; Infinity: they are never taken. The settings `keep.*`. */
export interface CollectionDelays {
  /** A manifest that nothing needs, before it goes to the recycle bin. */
  readonly untaggedMs: number
  /** A blob that nothing needs, before it goes to the trash. */
  readonly unreferencedMs: number
  /** What collection has taken, before it is gone for good. */
  readonly trashMs: number
  /** What somebody has deleted, before it is gone for good. */
  readonly deletedMs: number
}

/** What was done, so far. */
export interface Counts {
  /** Deleted repositories that are gone for good. */
  repositories: number
  /** Manifests that went to the recycle bin, because nothing needed them. */
  manifests: number
  /** Manifests that left the recycle bin for good. */
  purgedManifests: number
  /** Blobs that went to the trash. */
  blobs: number
  /** Blobs that left the trash for good. */
  purgedBlobs: number
  /** Of those: what came back. */
  bytes: number
}

export interface Run {
  readonly deps: CollectionDeps
  readonly delays: CollectionDelays
  /** Milliseconds since 1970; the same for the whole run, so that it ends. */
  readonly now: number
  readonly counts: Counts
  readonly failures: Failures
  /** False when the run is to end: asked to, out of time, or somebody else collects. */
  goesOn(): Promise<boolean>
}

export interface Failures {
  readonly count: number
  /** The first of them. */
  readonly messages: readonly string[]
  add(what: string, error: unknown): void
}

const shownFailures = 20

export function createFailures(): Failures {
  const messages: string[] = []
  let count = 0
  return {
    get count() {
      return count
    },
    messages,
    add(what, error) {
      count += 1
      if (messages.length === shownFailures) return
      messages.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    },
  }
}

export interface Stage<Item> {
  /** At most so many, those that wait longest first. */
  readonly fetch: (limit: number) => Promise<readonly Item[]>
  readonly keyOf: (item: Item) => string
  /** In the transaction: what the counts are to be raised by. Everything is looked at again here. */
  readonly work: (tx: Transaction, item: Item) => Promise<Partial<Counts>>
  /** Changes the row so that it is not fetched again for a while, when the work on it fails. */
  readonly putOff?: (tx: Transaction, item: Item) => Promise<unknown>
  readonly durable?: boolean
}

const itemsAtOnce = 64
const mostStuck = 200

/**
 * Works through all items, many in a transaction. When that fails, each gets one of its own, so that one that cannot be
 * done does not keep the others. Returns whether anything was changed.
 */
export async function runStage<Item>(run: Run, stage: Stage<Item>): Promise<boolean> {
  const stuck = new Set<string>()
  let last: ReadonlySet<string> = new Set()
  let isChanged = false
  while (stuck.size <= mostStuck && (await run.goesOn())) {
    const fetched = await fetchNext(run, stage, stuck)
    if (fetched.length === 0) break
    // What is due as before would be fetched for ever.
    for (const key of fetched.map(stage.keyOf).filter((each) => last.has(each))) {
      run.failures.add(key, new Error('It is due although it was looked at.'))
      stuck.add(key)
    }
    const items = fetched.filter((item) => !stuck.has(stage.keyOf(item)))
    last = new Set(items.map(stage.keyOf))
    const failed = await workOn(run, stage, items)
    for (const item of failed) {
      if (!(await isPutOff(run, stage, item))) stuck.add(stage.keyOf(item))
    }
    isChanged ||= failed.length < items.length
  }
  return isChanged
}

async function fetchNext<Item>(
  run: Run,
  { fetch, keyOf }: Stage<Item>,
  stuck: ReadonlySet<string>,
): Promise<readonly Item[]> {
  try {
    const items = await fetch(itemsAtOnce + stuck.size)
    return items.filter((item) => !stuck.has(keyOf(item)))
  } catch (error) {
    run.failures.add('what is due', error)
    return []
  }
}

/** Returns those that could not be done. */
async function workOn<Item>(
  run: Run,
  stage: Stage<Item>,
  items: readonly Item[],
): Promise<readonly Item[]> {
  const [only] = items
  if (only === undefined) return []
  try {
    await inOneTransaction(run, stage, items)
    return []
  } catch (error) {
    if (items.length === 1) {
      run.failures.add(stage.keyOf(only), error)
      return items
    }
  }
  const failed: Item[] = []
  for (const item of items) failed.push(...(await workOn(run, stage, [item])))
  return failed
}

async function inOneTransaction<Item>(
  { deps, counts }: Run,
  { work, durable = false }: Stage<Item>,
  items: readonly Item[],
): Promise<void> {
  const done = await deps.metadata.write(
    async (tx) => {
      // A transaction may be begun anew: nothing counts before it is over.
      const all: Partial<Counts>[] = []
      for (const item of items) all.push(await work(tx, item))
      return all
    },
    { durable },
  )
  for (const one of done) addCounts(counts, one)
}

export function addCounts(counts: Counts, more: Partial<Counts>): void {
  for (const [name, number] of Object.entries(more)) counts[name as keyof Counts] += number
}

async function isPutOff<Item>(run: Run, { putOff }: Stage<Item>, item: Item): Promise<boolean> {
  if (putOff === undefined) return false
  try {
    await run.deps.metadata.write(async (tx) => void (await putOff(tx, item)), { durable: false })
    return true
  } catch {
    // The failure of the work is told already.
    return false
  }
}
