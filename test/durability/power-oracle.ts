// Whether a state that a power loss may leave is one that Carrel may be found in: everything that was
// acknowledged is there, what is there is whole, and it can be opened. In this process, by the same code
// that a server and `carrel fsck` run.
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fsck } from '../../src/fsck/fsck.ts'
import { inspectJournal } from '../../src/journal/inspect-journal.ts'
import { inspectSqlite } from '../../src/metadata/dialects/sqlite-inspect.ts'
import { openSqlite } from '../../src/metadata/dialects/sqlite.ts'
import { findJournalState } from '../../src/metadata/journal-state.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { findSetting } from '../../src/metadata/settings.ts'
import { createBlobStore, type BlobStore } from '../../src/storage/blob-store.ts'
import type { Expected } from './acknowledgements.ts'
import { sha256Of } from './digest.ts'
import type { PowerState } from './power-state.ts'
import { powerStateDriver } from './power-state-driver.ts'
import type { Content } from './synced-bytes.ts'

/** What is owed beside images, by the path from the disk's root. */
export interface ExpectedFile {
  readonly path: string
  readonly digest: string
}

export interface Owed {
  readonly expected: Expected
  readonly files: readonly ExpectedFile[]
  /** Somebody was told that the server is ready: its administrator is there. */
  readonly isReady: boolean
}

export interface Verdict {
  readonly problems: readonly string[]
  /** Until the database could be used. */
  readonly openMs: number
}

const data = 'new/data'
const mostOpenMs = 5000

/** `scratch` is a folder for the database, emptied here. */
export async function judge(state: PowerState, owed: Owed, scratch: string): Promise<Verdict> {
  const problems = judgeFiles(state, owed.files)
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch)
  for (const name of ['carrel.db', 'carrel.db-wal', 'carrel.db-journal']) {
    const content = state.read(`${data}/${name}`)
    if (content !== undefined) writeContent(join(scratch, name), content)
  }
  const began = performance.now()
  const file = join(scratch, 'carrel.db')
  try {
    await using metadata = await openSqlite({ file, migrate: true })
    const openMs = performance.now() - began
    if (openMs > mostOpenMs) problems.push(`The database took ${Math.round(openMs)} ms to open.`)
    const { damage } = inspectSqlite(file, 'quick')
    const blobs = createBlobStore(powerStateDriver(state, `${data}/storage`))
    const report = await fsck({ metadata, blobs, databaseDamage: damage })
    problems.push(...report.problems.map(({ kind, message }) => `fsck: ${kind}: ${message}`))
    problems.push(...judgeRows(file, owed))
    problems.push(...(await judgeJournal({ metadata, blobs })))
    return { problems, openMs }
  } catch (error) {
    problems.push(`It cannot be opened: ${String(error)}`)
    return { problems, openMs: performance.now() - began }
  }
}

/** The journal in the storage has what the database says that it has told it. */
async function judgeJournal(deps: {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}): Promise<string[]> {
  const known = await findJournalState(deps.metadata)
  const installation = await findSetting(deps.metadata, 'installation-id')
  if (known?.base === undefined || installation === undefined) return []
  const { state } = await inspectJournal(deps, known, installation)
  return state === undefined ? ['The journal in the storage is not the one of the database.'] : []
}

function judgeFiles(state: PowerState, files: readonly ExpectedFile[]): string[] {
  const problems: string[] = []
  for (const { path, digest } of files) {
    const content = state.read(path)
    const found = content === undefined ? 'absent' : sha256Of(wholeOf(content))
    if (found !== digest) problems.push(`${path} is ${found === 'absent' ? found : 'another'}.`)
  }
  return problems
}

/** Bytes are fsck's affair; here it is whether the rows are there that make them an image of a repository. */
export function judgeRows(file: string, { expected, isReady }: Owed): string[] {
  const db = new DatabaseSync(file, { readOnly: true })
  const problems: string[] = []
  const keysOf = (sql: string) => {
    const found = new Map<string, string>()
    for (const row of db.prepare(sql).all()) {
      found.set(`${String(row['repository'])} ${String(row['name'])}`, String(row['digest']))
    }
    return found
  }
  try {
    const join = 'join repositories on repositories.id = held.repository_id'
    const held = {
      blobs: keysOf(
        `select repositories.name as repository, held.digest as name, held.digest from repository_blobs held ${join}`,
      ),
      manifests: keysOf(
        `select repositories.name as repository, held.digest as name, held.digest from manifests held ${join}`,
      ),
    }
    const tags = keysOf(
      `select repositories.name as repository, held.name as name, held.digest from tags held ${join}`,
    )
    for (const kind of ['blobs', 'manifests'] as const) {
      for (const { repository, digest, promised, deleted } of expected[kind]) {
        const isThere = held[kind].has(`${repository} ${digest}`)
        if (promised && !isThere) problems.push(`Lost: ${kind} ${repository}@${digest}`)
        if (deleted && isThere) problems.push(`Back again: ${kind} ${repository}@${digest}`)
      }
    }
    for (const { repository, tag, allowed } of expected.tags) {
      const digest = tags.get(`${repository} ${tag}`)
      if (!allowed.has(digest)) problems.push(`Lost: ${repository}:${tag} is ${digest ?? 'absent'}`)
    }
    const admin = db.prepare("select count(*) as count from principals where name = 'admin'").get()
    if (isReady && admin?.['count'] !== 1) problems.push('Lost: the administrator')
    return problems
  } finally {
    db.close()
  }
}

function writeContent(path: string, { bytes, used, size }: Content): void {
  const file = openSync(path, 'w')
  writeSync(file, bytes, 0, Math.min(used, size))
  ftruncateSync(file, size)
  closeSync(file)
}

function wholeOf({ bytes, used, size }: Content): Uint8Array {
  const whole = Buffer.alloc(size)
  whole.set(bytes.subarray(0, Math.min(used, size)))
  return whole
}
