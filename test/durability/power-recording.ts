// A server under load on a disk whose operations are written down, and what its clients were promised
// meanwhile. The number of the last operation is their clock: what was promised when the log had N
// operations is owed by every state from operation N on.
import { mkdir, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runOk } from '../support/processes.ts'
import { startRegistry, withoutSettings, type StartedRegistry } from '../support/start-registry.ts'
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
  readonly files: readonly LastingFile[]
  /** From this operation on somebody knows that the server is ready. */
  readonly readyFrom: number
  readonly problems: readonly string[]
  readonly acknowledged: number
}

/** Owed by states from one operation on, up to the one at which somebody begins to change it. */
export interface LastingFile extends ExpectedFile {
  readonly from: number
  until: number
}

export interface RecordingOptions {
  readonly seed: string
  /** Kept by the caller, and of a quick file system. */
  readonly folder: string
  readonly library: string
  readonly env: Readonly<Record<string, string>>
  /** Of load, in each of the server's lives. */
  readonly loadMs: number
  /** Backups are made and restored too. */
  readonly commands?: boolean
}

const carrel = fileURLToPath(new URL('../../carrel', import.meta.url))
const anchorOnce = fileURLToPath(new URL('anchor-once.ts', import.meta.url))
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
  readonly files: LastingFile[]
  readonly problems: string[]
  readyFrom: number
  acknowledged: number
  password: string | undefined
}

/** Three lives: the first ends by SIGKILL, the second drains, the third begins on what that left. */
export async function record(options: RecordingOptions): Promise<Recording> {
  const { folder, library } = options
  const root = join(folder, 'disk')
  await mkdir(root)
  const { ino: rootNumber } = await stat(root)
  using calls = followSystemCalls({
    library,
    root,
    logFile: join(folder, 'operations'),
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
  if (options.commands === true) await runCommands(recorder)
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
    for (const folder of lastingFolders) await expectFiles(recorder, `new/data/${folder}`)
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

/** Each has promised what it says when it ends well. */
async function runCommands(recorder: Recorder): Promise<void> {
  const { root } = recorder
  const [data, backup, restored] = ['data', 'backup', 'restored'].map((name) =>
    join(root, 'new', name),
  ) as [string, string, string]
  const heads = 'new/data/audit-heads.jsonl'
  for (let count = 0; count < 2; count += 1) {
    await run(recorder, process.execPath, ['--no-warnings', anchorOnce, data], heads)
  }
  await run(recorder, carrel, ['backup', 'create', backup, '--data', data], 'new/backup')
  const restore = ['backup', 'restore', backup, '--data', restored]
  await run(recorder, carrel, restore, 'new/restored')
}

async function run(
  recorder: Recorder,
  program: string,
  args: readonly string[],
  result: string,
): Promise<void> {
  const { options, calls } = recorder
  for (const file of recorder.files) {
    if (file.path.startsWith(result) && file.until === Infinity) file.until = calls.sequence()
  }
  const env = { ...withoutSettings(process.env), ...options.env, ...calls.env }
  await runOk(program, args, { env })
  await expectFiles(recorder, result)
}

/** What lies there now, or the file itself. */
async function expectFiles({ root, calls, files }: Recorder, path: string): Promise<void> {
  const from = calls.sequence()
  const place = join(root, path)
  const names = (await stat(place)).isFile() ? [''] : await readdir(place, { recursive: true })
  for (const name of names) {
    const file = join(place, name)
    // A log is part of its database; a lock and the index of a log hold nothing.
    if (!(await stat(file)).isFile() || /(?:-shm|-wal|\.lock)$/.test(name)) continue
    const digest = sha256Of(await readFile(file))
    files.push({ path: join(path, name), digest, from, until: Infinity })
  }
}

function shared(bytes: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(bytes.length)
  new Uint8Array(memory).set(bytes)
  return memory
}
