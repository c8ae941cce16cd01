// How a node is. It is ready as long as it can answer pulls: a load balancer must not take away the readers of a disk
// that is full. What is missing then is said: `degraded`. What it cannot say truthfully (a database or storage that
// fails, a schema that another version has changed) makes it not ready, and never dead.
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { schemaDifference } from '../../metadata/holdings.ts'
import { findReadOnly } from '../../metadata/read-only.ts'
import { ensureSetting } from '../../metadata/settings.ts'
import { StorageFullError } from '../../oci/errors.ts'
import type { FreeSpace } from '../../registry/free-space.ts'
import type { BlobStore } from '../../storage/blob-store.ts'

export interface HealthDeps {
  readonly metadata: MetadataStore
  readonly blobs: Pick<BlobStore, 'probe'>
  readonly draining: () => boolean
  readonly space?: Pick<FreeSpace, 'look'> | undefined
  /** Of the configuration. */
  readonly readOnly?: boolean | undefined
}

export interface HealthCheck {
  readonly name: 'draining' | 'database' | 'storage' | 'schema' | 'disk' | 'read-only'
  /** `degraded`: pulls go on, pushes do not. `failed`: nobody should be sent here. */
  readonly status: 'ok' | 'degraded' | 'failed'
  /** A sentence without a secret, but not for everybody: it may tell how much room there is. */
  readonly message?: string
}

export interface HealthReport {
  readonly status: 'ready' | 'degraded' | 'not ready'
  readonly checks: readonly HealthCheck[]
}

const probeEveryMs = 10_000

export function createHealth(deps: HealthDeps): () => Promise<HealthReport> {
  let probed: { readonly at: number; readonly checks: Promise<readonly HealthCheck[]> } | undefined
  return async () => {
    if (deps.draining()) {
      return reportOf([{ name: 'draining', status: 'failed', message: 'This node is stopping.' }])
    }
    // A clock that goes back must not keep an old answer.
    const age = probed === undefined ? Infinity : Date.now() - probed.at
    if (probed === undefined || age > probeEveryMs || age < 0) {
      probed = { at: Date.now(), checks: probe(deps) }
    }
    return reportOf([...(await probed.checks), await lookAtDisk(deps), await lookAtSwitch(deps)])
  }
}

function reportOf(checks: readonly HealthCheck[]): HealthReport {
  const has = (status: HealthCheck['status']) => checks.some((check) => check.status === status)
  return { status: has('failed') ? 'not ready' : has('degraded') ? 'degraded' : 'ready', checks }
}

async function probe({ metadata, blobs }: HealthDeps): Promise<readonly HealthCheck[]> {
  return [
    await attempt('database', 'The database does not take writes.', async () => {
      await metadata.write(async (tx) => ensureSetting(tx, 'probe', 'ok'))
    }),
    await attempt('storage', 'The storage does not take writes.', async () => blobs.probe()),
    await lookAtSchema(metadata),
  ]
}

async function attempt(
  name: HealthCheck['name'],
  message: string,
  work: () => Promise<void>,
): Promise<HealthCheck> {
  try {
    await work()
    return { name, status: 'ok' }
  } catch (error) {
    return { name, status: error instanceof StorageFullError ? 'degraded' : 'failed', message }
  }
}

async function lookAtSchema(metadata: MetadataStore): Promise<HealthCheck> {
  const name = 'schema'
  const { pending, unknown } = await schemaDifference(metadata).catch(() => noDifference)
  if (unknown.length > 0) {
    const message = `A newer Carrel has changed the database (${unknown.join(', ')}): this node must be brought up to date.`
    return { name, status: 'failed', message }
  }
  if (pending.length === 0) return { name, status: 'ok' }
  return { name, status: 'failed', message: `The database lacks ${pending.join(', ')}.` }
}

/** That it cannot be read is told by another check. */
const noDifference: Awaited<ReturnType<typeof schemaDifference>> = { pending: [], unknown: [] }

async function lookAtDisk({ space }: HealthDeps): Promise<HealthCheck> {
  const name = 'disk'
  if (space === undefined) return { name, status: 'ok' }
  const { free, reserve } = await space.look()
  const text = `${inMebibytes(free)} MiB are free, and pushes leave ${inMebibytes(reserve)} MiB`
  if (reserve === 0 || free >= reserve) return { name, status: 'ok', message: `${text}.` }
  return { name, status: 'degraded', message: `${text}: they are refused until there is more.` }
}

function inMebibytes(bytes: number): number {
  return Math.floor(bytes / (1024 * 1024))
}

async function lookAtSwitch({ metadata, readOnly }: HealthDeps): Promise<HealthCheck> {
  const name = 'read-only'
  const message = 'Pushes and deletes are refused, as somebody wanted it.'
  if (readOnly === true) return { name, status: 'degraded', message }
  const state = await findReadOnly(metadata).catch(() => undefined)
  return state === undefined ? { name, status: 'ok' } : { name, status: 'degraded', message }
}
