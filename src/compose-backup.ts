// Backups as they are composed: commands beside a running server or without one, and the server's own schedule.
import { mkdir, readFile, statfs } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { Archive } from './backup/archive.ts'
import { BackupError, BusyError, DamagedObjectError } from './backup/backup-error.ts'
import { createSnapshot, type CreatedSnapshot } from './backup/create.ts'
import { openBlobOf } from './backup/heal.ts'
import { prune, type Pruned } from './backup/prune.ts'
import { lockRun } from './backup/run-lock.ts'
import { listSnapshotIds, readSnapshot } from './backup/snapshot.ts'
import { isSameDisk } from './backup/target-check.ts'
import { partOfToday, verifyArchive, type VerifyReport } from './backup/verify.ts'
import type {
  BackupCommands,
  BackupKeySource,
  BackupRequest,
  CreateBackupRequest,
  CreatedBackup,
  ListedSnapshot,
  VerifiedBackup,
  VerifyBackupRequest,
} from './cli/backup.ts'
import {
  openArchiveToRead,
  openArchiveToWrite,
  type OpenedArchive,
} from './compose-backup-target.ts'
import { explain, openInstallationData } from './compose-installation.ts'
import { openBlobs } from './compose-stores.ts'
import type { Config } from './config/config.ts'
import { ensureIdentity } from './installation/identity.ts'
import { appendAudit } from './metadata/audit.ts'
import { saveBackupState, saveVerifiedState } from './metadata/backup-state.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { findSetting } from './metadata/settings.ts'
import type { Digest } from './oci/digest.ts'
import { StorageFullError, StorageUnavailableError } from './oci/errors.ts'
import type { BlobStore } from './storage/blob-store.ts'
import { version } from './version.ts'

export function composeBackup(): BackupCommands {
  return {
    create: async (config, request) =>
      explained(config, request.to, async () => create(config, request)),
    list: async (config, request) => explained(config, request.to, async () => list(request)),
    verify: async (config, request) =>
      explained(config, request.to, async () => verify(config, request)),
    async restore(config, request) {
      const { restore } = await import('./compose-restore.ts')
      return explained(config, request.to, async () => restore(config, request))
    },
    async drill(config, request) {
      const { drillBesideData } = await import('./compose-restore.ts')
      return explained(config, request.to, async () => drillBesideData(config, request))
    },
  }
}

/** A target that is full or gone is told as what it is, not as trouble of the database. */
async function explained<T>(config: Config, to: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw damaged(error) ?? targetError(to, error) ?? explain(config, error)
  }
}

function damaged(error: unknown): BackupError | undefined {
  if (!(error instanceof DamagedObjectError)) return undefined
  return new BackupError('invalid', error.message, {
    why: 'a disk or a copy has changed its bytes, or somebody did',
    fix: 'see what is whole: carrel backup verify --all; then choose with --snapshot ID',
    cause: error,
  })
}

function targetError(to: string, error: unknown): BackupError | undefined {
  if (error instanceof StorageFullError) {
    const free = { why: 'the disk is full', fix: `free some room, or keep fewer: --keep N` }
    return new BackupError('unavailable', `cannot write to ${to}`, { ...free, cause: error })
  }
  if (!(error instanceof StorageUnavailableError)) return undefined
  const { path, code, message } = (error.cause ?? {}) as NodeJS.ErrnoException
  if (path?.startsWith(to) !== true) return undefined
  return new BackupError('unavailable', `${to} cannot be used`, {
    why: `${path}: ${code ?? message}`,
    cause: error,
  })
}

/** The stores of a process that has them open already. */
export interface BackupStores {
  readonly config: Config
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

export interface RunRequest extends CreateBackupRequest {
  /** Made by the server by itself. */
  readonly scheduled: boolean
  readonly signal?: AbortSignal
}

async function create(config: Config, request: CreateBackupRequest): Promise<CreatedBackup> {
  await using metadata = await openInstallationData(config, { create: false })
  await using storage = await openBlobs(config.dataDir)
  const stores = { config, metadata, blobs: storage.blobs }
  return await runBackup(stores, { ...request, scheduled: false })
}

/** Makes a snapshot, prunes, and remembers how it went. @throws {BackupError} exists, while another run is on */
export async function runBackup(stores: BackupStores, request: RunRequest): Promise<CreatedBackup> {
  const { metadata } = stores
  const { to, scheduled } = request
  try {
    const made = await createAndPrune(stores, request)
    const { snapshot, missing } = made.created
    const problems = missing.map(({ digest, why }) => `${digest}: ${why}`)
    await metadata.write(async (tx) => {
      const { counts, id } = snapshot
      const { copied } = made.created
      await saveBackupState(tx, {
        ok: snapshot.complete,
        to,
        snapshot: id,
        counts,
        problems,
        scheduled,
        copied,
      })
      await appendAudit(tx, {
        event: 'backup.created',
        actor: { name: scheduled ? 'carrel' : 'operator' },
        subject: to,
        detail: { snapshot: id, complete: snapshot.complete, encrypted: made.encrypted },
      })
    })
    return createdOf(made)
  } catch (error) {
    if (!(error instanceof BusyError) && request.signal?.aborted !== true) {
      const problems = [`${targetError(to, error)?.message ?? (error as Error).message}`]
      // The failure is what is to be told, even when it cannot be remembered.
      await metadata
        .write(async (tx) => saveBackupState(tx, { ok: false, to, problems, scheduled }))
        .catch(() => undefined)
    }
    throw error
  }
}

interface Made {
  readonly created: CreatedSnapshot
  readonly pruned: Pruned | undefined
  readonly encrypted: boolean
}

async function createAndPrune(stores: BackupStores, request: RunRequest): Promise<Made> {
  const { config, metadata, blobs } = stores
  const { to, keep, keys, onProgress, warn } = request
  const { id: installation } = await ensureIdentity(metadata)
  await using opened = await openArchiveToWrite(to, keys, installation)
  const { archive } = opened
  if (await isSameDisk(to, config.dataDir)) {
    warn(`${to} lies on the same disk as the data: a disk that breaks takes both.`)
  }
  if (!archive.isEncrypted) {
    warn(`The backup is not encrypted: whoever can read ${to} has all images and all keys.`)
  }
  await using lock = await lockRun(metadata, archive.target)
  const signal =
    request.signal === undefined ? lock.signal : AbortSignal.any([lock.signal, request.signal])
  const { dataDir } = config
  const created = await createSnapshot({
    archive,
    metadata,
    blobs,
    dataDir,
    version,
    signal,
    onProgress,
  })
  const pruned = keep === undefined ? undefined : await prune(archive, keep, signal)
  return { created, pruned, encrypted: archive.isEncrypted }
}

function createdOf({ created, pruned, encrypted }: Made): CreatedBackup {
  const { snapshot, copied, missing } = created
  return {
    snapshot: snapshot.id,
    complete: snapshot.complete,
    encrypted,
    counts: snapshot.counts,
    copied,
    missing: missing.map(({ digest, why }) => ({ digest, message: why })),
    ...(pruned !== undefined && { pruned }),
  }
}

async function list({ to, keys }: BackupRequest): Promise<readonly ListedSnapshot[]> {
  await using opened = await openArchiveToRead(to, keys, { mayMove: false })
  const { archive } = opened
  const listed: ListedSnapshot[] = []
  for (const snapshot of await listSnapshotIds(archive)) {
    try {
      const { createdAt, carrel, complete, counts } = await readSnapshot(archive, snapshot)
      const state = complete ? 'complete' : 'incomplete'
      listed.push({ snapshot, state, createdAt, carrel, counts })
    } catch (error) {
      // The others are all the more interesting.
      if (!(error instanceof DamagedObjectError)) throw error
      listed.push({ snapshot, state: 'damaged' })
    }
  }
  return listed
}

async function verify(config: Config, request: VerifyBackupRequest): Promise<VerifiedBackup> {
  await using opened = await openArchiveToRead(request.to, request.keys, { mayMove: true })
  const { archive } = opened
  const part = request.part ?? partOfToday()
  const { onProgress } = request
  const report = await verifyArchive(archive, { part, onProgress })
  const recorded = await whenOwn(config, archive, async (metadata) =>
    recordVerification(metadata, { to: request.to, report, part }),
  )
  const { ok, snapshots, blobs, hashed, problems } = report
  return { ok, part: `${part.number}/${part.of}`, snapshots, blobs, hashed, problems, recorded }
}

export async function recordVerification(
  metadata: MetadataStore,
  {
    to,
    report,
    part,
  }: {
    readonly to: string
    readonly report: VerifyReport
    readonly part: { readonly number: number; readonly of: number }
  },
): Promise<void> {
  const { ok, newest, problems } = report
  await metadata.write(async (tx) =>
    saveVerifiedState(tx, {
      ok,
      to,
      how: part.of === 1 ? 'all' : 'part',
      part: `${part.number}/${part.of}`,
      ...(newest !== undefined && { snapshot: newest.id, counts: newest.counts }),
      problems: problems.map(({ message }) => message),
    }),
  )
}

/** When the installation here is the one that the backup is of; otherwise nothing is done, and false returned. */
export async function whenOwn(
  config: Config,
  { installation }: Pick<Archive, 'installation'>,
  work: (metadata: MetadataStore) => Promise<void>,
): Promise<boolean> {
  let metadata: MetadataStore
  try {
    metadata = await openInstallationData(config, { create: false })
  } catch {
    // A backup can be checked where there is no installation, or one that is broken.
    return false
  }
  await using own = metadata
  if ((await findSetting(own, 'installation-id')) !== installation) return false
  await work(own)
  return true
}

/** For the server: the key that the settings name. */
export function keysOfSettings({ keyFile }: Config['backup']): BackupKeySource {
  const read = async (): Promise<Uint8Array | undefined> =>
    keyFile === undefined ? undefined : readFile(keyFile)
  return { open: read, begin: read, isWanted: keyFile !== undefined }
}

/**
 * Blobs of the server's own backup, for whoever heals damaged ones; undefined where there is none. The bytes are not
 * hashed: whoever stores them does. A backup that cannot be opened has nothing to give.
 */
export function backupBlobs(
  config: Config,
): ((digest: Digest) => Promise<Readable | undefined>) | undefined {
  const { to } = config.backup
  if (to === undefined) return undefined
  let opened: Promise<OpenedArchive> | undefined
  return async (digest) => {
    opened ??= openArchiveToRead(to, keysOfSettings(config.backup), { mayMove: false })
    try {
      return await openBlobOf((await opened).archive, digest)
    } catch {
      // Not mounted, or not made yet: the next one may find it.
      opened = undefined
      return undefined
    }
  }
}

/** @throws {BackupError} unavailable */
export async function requireRoom(folder: string, bytes: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= bytes) return
  const mib = (count: number) => `${Math.ceil(count / 1024 / 1024).toLocaleString('en')} MiB`
  throw new BackupError('unavailable', `there is not enough room in ${folder}`, {
    why: `${mib(bytes)} are needed, and ${mib(free)} are free`,
  })
}
