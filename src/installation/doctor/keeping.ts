// What keeps an installation by itself, told from what it has noted: backups, the check of what is stored, collection,
// and the switch that stops changes.
import { findBackupState, findVerifiedState } from '../../metadata/backup-state.ts'
import { countReviews } from '../../metadata/holdings.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { findReadOnly } from '../../metadata/read-only.ts'
import { verificationState } from '../../metadata/scrubbing.ts'
import { findSetting } from '../../metadata/settings.ts'
import { note, ok, problem, shellWord, warning, type Check } from './check.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** A backup that nobody has read back for so long may be none. */
const unverifiedMs = 35 * dayMs

export interface BackupSettings {
  /** Absent: the server makes none by itself. */
  readonly to?: string
  readonly everyMs: number
}

export async function checkBackup(
  metadata: MetadataStore,
  { to, everyMs }: BackupSettings,
  now: number = Date.now(),
): Promise<Check> {
  const name = 'backup'
  const [last, verified] = await Promise.all([
    findBackupState(metadata),
    findVerifiedState(metadata),
  ])
  const place = shellWord(to ?? last?.to ?? '/mnt/backup/carrel')
  const create = `carrel backup create ${place}`
  if (last?.okAt === undefined) {
    const why = last === undefined ? '' : ` The last try failed: ${first(last.problems)}`
    const message = `There is no backup: what this disk loses is lost.${why}`
    return last === undefined ? warning(name, message, create) : problem(name, message, create)
  }
  const age = now - last.okAt
  const allowed = to === undefined ? 7 * dayMs : 2 * everyMs + hourMs
  if (age > allowed) {
    const message = `The last backup is ${days(age)} old.${last.ok ? '' : ` The last try failed: ${first(last.problems)}`}`
    return problem(name, message, create)
  }
  const check = `carrel backup verify ${place}`
  if (verified?.ok === false) {
    const message = `The backup in ${verified.to} is not whole: ${first(verified.problems)}`
    return problem(name, message, create)
  }
  if (verified?.okAt === undefined || now - verified.okAt > unverifiedMs) {
    const since = verified?.okAt === undefined ? 'never' : `${days(now - verified.okAt)} ago`
    const message = `The last backup is ${days(age)} old, and was last read back ${since}: it counts only then.`
    return warning(name, message, check)
  }
  return ok(name, `${days(age)} old, read back ${days(now - verified.okAt)} ago`)
}

export async function checkScrub(metadata: MetadataStore): Promise<Check> {
  const name = 'stored bytes'
  const state = await verificationState(metadata)
  const damaged = state.damaged + state.damagedManifests
  if (damaged > 0) {
    const message = `${damaged} blobs or manifests are damaged and wait for the same bytes: push them again, or bring them from a backup.`
    return problem(name, message, 'carrel fsck')
  }
  if (state.unreadable > 0) {
    const message = `${state.unreadable} blobs could not be read when it was last tried.`
    return problem(name, message, 'carrel fsck --deep')
  }
  if (state.overdue) {
    const message = 'Some stored bytes were not looked at in the time that is set (scrubEvery).'
    return warning(name, message, 'carrel fsck --deep')
  }
  const { oldestVerifiedAt, unverified } = state
  if (oldestVerifiedAt === undefined && unverified === 0) return ok(name, 'nothing is stored yet')
  const oldest =
    oldestVerifiedAt === undefined
      ? ''
      : `, the oldest was seen whole ${days(Date.now() - oldestVerifiedAt)} ago`
  const waiting = unverified === 0 ? '' : `; ${unverified} not looked at yet`
  return ok(name, `nothing is damaged${oldest}${waiting}`)
}

/** What collection/ notes of its last run. */
interface LastRun {
  readonly endedAt?: number
  readonly errors?: number
  readonly errorMessages?: readonly string[]
}

/** When so much is due, nobody collects. */
const manyDue = 10_000

export async function checkCollection(
  metadata: MetadataStore,
  now: number = Date.now(),
): Promise<Check> {
  const name = 'collection'
  const text = await findSetting(metadata, 'collection-last')
  const last = text === undefined ? undefined : (JSON.parse(text) as LastRun)
  const { due } = await countReviews(metadata, now - dayMs)
  const run = 'carrel gc run'
  if (last !== undefined && (last.errors ?? 0) > 0) {
    const message = `The last run had ${last.errors} errors: ${first(last.errorMessages ?? [])} What fails is kept.`
    return warning(name, message, run)
  }
  if (due > manyDue) {
    const message = `${due} things were to be looked at a day ago or earlier: collection does not keep up.`
    return warning(name, message, run)
  }
  if (last?.endedAt === undefined) return ok(name, `has not run yet; ${due} things wait`)
  return ok(name, `ran ${days(now - last.endedAt)} ago; ${due} things wait`)
}

export async function checkReadOnly(
  metadata: MetadataStore,
  configured: boolean,
): Promise<readonly Check[]> {
  const name = 'read-only'
  if (configured) {
    const message = 'The settings say that nothing is changed: pushes and deletes are refused.'
    return [note(name, message, 'carrel config show')]
  }
  const state = await findReadOnly(metadata)
  if (state === undefined) return []
  const until =
    state.until === undefined ? '' : ` until ${new Date(state.until).toISOString().slice(0, 16)}Z`
  const why = state.reason === '' ? '' : `: ${state.reason}`
  const message = `Pushes and deletes are refused${until}${why}.`
  const fix = 'carrel read-only off'
  return [state.until === undefined ? warning(name, message, fix) : note(name, message, fix)]
}

function first(texts: readonly string[]): string {
  return texts[0] ?? 'it did not say why.'
}

function days(ms: number): string {
  if (ms < 2 * hourMs) return `${Math.max(0, Math.round(ms / 60_000))} minutes`
  return ms < 2 * dayMs ? `${Math.round(ms / hourMs)} hours` : `${Math.round(ms / dayMs)} days`
}
