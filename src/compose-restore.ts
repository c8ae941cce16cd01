// A backup becomes an installation again: for good, or for a drill and then away.
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BackupError } from './backup/backup-error.ts'
import { settingsFile } from './backup/data-files.ts'
import { makeDrillPlace } from './backup/drill-place.ts'
import { restoreSnapshot, type Restored } from './backup/restore.ts'
import { newestSnapshot, readSnapshot, type Snapshot } from './backup/snapshot.ts'
import type { Archive } from './backup/archive.ts'
import { holdLease } from './backup/run-lock.ts'
import { requireEmpty } from './backup/target-check.ts'
import type {
  BackupProgress,
  DrilledBackup,
  DrillRequest,
  RestoredBackup,
  RestoreRequest,
} from './cli/backup.ts'
import { makeDurableFolder } from './certificates/durable-file.ts'
import { requireRoom, whenOwn } from './compose-backup.ts'
import { installationOf, openArchiveToRead } from './compose-backup-target.ts'
import { isThere, makeWhole, sync } from './compose-files.ts'
import { databaseFile, openBlobs, openMetadata } from './compose-stores.ts'
import type { Config } from './config/config.ts'
import { fsck } from './fsck/fsck.ts'
import type { Report } from './fsck/report.ts'
import { appendAudit } from './metadata/audit.ts'
import { saveVerifiedState } from './metadata/backup-state.ts'
import { openPostgres } from './metadata/dialects/postgres.ts'
import { inspectPostgres } from './metadata/dialects/postgres-inspect.ts'
import { openSqlite } from './metadata/dialects/sqlite.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { migrations } from './metadata/migrations/migrate.ts'
import { findSetting } from './metadata/settings.ts'
import { openFilesystemDriver } from './storage/drivers/filesystem/filesystem-driver.ts'

/** The database until all is in it: a restore that was cut short has made no installation. */
const unfinishedFolder = '.restore'
const setAside = `${settingsFile}.from-backup`

export async function restore(config: Config, request: RestoreRequest): Promise<RestoredBackup> {
  await using opened = await openArchiveToRead(request.to, request.keys, { mayMove: false })
  const snapshot = await chosenSnapshot(opened.archive, request.snapshot)
  await requireEmptyPlace(config)
  const settings = await settingsName(config, snapshot)
  const place = { dataDir: config.dataDir, metadata: config.metadata }
  const { restored, report } = await restoreInto(place, opened.archive, snapshot, {
    ...request,
    nameOfFile: (path) => (path === settingsFile ? settings : path),
  })
  await using metadata = await openMetadata(config, { migrate: false })
  await metadata.write(async (tx) =>
    appendAudit(tx, {
      event: 'backup.restored',
      actor: { name: 'operator' },
      subject: request.to,
      detail: { snapshot: snapshot.id, lost: restored.lost.length },
    }),
  )
  const { id, createdAt } = snapshot
  const { repositories, tags, manifests, blobs, bytes, problems } = report
  return {
    ok: report.ok && restored.lost.length === 0,
    snapshot: id,
    createdAt,
    dataDir: config.dataDir,
    counts: { repositories, tags, manifests, blobs, bytes },
    lost: restored.lost.map(({ digest, why }) => ({ digest, message: why })),
    problems,
    notes: notesOf(config, snapshot, settings),
  }
}

async function chosenSnapshot(archive: Archive, id: string | undefined): Promise<Snapshot> {
  return id === undefined ? newestSnapshot(archive) : readSnapshot(archive, id)
}

async function requireEmptyPlace({ dataDir, metadata }: Config): Promise<void> {
  if (await isThere(join(dataDir, unfinishedFolder))) {
    throw new BackupError('exists', `a restore to ${dataDir} was cut short`, {
      why: 'what it left is no installation',
      fix: `remove it and restore again: rm -r ${dataDir}`,
    })
  }
  await requireEmpty(dataDir, [settingsFile])
  if (metadata.dialect === 'sqlite') return
  const url = metadata.url.reveal()
  if ((await inspectPostgres(url)).empty) return
  await using database = await openPostgres({ url, maxConnections: 1 })
  if ((await findSetting(database, 'installation-id')) === undefined) return
  throw new BackupError('exists', 'this PostgreSQL database is not empty', {
    why: 'there is an installation in it; a restore never mixes with what is there',
    fix: 'give another database with CARREL_METADATA_URL',
  })
}

/** Settings that name another database must not come into force by being restored, nor replace any. */
async function settingsName({ dataDir, metadata }: Config, snapshot: Snapshot): Promise<string> {
  const isEmbedded = metadata.dialect === 'sqlite' && snapshot.dialect === 'sqlite'
  return isEmbedded && !(await isThere(join(dataDir, settingsFile))) ? settingsFile : setAside
}

function notesOf(config: Config, snapshot: Snapshot, settings: string): readonly string[] {
  const notes = [
    `This is what there was at ${snapshot.createdAt}. What was pushed, deleted or revoked later is not in it: ` +
      'users, tokens and rights that were taken away since then are there again.',
    'The old server must not come back beside this one: both are the same installation.',
  ]
  if (settings === setAside && snapshot.files.some(({ path }) => path === settingsFile)) {
    notes.push(`Its settings are in ${join(config.dataDir, setAside)}, and not in force.`)
  }
  if (config.metadata.dialect === 'postgres') {
    notes.push('Start it with the same CARREL_METADATA_URL.')
  }
  return notes
}

interface Place {
  readonly dataDir: string
  readonly metadata: Config['metadata']
}

interface RestoreOptions {
  readonly nameOfFile: (path: string) => string | undefined
  readonly onProgress: (progress: BackupProgress) => void
  readonly signal?: AbortSignal | undefined
  readonly reserve?: number
}

async function restoreInto(
  place: Place,
  archive: Archive,
  snapshot: Snapshot,
  options: RestoreOptions,
): Promise<{ readonly restored: Restored; readonly report: Report }> {
  const { dataDir } = place
  await requireRoom(dataDir, roomFor(snapshot) + (options.reserve ?? 0))
  await makeDurableFolder(join(dataDir, unfinishedFolder))
  try {
    await using storage = await openFilesystemDriver({ root: join(dataDir, 'storage') })
    const restored = await restoreSnapshot(
      {
        archive,
        storage,
        dataDir,
        openDatabase: async (step) => openUnfinished(place, step),
        knownSteps: migrations.map(({ name }) => name),
        ...options,
      },
      snapshot,
    )
    if (place.metadata.dialect === 'sqlite') await publishDatabase(dataDir)
    await rm(join(dataDir, unfinishedFolder), { recursive: true, force: true })
    return { restored, report: await check(place, options) }
  } catch (error) {
    // The folder was empty before.
    for (const name of [unfinishedFolder, 'storage']) {
      await rm(join(dataDir, name), { recursive: true, force: true }).catch(() => undefined)
    }
    throw error
  }
}

/** Bytes of blobs, and of rows, which take several times what they take compressed. */
function roomFor({ counts, tables }: Snapshot): number {
  let rows = 0
  for (const { bytes } of tables) rows += bytes
  return counts.bytes + 5 * rows
}

async function openUnfinished(
  { dataDir, metadata }: Place,
  step: string | undefined,
): Promise<MetadataStore> {
  return metadata.dialect === 'sqlite'
    ? openSqlite({
        file: join(dataDir, unfinishedFolder, databaseFile),
        migrate: true,
        migrateTo: step,
      })
    : openPostgres({ url: metadata.url.reveal(), migrate: true, migrateTo: step })
}

async function publishDatabase(dataDir: string): Promise<void> {
  const file = join(dataDir, unfinishedFolder, databaseFile)
  await makeWhole(file)
  await rename(file, join(dataDir, databaseFile))
  await sync(dataDir)
}

async function check(place: Place, { onProgress }: RestoreOptions): Promise<Report> {
  await using metadata = await openMetadata(place, { migrate: false })
  await using storage = await openBlobs(place.dataDir)
  return await fsck({ metadata, blobs: storage.blobs, deep: true }, ({ phase, ...progress }) =>
    onProgress({ phase: `checking ${phase}`, ...progress }),
  )
}

interface ScratchRequest extends DrillRequest {
  readonly signal?: AbortSignal
  /** So much room stays free. */
  readonly reserve: number
}

/** Restores into a scratch folder, into SQLite whatever the installation uses, checks everything, and removes it. */
async function drill(
  request: ScratchRequest & { readonly owner?: string },
  scratch: string,
): Promise<Omit<DrilledBackup, 'recorded'>> {
  const began = performance.now()
  await using opened = await openArchiveToRead(request.to, request.keys, { mayMove: false })
  const snapshot = await chosenSnapshot(opened.archive, request.snapshot)
  await using folder = await makeDrillPlace(scratch, request.owner)
  const place = { dataDir: join(folder.path, 'data'), metadata: { dialect: 'sqlite' } } as const
  const { restored, report } = await restoreInto(place, opened.archive, snapshot, {
    nameOfFile: (path) => path,
    onProgress: request.onProgress,
    signal: request.signal,
    reserve: request.reserve,
  })
  const { repositories, tags, manifests, blobs, bytes } = report
  const found = { repositories, tags, manifests, blobs, bytes }
  // The backup is as good as the installation was; that one tells of its damage itself.
  const known = new Set<string>(restored.damagedBefore)
  const problems = [
    ...missingOf(snapshot),
    ...restored.lost.map(({ digest, why }) => `${digest}: ${why}`),
    ...report.problems
      .filter(({ digest = '' }) => !known.has(digest))
      .map(({ message, digest = '' }) => `${digest} ${message}`.trim()),
  ]
  return {
    ok: problems.length === 0,
    snapshot: snapshot.id,
    createdAt: snapshot.createdAt,
    counts: found,
    seconds: (performance.now() - began) / 1000,
    problems,
  }
}

function missingOf({ complete, missingCount }: Snapshot): readonly string[] {
  return complete ? [] : [`${missingCount} blobs could not be copied when the snapshot was made.`]
}

/** A drill that this installation remembers: whatever comes of it. @throws {BackupError} exists, while one is on */
export async function drillAndRecord(
  metadata: MetadataStore,
  request: ScratchRequest,
  scratch: string,
): Promise<DrilledBackup> {
  const owner = ((await findSetting(metadata, 'installation-id')) ?? '').slice(0, 8)
  await using _ = await holdLease(metadata, 'drill')
  try {
    const done = await drill({ ...request, owner }, scratch)
    const { ok, snapshot, counts, problems } = done
    await metadata.write(async (tx) =>
      saveVerifiedState(tx, { ok, to: request.to, how: 'drill', snapshot, counts, problems }),
    )
    return { ...done, recorded: true }
  } catch (error) {
    if (request.signal?.aborted !== true) {
      const problems = [(error as Error).message]
      await metadata
        .write(async (tx) =>
          saveVerifiedState(tx, { ok: false, to: request.to, how: 'drill', problems }),
        )
        .catch(() => undefined)
    }
    throw error
  }
}

/** Of the installation in the data folder when the backup is of it; otherwise nobody remembers it. */
export async function drillBesideData(
  config: Config,
  request: DrillRequest,
): Promise<DrilledBackup> {
  const scratch = request.scratch ?? config.dataDir
  if (request.scratch === undefined && !(await isThere(config.dataDir))) {
    throw new BackupError('invalid', 'there is no data folder to make a scratch folder in', {
      fix: 'say where: --scratch DIR',
    })
  }
  const installation = await installationOf(request.to)
  const { diskReserveBytes: reserve } = config
  let recorded: DrilledBackup | undefined
  await whenOwn(config, { installation }, async (metadata) => {
    recorded = await drillAndRecord(metadata, { ...request, reserve }, scratch)
  })
  return recorded ?? { ...(await drill({ ...request, reserve }, scratch)), recorded: false }
}
