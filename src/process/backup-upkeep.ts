// The server's own backups: made when they are due, a share of them read back each day, and restored aside for a proof.
// What is due is decided by what the database remembers, so that a restart neither forgets nor repeats; of several nodes
// one does it.
import { recordVerification, runBackup, keysOfSettings } from '../compose-backup.ts'
import { openArchiveToRead } from '../compose-backup-target.ts'
import { drillAndRecord } from '../compose-restore.ts'
import { BackupError, BusyError } from '../backup/backup-error.ts'
import { partOfToday, verifyArchive } from '../backup/verify.ts'
import type { BackupRequest } from '../cli/backup.ts'
import type { Config } from '../config/config.ts'
import type { RegularTask } from '../installation/upkeep.ts'
import {
  findBackupState,
  findVerifiedState,
  type BackupState,
  type VerifiedState,
} from '../metadata/backup-state.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { BlobStore } from '../storage/blob-store.ts'

export interface BackupUpkeepDeps {
  readonly config: Config
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly warn: (message: string) => void
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** A bit less than a day, so that the share of each day is read on that day. */
const verifyEveryMs = 20 * hourMs

export function backupUpkeep(deps: BackupUpkeepDeps): readonly RegularTask[] {
  const { to } = deps.config.backup
  if (to === undefined) return []
  const stopped = new AbortController()
  const run: ScheduledRun = { ...deps, to, signal: stopped.signal, request: requestOf(deps, to) }
  let drillTriedAt = -Infinity
  return [
    {
      name: 'backup',
      everyMs: minuteMs,
      stop: () => stopped.abort(),
      run: async () =>
        told(run, async () => {
          const now = Date.now()
          const { backup } = deps.config
          if (isBackupDue(await findBackupState(deps.metadata), backup, now)) await backUp(run)
          const found = await findVerifiedState(deps.metadata)
          if (isPartDue(found, backup, now)) await verifyPart(run)
          const isTriedLately = now - drillTriedAt < Math.min(backup.drillEveryMs, dayMs)
          if (isTriedLately || !isDrillDue(found, backup, now)) return
          drillTriedAt = now
          await drill(run)
        }),
    },
  ]
}

interface ScheduledRun extends BackupUpkeepDeps {
  readonly to: string
  readonly signal: AbortSignal
  readonly request: BackupRequest
}

function requestOf({ config, warn }: BackupUpkeepDeps, to: string): BackupRequest {
  const said = new Set<string>()
  return {
    to,
    keys: keysOfSettings(config.backup),
    onProgress: () => undefined,
    warn(message) {
      // Once in the life of the process is enough.
      if (!said.has(message)) warn(message)
      said.add(message)
    },
  }
}

type Schedule = Config['backup']

/** After a run that came to nothing it is tried again soon; one that left out damaged blobs counts. */
export function isBackupDue(
  state: BackupState | undefined,
  { to, everyMs }: Schedule,
  now: number,
): boolean {
  if (state === undefined || state.to !== to) return true
  const isFailed = !state.ok && state.snapshot === undefined
  return now - state.at >= (isFailed ? Math.min(everyMs, hourMs) : everyMs)
}

export function isDrillDue(
  state: VerifiedState | undefined,
  { to, drillEveryMs }: Schedule,
  now: number,
): boolean {
  if (!Number.isFinite(drillEveryMs)) return false
  // What was found elsewhere says nothing of this one.
  return state?.to !== to || now - (state?.okAt ?? 0) >= drillEveryMs
}

function isPartDue(state: VerifiedState | undefined, { to }: Schedule, now: number): boolean {
  return state === undefined || state.to !== to || now - state.at >= verifyEveryMs
}

async function backUp(run: ScheduledRun): Promise<void> {
  const { config, metadata, blobs, request, signal } = run
  const { keep } = config.backup
  const stores = { config, metadata, blobs }
  const made = await runBackup(stores, { ...request, keep, scheduled: true, signal })
  if (made.complete) return
  const { length } = made.missing
  run.warn(
    `${length} ${length === 1 ? 'blob' : 'blobs'} could not be copied to the backup. ` +
      `The first: ${made.missing[0]?.digest ?? ''}. Run: carrel fsck`,
  )
}

async function verifyPart({ metadata, request, to, signal, warn }: ScheduledRun): Promise<void> {
  await using opened = await openArchiveToRead(to, request.keys, { mayMove: true })
  const part = partOfToday()
  const report = await verifyArchive(opened.archive, { part, signal })
  await recordVerification(metadata, { to, report, part })
  if (report.ok) return
  warn(
    `The backup in ${to} is damaged: ${report.problems[0]?.message ?? ''} Run: carrel backup verify --all`,
  )
}

async function drill({ config, metadata, request, signal, warn }: ScheduledRun): Promise<void> {
  const reserve = config.diskReserveBytes
  const done = await drillAndRecord(metadata, { ...request, signal, reserve }, config.dataDir)
  if (done.ok) return
  warn(
    `A restore of the backup was tried, and failed: ${done.problems[0] ?? ''} Run: carrel backup drill`,
  )
}

/** What the keeper tells of a failure: a sentence. A run that is stopped, or another one that is on, is none. */
async function told({ signal }: ScheduledRun, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (signal.aborted || error instanceof BusyError) return
    if (!(error instanceof BackupError)) throw error
    throw new Error(error.why === undefined ? error.message : `${error.message}: ${error.why}`, {
      cause: error,
    })
  }
}
