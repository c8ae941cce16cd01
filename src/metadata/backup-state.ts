// How backups went: two settings, each the JSON of one record. `backup-last` is written by every run that makes a
// backup, `backup-verified` by every one that reads it back. What alarms is the age of `okAt`, not a failure: a server
// that does not run, or is not told where to, fails by saying nothing.
import type { Reader, Transaction } from './metadata-store.ts'
import { findSetting, saveSetting } from './settings.ts'

/** Of a snapshot; what is in it. */
export interface BackupCounts {
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
  /** Of all its blobs. */
  readonly bytes: number
}

interface BackupOutcome {
  /** When it ended; milliseconds since 1970. */
  readonly at: number
  readonly ok: boolean
  /** The folder that holds the backup. */
  readonly to: string
  /** Its id; absent when it never came so far. */
  readonly snapshot?: string
  readonly counts?: BackupCounts
  /** Sentences; the first few of `problemCount`. */
  readonly problems: readonly string[]
  readonly problemCount: number
  /** When it last went well there, this time included; absent: never. */
  readonly okAt?: number
}

/** `backup-last` */
export interface BackupState extends BackupOutcome {
  /** Whether the server did it by itself. */
  readonly scheduled: boolean
  /** What this run brought: blobs that were not in the backup before. */
  readonly copied?: { readonly blobs: number; readonly bytes: number }
}

/**
 * `backup-verified`. `drill`: restored and checked to the last byte; `all`: every stored byte hashed; `part`: a share of
 * them. A part that went well does not move `okAt`; one that did not makes `ok` false.
 */
export interface VerifiedState extends BackupOutcome {
  readonly how: 'drill' | 'all' | 'part'
  /** As in `3/28`. */
  readonly part?: string
}

const lastKey = 'backup-last'
const verifiedKey = 'backup-verified'
const mostProblems = 20

export async function findBackupState(reader: Reader): Promise<BackupState | undefined> {
  return parse<BackupState>(await findSetting(reader, lastKey))
}

export async function findVerifiedState(reader: Reader): Promise<VerifiedState | undefined> {
  return parse<VerifiedState>(await findSetting(reader, verifiedKey))
}

type New<State> = Omit<State, 'at' | 'okAt' | 'problemCount'>

/** `okAt` is carried over from the record before, when that one is of the same place. */
export async function saveBackupState(tx: Transaction, state: New<BackupState>): Promise<void> {
  const okAt = state.ok ? Date.now() : lastOk(await findBackupState(tx), state)
  await saveSetting(tx, lastKey, textOf(state, okAt))
}

export async function saveVerifiedState(tx: Transaction, state: New<VerifiedState>): Promise<void> {
  const isWhole = state.ok && state.how !== 'part'
  const okAt = isWhole ? Date.now() : lastOk(await findVerifiedState(tx), state)
  await saveSetting(tx, verifiedKey, textOf(state, okAt))
}

function lastOk(
  before: BackupOutcome | undefined,
  { to }: Pick<BackupOutcome, 'to'>,
): number | undefined {
  return before?.to === to ? before.okAt : undefined
}

function textOf(state: New<BackupOutcome>, okAt: number | undefined): string {
  const { problems } = state
  return JSON.stringify({
    at: Date.now(),
    ...state,
    problems: problems.slice(0, mostProblems),
    problemCount: problems.length,
    ...(okAt !== undefined && { okAt }),
  })
}

function parse<State>(text: string | undefined): State | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as State)
}
