// What the last run has done, kept in the settings for status, metrics and doctor. Times are milliseconds since 1970.
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { findSetting, saveSetting } from '../metadata/settings.ts'
import type { CollectionReport } from './collect.ts'

export interface LastRun extends Omit<CollectionReport, 'busy'> {
  /** Of all runs together. */
  readonly totalBytes: number
}

const key = 'collection-last'

export async function findLastRun(reader: Reader): Promise<LastRun | undefined> {
  const text = await findSetting(reader, key)
  return text === undefined ? undefined : (JSON.parse(text) as LastRun)
}

/** A run that cannot be told of has been all the same. */
export async function saveLastRun(
  metadata: MetadataStore,
  report: Omit<CollectionReport, 'busy'>,
): Promise<void> {
  try {
    await metadata.write(
      async (tx) => {
        const totalBytes = ((await findLastRun(tx))?.totalBytes ?? 0) + report.bytes
        await saveSetting(tx, key, JSON.stringify({ ...report, totalBytes } satisfies LastRun))
      },
      { durable: false },
    )
  } catch {
    // The next run tells.
  }
}
