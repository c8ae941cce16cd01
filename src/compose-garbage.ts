// Collection for `carrel registry garbage-collect`, beside a running server or without one.
import type { GarbageReport, GarbageRequest } from './cli/garbage.ts'
import { collect } from './collection/collect.ts'
import { previewCollection } from './collection/preview.ts'
import type { CollectionDelays } from './collection/run.ts'
import { explain, openInstallationData } from './compose-installation.ts'
import { openBlobs } from './compose-stores.ts'
import type { Config } from './config/config.ts'

/** @throws {InstallationError} as openInstallation */
export async function collectGarbage(
  config: Config,
  request: GarbageRequest,
): Promise<GarbageReport> {
  await using metadata = await openInstallationData(config, { create: false })
  const delays = delaysOf(config, request)
  const { trashMs } = delays
  try {
    if (request.dryRun) {
      const { manifests, blobs, purgedBlobs, bytes } = await previewCollection(metadata, delays)
      return { busy: false, manifests, blobs, purgedBlobs, bytes, errors: [], trashMs }
    }
    await using storage = await openBlobs(config.dataDir)
    const report = await collect({ metadata, blobs: storage.blobs }, delays)
    const { busy, manifests, blobs, purgedBlobs, bytes, errorMessages } = report
    return { busy, manifests, blobs, purgedBlobs, bytes, errors: errorMessages, trashMs }
  } catch (error) {
    throw explain(config, error)
  }
}

/** What came a moment ago is left alone in every case: it may be a part of what is being pushed. */
function delaysOf(
  { keep }: Config,
  { deleteUntagged }: Pick<GarbageRequest, 'deleteUntagged'>,
): CollectionDelays {
  const { untaggedMs, unreferencedMs } = keep
  return deleteUntagged ? { ...keep, untaggedMs: Math.min(untaggedMs, unreferencedMs) } : keep
}
