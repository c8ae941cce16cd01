// Where facts and bytes are kept: the part of the composition that commands need as well. It chooses drivers and
// dialects.
import { join } from 'node:path'
import type { Config } from './config/config.ts'
import { openPostgres } from './metadata/dialects/postgres.ts'
import { openSqlite } from './metadata/dialects/sqlite.ts'
import { openLogIndex } from './metadata/dialects/sqlite-read-cache.ts'
import type { TurnState } from './metadata/dialects/write-turn.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { createBlobStore, type BlobStore } from './storage/blob-store.ts'
import { openFilesystemDriver } from './storage/drivers/filesystem/filesystem-driver.ts'

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

export async function openBlobs(
  dataDir: string,
): Promise<{ readonly blobs: BlobStore } & AsyncDisposable> {
  const driver = await openFilesystemDriver({ root: join(dataDir, 'storage') })
  return {
    blobs: createBlobStore(driver),
    [Symbol.asyncDispose]: async () => driver[Symbol.asyncDispose](),
  }
}

/** The descriptor that all threads of a serving process share; the database is open already. */
export function openSharedLogIndex(dataDir: string): number {
  return openLogIndex(join(dataDir, databaseFile))
}
