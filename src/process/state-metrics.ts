// What the database, the disk and the other work of an installation say of themselves, as metrics. Asked by the main
// thread when somebody scrapes; what costs more to count is kept for a while.
import { findLastRun } from '../collection/last-run.ts'
import type { Config } from '../config/config.ts'
import { findBackupState, findVerifiedState } from '../metadata/backup-state.ts'
import { readUnsealed } from '../metadata/audit-seals.ts'
import { countHoldings, countReviews, type Holdings } from '../metadata/holdings.ts'
import { countJournalQueue } from '../metadata/journal-queue.ts'
import { findLease } from '../metadata/leases.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { findReadOnly } from '../metadata/read-only.ts'
import { verificationState } from '../metadata/scrubbing.ts'
import { counter, gauge, type Metric } from '../metrics/metric.ts'
import type { FreeSpace } from '../registry/free-space.ts'

export interface StateDeps {
  readonly config: Pick<Config, 'backup'> & { readonly readOnly: boolean }
  readonly metadata: MetadataStore
  readonly space: FreeSpace
  readonly version: string
}

/** Part by part: what cannot be told is left out, and counted. */
export function createStateMetrics(deps: StateDeps): () => Promise<readonly Metric[]> {
  const holdings = remembering(async () => countHoldings(deps.metadata))
  const parts: readonly (() => Promise<readonly Metric[]>)[] = [
    async () => holdingMetrics(await holdings()),
    async () => collectionMetrics(deps),
    async () => verificationMetrics(deps),
    async () => backupMetrics(deps),
    async () => diskMetrics(deps),
    async () => otherMetrics(deps),
  ]
  return async () => {
    const outcomes = await Promise.allSettled(parts.map(async (part) => part()))
    const metrics = outcomes.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    const failed = outcomes.filter(({ status }) => status === 'rejected').length
    return [
      ...metrics,
      ...gauge('carrel_info', 'Always 1; what runs here.', [
        [{ version: deps.version, database: deps.metadata.dialect }, 1],
      ]),
      ...gauge(
        'carrel_metrics_missing',
        'Groups of carrel_ metrics that could not be read.',
        failed,
      ),
    ]
  }
}

const leastKeptMs = 10_000
/** Counting may take a hundredth of the time. */
const restFactor = 100

function remembering<T>(work: () => Promise<T>): () => Promise<T> {
  let known: { readonly until: number; readonly value: Promise<T> } | undefined
  return async () => {
    const began = performance.now()
    if (known !== undefined && began < known.until) return known.value
    const value = work()
    known = { until: Infinity, value }
    const keep = (ms: number) => {
      known = { until: performance.now() + ms, value }
    }
    value.then(
      () => keep(Math.max(leastKeptMs, restFactor * (performance.now() - began))),
      () => keep(0),
    )
    return value
  }
}

function holdingMetrics(has: Holdings): readonly Metric[] {
  return [
    ...gauge('carrel_repositories', 'Repositories, without deleted ones.', has.repositories),
    ...gauge('carrel_tags', 'Tags of them.', has.tags),
    ...gauge('carrel_manifests', 'Manifests of them.', has.manifests),
    ...gauge('carrel_blobs', 'Blobs, each once.', has.blobs),
    ...gauge('carrel_blob_bytes', 'Bytes of all blobs, each once.', has.bytes),
    ...gauge('carrel_uploads_open', 'Uploads that were begun and not finished.', has.uploads),
    ...gauge('carrel_recycle_bin_items', 'What was deleted and can be restored.', [
      [{ kind: 'repository' }, has.deletedRepositories],
      [{ kind: 'manifest' }, has.deletedManifests],
    ]),
    ...gauge(
      'carrel_trash_blobs',
      'Collected blobs whose bytes are still there.',
      has.trashedBlobs,
    ),
    ...gauge('carrel_trash_bytes', 'Their bytes.', has.trashedBytes),
    ...gauge(
      'carrel_logins_blocked',
      'Accounts, addresses and networks that have to wait before the next sign-in.',
      has.blockedLogins,
    ),
  ]
}

async function collectionMetrics({ metadata }: StateDeps): Promise<readonly Metric[]> {
  const queue = await countReviews(metadata)
  const last = await findLastRun(metadata)
  return [
    ...gauge('carrel_collection_queue', 'What collection is to look at, by kind.', [
      [{ kind: 'blob' }, queue.blobs],
      [{ kind: 'manifest' }, queue.manifests],
    ]),
    ...gauge('carrel_collection_due', 'Of the queue, what may be looked at now.', queue.due),
    ...gauge(
      'carrel_collection_last_run_timestamp_seconds',
      'When collection last ran to its end; 0: never.',
      seconds(last?.endedAt) ?? 0,
    ),
    ...counter(
      'carrel_collection_reclaimed_bytes_total',
      'Bytes that collection has given back.',
      last?.totalBytes ?? 0,
    ),
    ...gauge(
      'carrel_collection_last_run_reclaimed_bytes',
      'Bytes that the last run gave back.',
      last?.bytes ?? 0,
    ),
    ...gauge('carrel_collection_last_run_errors', 'Errors of the last run.', last?.errors ?? 0),
  ]
}

async function verificationMetrics({ metadata }: StateDeps): Promise<readonly Metric[]> {
  const state = await verificationState(metadata)
  const now = Date.now()
  return [
    ...gauge(
      'carrel_scrub_oldest_verification_age_seconds',
      'Of all stored blobs, how long ago one was last seen whole.',
      ageOf(state.oldestVerifiedAt, now),
    ),
    ...gauge('carrel_scrub_unverified_blobs', 'Blobs never seen whole here.', state.unverified),
    ...gauge('carrel_scrub_overdue', '1: something was not looked at in time.', bit(state.overdue)),
    ...gauge('carrel_scrub_unreadable_blobs', 'Blobs the storage did not give.', state.unreadable),
    ...gauge('carrel_damaged', 'What is damaged and waits for its bytes.', [
      [{ kind: 'blob' }, state.damaged],
      [{ kind: 'manifest' }, state.damagedManifests],
    ]),
    ...gauge('carrel_quarantined_objects', 'Objects set aside, not healed.', state.quarantined),
  ]
}

async function backupMetrics({ config, metadata }: StateDeps): Promise<readonly Metric[]> {
  const [last, verified] = await Promise.all([
    findBackupState(metadata),
    findVerifiedState(metadata),
  ])
  const now = Date.now()
  const isSet = config.backup.to !== undefined
  return [
    ...gauge('carrel_backup_configured', '1: the server makes backups by itself.', bit(isSet)),
    ...gauge(
      'carrel_backup_last_success_timestamp_seconds',
      'When a backup was last made; 0: never.',
      seconds(last?.okAt) ?? 0,
    ),
    ...gauge(
      'carrel_backup_last_verified_timestamp_seconds',
      'When a backup was last read back whole; 0: never.',
      seconds(verified?.okAt) ?? 0,
    ),
    ...gauge(
      'carrel_backup_verified_age_seconds',
      'Age of that; +Inf: there is no backup that is known to be good.',
      ageOf(verified?.okAt, now) ?? Infinity,
    ),
    ...gauge('carrel_backup_last_failed', '1: the last try failed.', [
      [{ what: 'backup' }, bit(last?.ok === false)],
      [{ what: 'verification' }, bit(verified?.ok === false)],
    ]),
  ]
}

async function diskMetrics({ space }: StateDeps): Promise<readonly Metric[]> {
  const { free, total, reserve } = await space.look()
  return [
    ...gauge('carrel_disk_free_bytes', 'Room on the disk of the data folder.', free),
    ...gauge('carrel_disk_size_bytes', 'Size of that disk.', total),
    ...gauge('carrel_disk_reserve_bytes', 'Below this much room pushes are refused.', reserve),
  ]
}

async function otherMetrics({ config, metadata }: StateDeps): Promise<readonly Metric[]> {
  const now = Date.now()
  const isOn = config.readOnly || (await findReadOnly(metadata)) !== undefined
  const [unsealed] = await readUnsealed(metadata, 1)
  const backup = await findLease(metadata, 'backup', now)
  return [
    ...gauge('carrel_read_only', '1: pushes and deletes are refused.', bit(isOn)),
    ...gauge(
      'carrel_audit_seal_lag_seconds',
      'Age of the oldest entry of the audit log that is not sealed yet.',
      ageOf(unsealed?.at, now) ?? 0,
    ),
    ...gauge(
      'carrel_journal_queue',
      'Changes that the journal in the storage does not hold yet.',
      await countJournalQueue(metadata),
    ),
    ...gauge('carrel_backup_running', '1: a backup is being made.', bit(backup !== undefined)),
  ]
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

function ageOf(ms: number | undefined, now: number): number | undefined {
  return ms === undefined ? undefined : Math.max(0, (now - ms) / 1000)
}

function bit(value: boolean): number {
  return value ? 1 : 0
}
