// Builds sync-faults.c: the environment of a server whose syncs are left out, or fail.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runOk } from '../support/processes.ts'

const source = fileURLToPath(new URL('sync-faults.c', import.meta.url))

export type DroppedSyncs = 'all' | 'log' | 'blobs' | 'folders'

/** Undefined when it can be built here. */
export function whyNoSyncFaults(): string | undefined {
  if (process.platform !== 'linux') return 'syncs can be left out on Linux only'
  return spawnSync('gcc', ['--version']).error === undefined ? undefined : 'gcc is not installed'
}

export async function buildSyncFaults(folder: string): Promise<{
  readonly drop: (which: DroppedSyncs) => Readonly<Record<string, string>>
  readonly failWhile: (file: string) => Readonly<Record<string, string>>
}> {
  const library = join(folder, 'sync-faults.so')
  await runOk('gcc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
  return {
    drop: (which) => ({ LD_PRELOAD: library, DROP_SYNCS: which }),
    failWhile: (file) => ({ LD_PRELOAD: library, FAIL_SYNCS: file }),
  }
}
