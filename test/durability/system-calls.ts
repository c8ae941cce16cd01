// Builds system-calls.c and talks to it through the file that it shares with the server: reads what
// was written down, counts calls, and chooses the call at which the server dies or meets an error.
import { spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runOk } from '../support/processes.ts'

/** In the order of the C source. */
export const calls = [
  'create',
  'write',
  'truncate',
  'sync',
  'rename',
  'link',
  'unlink',
  'mkdir',
  'rmdir',
  'close',
  'allocate',
  'unknown',
] as const
export type CallName = (typeof calls)[number]

/** What a file or folder is for, by its path below the root; the first pattern that fits. */
const patterns = [
  ['the database', 'new/data/carrel.db'],
  ["the database's log", 'new/data/carrel.db-wal'],
  ["the database's journal", 'new/data/carrel.db-journal'],
  ['the lock', 'new/data/server.lock*'],
  ['a temporary file', 'new/data/storage/.tmp/*'],
  ['an upload', 'new/data/storage/uploads/*'],
  ['a blob', 'new/data/storage/blobs/*/*/*'],
  ['a shard folder', 'new/data/storage/blobs/*/*'],
  ['an algorithm folder', 'new/data/storage/blobs/*'],
  ['the folder of blobs', 'new/data/storage/blobs'],
  ['the folder of uploads', 'new/data/storage/uploads'],
  ['the folder of temporary files', 'new/data/storage/.tmp'],
  ['the journal', 'new/data/storage/journal/*'],
  ['the journal', 'new/data/storage/journal/*/*'],
  ['the folder of the journal', 'new/data/storage/journal'],
  ['the quarantine', 'new/data/storage/quarantine/*'],
  ['the quarantine', 'new/data/storage/quarantine/*/*'],
  ['the folder of the quarantine', 'new/data/storage/quarantine'],
  ['the storage folder', 'new/data/storage'],
  ['a key', 'new/data/keys/*'],
  ['the folder of keys', 'new/data/keys'],
  ['a certificate', 'new/data/tls/*'],
  ['the folder of certificates', 'new/data/tls'],
  ['the anchored heads', 'new/data/audit-heads*'],
  ['the data folder', 'new/data'],
  ['the database that is restored', 'new/restored/carrel.db*'],
  ['the folder that is restored', 'new/restored'],
  ['a file that is restored', 'new/restored/*'],
  ['a file that is restored', 'new/restored/keys/*'],
  ['a file that is restored', 'new/restored/tls/*'],
  ['a temporary file of the backup', 'new/backup/.tmp/*'],
  ['the backup', 'new/backup'],
  ['a folder of the backup', 'new/backup/*'],
  ['a folder of the backup', 'new/backup/*/*'],
  ['a file of the backup', 'new/backup/*/*/*'],
  ['a file of the backup', 'new/backup/*/*/*/*'],
  ['a folder above the data folder', 'new'],
  ['the folder above all', ''],
] as const

export const kinds: readonly string[] = [...patterns.map(([name]) => name), 'something else']

export type Action = 'kill before' | 'kill in the middle' | 'kill after' | 'fail' | 'write half'
const actions = ['kill before', 'kill in the middle', 'kill after', 'fail', 'write half'] as const

export interface ChosenCall {
  readonly call: CallName | 'any'
  /** An index into `kinds`; without it, any. */
  readonly kind?: number
  /** The first is 1. */
  readonly nth: number
  readonly action: Action
  readonly error?: keyof typeof constants.errno
  /** The calls after it fail as well. */
  readonly lasting?: boolean
}

export interface SystemCalls extends Disposable {
  /** For the server; its data lies below the root. */
  readonly env: Readonly<Record<string, string>>
  /** The number of the last operation. */
  sequence(): number
  choose(chosen: ChosenCall): void
  /** No call is chosen any more; returns how many there have been of the kind that was. */
  release(): number
  /** So many calls there have been of the kind that is chosen. */
  hits(): number
  /** By `call` and kind: how often it was made since the beginning. */
  counts(): ReadonlyMap<string, number>
  /** The bytes of the records. */
  records(): Buffer
}

const controlBytes = 65_536
const place = { sequence: 0, tail: 8, capacity: 16, overflow: 24, armed: 32, hits: 60, counts: 64 }
const kindsPerCall = 48
const any = 255

/** Undefined when it can be had here. */
export function whyNoSystemCalls(): string | undefined {
  if (process.platform !== 'linux') return 'system calls are followed on Linux only'
  return spawnSync('gcc', ['--version']).error === undefined ? undefined : 'gcc is not installed'
}

export async function buildSystemCalls(folder: string): Promise<string> {
  const source = fileURLToPath(new URL('system-calls.c', import.meta.url))
  const library = join(folder, 'system-calls.so')
  await runOk('gcc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl', '-pthread'])
  return library
}

export interface FollowOptions {
  readonly library: string
  readonly root: string
  /** Made anew. On another file system than the root when a disk is to be full. */
  readonly logFile: string
  /** So much is written down at most; without it, calls are counted only. */
  readonly recordBytes?: number
}

export function followSystemCalls(options: FollowOptions): SystemCalls {
  const { library, root, logFile, recordBytes = 0 } = options
  const file = openSync(logFile, 'w+')
  ftruncateSync(file, controlBytes + recordBytes)
  const word = Buffer.alloc(8)
  const read64 = (at: number) => {
    readSync(file, word, 0, 8, at)
    return Number(word.readBigUInt64LE())
  }
  const write64 = (at: number, value: number) => {
    word.writeBigUInt64LE(BigInt(value))
    writeSync(file, word, 0, 8, at)
  }
  write64(place.capacity, recordBytes)
  const hits = () => {
    readSync(file, word, 0, 4, place.hits)
    return word.readUInt32LE()
  }
  const sites = new URL('sync-sites.ts', import.meta.url).href
  return {
    env: {
      LD_PRELOAD: library,
      SYSTEM_CALLS_LOG: logFile,
      SYSTEM_CALLS_ROOT: root,
      SYSTEM_CALLS_KINDS: patterns.map(([, pattern]) => pattern).join('\n'),
      UV_USE_IO_URING: '0',
      ...(recordBytes > 0 && { NODE_OPTIONS: `--import=${sites}` }),
    },
    sequence: () => read64(place.sequence),
    choose({ call, kind = any, nth, action, error = 'EIO', lasting = false }) {
      const plan = Buffer.alloc(32)
      const values = [
        1,
        call === 'any' ? any : calls.indexOf(call),
        kind,
        nth,
        1 + actions.indexOf(action),
        constants.errno[error],
        lasting ? 1 : 0,
        0,
      ]
      for (const [index, value] of values.entries()) plan.writeUInt32LE(value, 4 * index)
      // The first word arms it.
      writeSync(file, plan, 4, plan.length - 4, place.armed + 4)
      writeSync(file, plan, 0, 4, place.armed)
    },
    hits,
    release() {
      writeSync(file, Buffer.alloc(4), 0, 4, place.armed)
      return hits()
    },
    counts() {
      const bytes = Buffer.alloc(calls.length * kindsPerCall * 4)
      readSync(file, bytes, 0, bytes.length, place.counts)
      const found = new Map<string, number>()
      for (const [callIndex, call] of calls.entries()) {
        for (const [kind, name] of kinds.entries()) {
          const count = bytes.readUInt32LE(4 * (callIndex * kindsPerCall + kind))
          const key = `${call} of ${name}`
          if (count > 0) found.set(key, (found.get(key) ?? 0) + count)
        }
      }
      return found
    },
    records() {
      if (read64(place.overflow) !== 0) throw new Error('More was done than the log holds.')
      return readFileSync(logFile).subarray(controlBytes, controlBytes + read64(place.tail))
    },
    [Symbol.dispose]: () => closeSync(file),
  }
}
