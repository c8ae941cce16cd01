// The database made anew from the storage: prepared beside what is there, checked, and put in its place at the end. A
// rebuild that is cut short has changed nothing.
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { markerFile } from './adoption/start.ts'
import { headsFileName } from './audit/anchored-heads.ts'
import { InstallationError } from './cli/composition.ts'
import type { RebuildReport, RebuildRequest } from './cli/rebuild.ts'
import { isThere, makeWhole, sync } from './compose-files.ts'
import { databaseFile, openBlobs } from './compose-stores.ts'
import type { Config } from './config/config.ts'
import { fsck } from './fsck/fsck.ts'
import { shellWord } from './installation/doctor/check.ts'
import { readJournal, type ReadableJournal } from './journal/read-journal.ts'
import { rebuild, type Rebuilt } from './journal/rebuild.ts'
import { Findings } from './journal/report.ts'
import { openPostgres } from './metadata/dialects/postgres.ts'
import { inspectPostgres } from './metadata/dialects/postgres-inspect.ts'
import { openSqlite } from './metadata/dialects/sqlite.ts'
import { inspectSqlite } from './metadata/dialects/sqlite-inspect.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { lockData } from './process/data-lock.ts'
import type { BlobStore } from './storage/blob-store.ts'

/** The database until it is whole. */
const unfinishedFolder = '.rebuild'

/** @throws {InstallationError} when a server runs, a whole database is there, or the storage has nothing to begin with */
export async function rebuildInstallation(
  config: Config,
  request: RebuildRequest,
): Promise<RebuildReport> {
  const { dataDir, metadata } = config
  if (!(await isThere(join(dataDir, 'storage')))) throw noStorage(config)
  using _lock = metadata.dialect === 'sqlite' ? lock(dataDir) : nothing
  await requireReplaceable(config, request)
  await using storage = await openBlobs(dataDir)
  const findings = new Findings()
  const journal = await readJournal(storage.blobs, findings, request.onProgress)
  if (journal.segments === 0) throw await noJournal(config, findings)
  const parts = { journal, findings, blobs: storage.blobs, request }
  const made =
    metadata.dialect === 'sqlite'
      ? await makeFile(dataDir, parts)
      : await makeIn(await openPostgres({ url: metadata.url.reveal(), migrate: true }), parts)
  const movedAside = metadata.dialect === 'sqlite' ? await putInPlace(dataDir) : []
  return reportOf({ ...made, journal, findings, movedAside, config })
}

interface Parts {
  readonly journal: ReadableJournal
  readonly findings: Findings
  readonly blobs: BlobStore
  readonly request: RebuildRequest
}

interface Made {
  readonly rebuilt: Rebuilt
  readonly checked: Awaited<ReturnType<typeof fsck>>
}

async function makeFile(dataDir: string, parts: Parts): Promise<Made> {
  const folder = join(dataDir, unfinishedFolder)
  // What an earlier rebuild left that was cut short.
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { mode: 0o700 })
  const file = join(folder, databaseFile)
  const made = await makeIn(await openSqlite({ file, migrate: true }), parts)
  await makeWhole(file)
  return made
}

async function makeIn(database: MetadataStore, parts: Parts): Promise<Made> {
  await using metadata = database
  const { blobs, journal, findings, request } = parts
  const { deep, onProgress } = request
  const rebuilt = await rebuild({ metadata, blobs, journal, deep, findings, onProgress })
  const checked = await fsck({ metadata, blobs, deep: false }, ({ phase, ...progress }) =>
    onProgress({ phase: `checking ${phase}`, ...progress }),
  )
  return { rebuilt, checked }
}

/** Of the database that is there now. */
async function requireReplaceable(config: Config, { force }: RebuildRequest): Promise<void> {
  const { dataDir, metadata } = config
  if (metadata.dialect === 'postgres') {
    if ((await inspectPostgres(metadata.url.reveal())).empty) return
    throw new InstallationError('exists', 'this PostgreSQL database is not empty', {
      why: 'a rebuild fills an empty one, and takes nothing away',
      fix: 'give an empty database with CARREL_METADATA_URL',
    })
  }
  const file = join(dataDir, databaseFile)
  if (force || !(await isThere(file))) return
  if (inspectSqlite(file, 'thorough').damage.length > 0) return
  throw new InstallationError('exists', `the database ${file} is there, and it is whole`, {
    why: 'a rebuild brings back less than it has: no users, grants, tokens or audit log',
    fix: `if it is not the right one: carrel rebuild --data ${shellWord(dataDir)} --force`,
  })
}

/** Moves what is there aside, never away, and the new database in its place. */
async function putInPlace(dataDir: string): Promise<readonly string[]> {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const aside = (name: string) => `${name}.before-rebuild-${stamp}`
  const moved: string[] = []
  // The log first: beside another database it would be taken for that one's.
  for (const end of ['-wal', '-shm', '']) {
    const to = `${aside(databaseFile)}${end}`
    if (await moveIfThere(join(dataDir, `${databaseFile}${end}`), join(dataDir, to))) {
      moved.unshift(join(dataDir, to))
    }
  }
  // The log of the new database begins anew, and these would contradict it for ever.
  const heads = join(dataDir, aside(headsFileName))
  if (await moveIfThere(join(dataDir, headsFileName), heads)) moved.push(heads)
  await sync(dataDir)
  await rename(join(dataDir, unfinishedFolder, databaseFile), join(dataDir, databaseFile))
  await sync(dataDir)
  await rm(join(dataDir, unfinishedFolder), { recursive: true, force: true })
  return moved
}

const onlyInDatabase: readonly string[] = [
  'passwords, second factors, tokens, sessions and signing keys',
  'grants, teams, robots, trust rules and settings of namespaces',
  'the audit log and access reviews',
  'unfinished uploads',
]

interface Outcome extends Made {
  readonly journal: ReadableJournal
  readonly findings: Findings
  readonly movedAside: readonly string[]
  readonly config: Config
}

function reportOf({
  rebuilt,
  checked,
  journal,
  findings,
  movedAside,
  config,
}: Outcome): RebuildReport {
  const { leftOutOfBin, ...counts } = rebuilt
  return {
    ok: findings.all.length === 0 && checked.ok,
    installation: journal.installation ?? '',
    journal: {
      segments: journal.segments,
      bytes: journal.bytes,
      writtenAt: new Date(journal.writtenAt ?? 0).toISOString(),
    },
    ...counts,
    findings: findings.all,
    movedAside,
    lost: onlyInDatabase,
    notes: notesOf(config, findings, leftOutOfBin),
    fsck: checked,
  }
}

function notesOf(config: Config, findings: Findings, leftOutOfBin: number): readonly string[] {
  const notes: string[] = []
  if (findings.left > 0) notes.push(`There are ${findings.left} more findings that are not listed.`)
  if (leftOutOfBin > 0) {
    notes.push(
      `${leftOutOfBin} deleted manifests were left out: most were purged, and none could be restored.`,
    )
  }
  if (config.metadata.dialect === 'postgres') {
    notes.push('Start it with the same CARREL_METADATA_URL.')
  }
  return notes
}

function lock(dataDir: string): Disposable {
  try {
    return lockData(dataDir)
  } catch (cause) {
    throw new InstallationError('exists', `a Carrel server is running on ${dataDir}`, {
      why: 'it has the database open',
      fix: 'stop it first',
      cause,
    })
  }
}

function noStorage({ dataDir }: Config): InstallationError {
  return new InstallationError('not-found', `there is no storage in ${dataDir}`, {
    why: `a database is made from ${join(dataDir, 'storage')}`,
    fix: 'add --data DIR',
  })
}

async function noJournal({ dataDir }: Config, findings: Findings): Promise<InstallationError> {
  const what = `the storage in ${dataDir} has no journal that can be read`
  const damaged = findings.all.length
  const why =
    damaged > 0
      ? `all ${damaged} parts of it are damaged`
      : 'only the journal says which manifests and tags there were'
  if (await isThere(join(dataDir, 'docker', 'registry', 'v2'))) {
    const marker = join(dataDir, markerFile)
    const remove = (await isThere(marker)) ? `rm ${shellWord(marker)} and then: ` : ''
    return new InstallationError('not-found', what, {
      why: `${why}; but the volume of registry:2 can be taken over again, without what was pushed since`,
      fix: `${remove}carrel up --data ${shellWord(dataDir)}`,
    })
  }
  return new InstallationError('not-found', what, {
    why,
    fix: 'into an empty folder: carrel backup restore DEST --data DIR',
  })
}

const nothing: Disposable = { [Symbol.dispose]: () => undefined }

async function moveIfThere(from: string, to: string): Promise<boolean> {
  if (!(await isThere(from))) return false
  await rename(from, to)
  return true
}
