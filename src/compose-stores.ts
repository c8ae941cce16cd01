// Where facts and bytes are kept: the part of the composition that commands need as well. It chooses drivers and
// dialects.
import { join } from 'node:path'
import type { Config } from './config/config.ts'
import { openPostgres } from './metadata/dialects/postgres.ts'
import { openSqlite } from './metadata/dialects/sqlite.ts'
import { openLogIndex } from './metadata/dialects/sqlite-read-cache.ts'
import type { TurnState } from './metadata/dialects/write-turn.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { createFreeSpace, type FreeSpace } from './registry/free-space.ts'
import { createBlobStore, type BlobStore } from './storage/blob-store.ts'
import type { Key } from './storage/driver.ts'
import { withTimes, type ActionObserver } from './storage/timed-driver.ts'
import { openAdoptedFiles } from './storage/drivers/filesystem/adopted-files.ts'
import { openFilesystemDriver } from './storage/drivers/filesystem/filesystem-driver.ts'
import { isAdoptedKey } from './storage/layout.ts'
import { routeAdopted } from './storage/routed-driver.ts'

export const databaseFile = 'carrel.db'

/** Opens the database that the configuration names. */
export async function openMetadata(
  config: Pick<Config, 'dataDir' | 'metadata'>,
  options: {
    readonly migrate: boolean
    readonly turn?: TurnState
    /** See SqliteOptions. */
    readonly longLog?: boolean
  },
): Promise<MetadataStore> {
  const { dataDir, metadata } = config
  return metadata.dialect === 'sqlite'
    ? openSqlite({ file: join(dataDir, databaseFile), ...options })
    : openPostgres({ url: metadata.url.reveal(), migrate: options.migrate })
}

const storageFolder = 'storage'

/** Blobs of an adopted volume of registry:2 lie in the data folder itself. `observe` hears how long the storage takes. */
export async function openBlobs(
  dataDir: string,
  observe?: ActionObserver,
): Promise<{ readonly blobs: BlobStore } & AsyncDisposable> {
  const own = await openFilesystemDriver({ root: join(dataDir, storageFolder) })
  const driver = routeAdopted(own, openAdoptedFiles({ root: dataDir }))
  const timed = observe === undefined ? driver : withTimes(driver, observe)
  return {
    blobs: createBlobStore(timed),
    [Symbol.asyncDispose]: async () => driver[Symbol.asyncDispose](),
  }
}

/** The file of an object, for what can do more with a file than read it. */
export function fileOfKey(dataDir: string, key: Key): string {
  return isAdoptedKey(key) ? join(dataDir, key) : join(dataDir, storageFolder, key)
}

/** The descriptor that all threads of a serving process share; the database is open already. */
export function openSharedLogIndex(dataDir: string): number {
  return openLogIndex(join(dataDir, databaseFile))
}

/** The room that is left where the installation lies. */
export function openSpace({
  dataDir,
  diskReserveBytes,
}: Pick<Config, 'dataDir' | 'diskReserveBytes'>): FreeSpace {
  const folders = [dataDir, join(dataDir, 'storage')]
  return createFreeSpace({ folders, reserveBytes: diskReserveBytes })
}
