// A server under load on a disk whose operations are written down, and what its clients were promised
// meanwhile. The number of the last operation is their clock: what was promised when the log had N
// operations is owed by every state from operation N on.
import { mkdir, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startRegistry, type StartedRegistry } from '../support/start-registry.ts'
import {
  createAcknowledgementLog,
  type AcknowledgementLog,
  type Operation,
} from './acknowledgements.ts'
import { signIn } from './client.ts'
import { sha256Of } from './digest.ts'
import type { ExpectedFile } from './power-oracle.ts'
import { createShelf, startLoad } from './push-load.ts'
import { createRandom, type Random } from './random.ts'
import { followSystemCalls, type SystemCalls } from './system-calls.ts'
import type { Shelf } from './worker.ts'

export interface Recording {
  /** Bytes of system-calls.c, for all threads. */
  readonly records: SharedArrayBuffer
  readonly root: string
  readonly rootNumber: number
  readonly acknowledgements: readonly Operation[]
  readonly files: readonly (ExpectedFile & { readonly from: number })[]
  /** From this operation on somebody knows that the server is ready. */
  readonly readyFrom: number
  readonly problems: readonly string[]
  readonly acknowledged: number
}

export interface RecordingOptions {
  readonly seed: string
  /** Kept by the caller, and of a quick file system. */
  readonly folder: string
  readonly library: string
  readonly env: Readonly<Record<string, string>>
  /** Of load, in each of the server's lives. */
  readonly loadMs: number
}

const repositories = ['admin/one', 'admin/two']
const recordBytes = 1 << 30
/** Small, because every state is read to its last byte. */
const largestBlob = 60_000
/** Kept outside of the database, for as long as the installation lives. */
const lastingFolders = ['tls', 'keys']

interface Recorder {
  readonly options: RecordingOptions
  readonly root: string
  readonly calls: SystemCalls
  readonly log: AcknowledgementLog
  readonly shelf: Shelf
  readonly random: Random
  readonly files: (ExpectedFile & { readonly from: number })[]
  readonly problems: string[]
  readyFrom: number
  acknowledged: number
  password: string | undefined
}

/** Three lives: the first ends by SIGKILL, the second drains, the third begins on what that left. */
export async function record(options: RecordingOptions): Promise<Recording> {
  const root = join(options.folder, 'disk')
  await mkdir(root)
  const { ino: rootNumber } = await stat(root)
  using calls = followSystemCalls({
    library: options.library,
    root,
    logFile: join(options.folder, 'operations'),
    recordBytes,
  })
  const recorder: Recorder = {
    options,
    root,
    calls,
    log: createAcknowledgementLog({ clock: calls.sequence }),
    shelf: createShelf(repositories),
    random: createRandom(options.seed),
    files: [],
    problems: [],
    readyFrom: Infinity,
    acknowledged: 0,
    password: undefined,
  }
  await live(recorder, 'is killed')
  await live(recorder, 'drains')
  await live(recorder, 'is killed')
  return {
    records: shared(calls.records()),
    root,
    rootNumber,
    acknowledgements: recorder.log.operations(),
    files: recorder.files,
    readyFrom: recorder.readyFrom,
    problems: recorder.problems,
    acknowledged: recorder.acknowledged,
  }
}

async function live(recorder: Recorder, end: 'is killed' | 'drains'): Promise<void> {
  const { options, calls, root, problems } = recorder
  if (problems.length > 0) return
  await using registry = await startRegistry({
    // The data folder and the one above it are the server's to make.
    data: join(options.folder, 'unused'),
    args: ['--data', join(root, 'new', 'data')],
    env: { ...options.env, ...calls.env, CARREL_WORKERS: '2', CARREL_LOG_LEVEL: 'error' },
    postgres: false,
  })
  if (recorder.readyFrom === Infinity) {
    recorder.files.push(...(await lastingFilesOf(root, calls.sequence())))
    recorder.readyFrom = calls.sequence()
  }
  recorder.password ??= registry.password
  const authorization = await signIn({ ...registry, password: recorder.password }, repositories)
  // One client leaves nothing else under way when it is answered; several share commits and syncs.
  for (const clients of [1, 4]) await load(recorder, { registry, authorization, clients })
  if (end === 'drains') await registry.stop()
  else await registry.kill()
}

async function load(
  recorder: Recorder,
  of: {
    readonly registry: StartedRegistry
    readonly authorization: string
    readonly clients: number
  },
): Promise<void> {
  const { options, log, random, shelf, problems } = recorder
  const { authorization, clients } = of
  const { port } = of.registry
  const running = startLoad({
    port,
    authorization,
    log,
    random,
    shelf,
    clients,
    largestBlob,
    deletes: true,
  })
  await sleep(options.loadMs / 2)
  problems.push(...(await running.stop('lives')))
  recorder.acknowledged += running.counts.acknowledged
}

async function lastingFilesOf(
  root: string,
  from: number,
): Promise<readonly (ExpectedFile & { readonly from: number })[]> {
  const found: (ExpectedFile & { readonly from: number })[] = []
  for (const folder of lastingFolders) {
    for (const name of await readdir(join(root, 'new', 'data', folder))) {
      const path = `new/data/${folder}/${name}`
      found.push({ path, from, digest: sha256Of(await readFile(join(root, path))) })
    }
  }
  return found
}

function shared(bytes: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(bytes.length)
  new Uint8Array(memory).set(bytes)
  return memory
}
