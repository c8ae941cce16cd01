// Builds sync-faults.c, for a server whose syncs fail or are left out from some moment on.
import { spawnSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runOk } from '../support/processes.ts'

const source = fileURLToPath(new URL('sync-faults.c', import.meta.url))

/** `broken`: all fail. Else these are left out and said to have gone well. */
export type SyncFault = 'broken' | 'all' | 'log' | 'blobs' | 'folders'

export interface SyncFaults {
  /** For the server. */
  readonly env: Readonly<Record<string, string>>
  begin(): Promise<void>
  end(): Promise<void>
}

/** Undefined when they can be had here. */
export function whyNoSyncFaults(): string | undefined {
  if (process.platform !== 'linux') return 'syncs can be left out on Linux only'
  return spawnSync('gcc', ['--version']).error === undefined ? undefined : 'gcc is not installed'
}

/** The folder stays when the disk of the server is taken away. */
export async function buildSyncFaults(folder: string, fault: SyncFault): Promise<SyncFaults> {
  const library = join(folder, 'sync-faults.so')
  const marker = join(folder, 'syncs-are-faulty')
  await runOk('gcc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
  return {
    env: { LD_PRELOAD: library, SYNC_FAULTS: fault, SYNC_FAULTS_WHILE: marker },
    begin: async () => writeFile(marker, ''),
    end: async () => rm(marker),
  }
}
