// Rounds of: push as fast as the server answers, begin a backup, SIGKILL it at a random moment, once or more, make it again, restore it
// to an empty folder, compare. Every now and then all begins anew, so that a round stays as short as the first one.
import { setTimeout as sleep } from 'node:timers/promises'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BackupCommands } from '../../src/cli/backup.ts'
import { composeBackup } from '../../src/compose-backup.ts'
import { parseConfig, type Config } from '../../src/config/config.ts'
import { startRegistry, withoutSettings, type StartedRegistry } from '../support/start-registry.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { createAcknowledgementLog, type AcknowledgementLog } from './acknowledgements.ts'
import { signIn } from './client.ts'
import { createShelf, startLoad } from './push-load.ts'
import { createRandom, type Random } from './random.ts'
import { compareRestored, expectedBetween } from './restored-contents.ts'
import type { Shelf } from './worker.ts'

export interface BackupRoundsOptions {
  readonly seed: string
  readonly kills: number
  readonly env: Readonly<Record<string, string>>
}

export interface BackupReport {
  readonly problems: readonly string[]
  readonly acknowledged: number
  /** Runs that were still going when they were killed. */
  readonly killed: number
  /** Of those, runs that had begun to write. */
  readonly amidst: number
  readonly compared: number
}

const carrel = fileURLToPath(new URL('../../carrel', import.meta.url))
const repositories = ['admin/one', 'admin/two', 'admin/deep/er/three']
const runsOfOne = 10
const largestBlob = 100_000

interface State {
  readonly options: BackupRoundsOptions
  readonly random: Random
  readonly commands: BackupCommands
  readonly problems: string[]
  /** Begun to be killed. */
  runs: number
  acknowledged: number
  killed: number
  amidst: number
  compared: number
}

/** One registry, its clients, and the folder of its backup. */
interface Scene {
  readonly registry: StartedRegistry
  readonly config: Config
  readonly authorization: string
  readonly log: AcknowledgementLog
  readonly shelf: Shelf
  readonly folder: string
  readonly to: string
}

export async function backupRounds(options: BackupRoundsOptions): Promise<BackupReport> {
  const state: State = {
    options,
    random: createRandom(options.seed),
    commands: composeBackup(),
    problems: [],
    runs: 0,
    acknowledged: 0,
    killed: 0,
    amidst: 0,
    compared: 0,
  }
  while (state.runs < options.kills && state.problems.length === 0) await manyRounds(state)
  return state
}

async function manyRounds(state: State): Promise<void> {
  await using folder = await temporaryFolder('backup')
  const data = join(folder.path, 'data')
  const { env, seed } = state.options
  await using registry = await startRegistry({ data, env, postgres: false })
  const scene: Scene = {
    registry,
    config: configOf(data),
    authorization: await signIn(registry, repositories),
    log: createAcknowledgementLog(),
    shelf: createShelf(repositories),
    folder: folder.path,
    to: join(folder.path, 'backup'),
  }
  const last = Math.min(state.runs + runsOfOne, state.options.kills)
  while (state.runs < last && state.problems.length === 0) {
    await oneRound(state, scene)
    for (const [index, problem] of state.problems.entries()) {
      state.problems[index] = `Run ${state.runs} of seed ${seed}: ${problem}`
    }
  }
  await registry.kill()
}

async function oneRound(state: State, scene: Scene): Promise<void> {
  const { random, commands } = state
  const { log, config, to, folder } = scene
  const load = startLoad({
    port: scene.registry.port,
    authorization: scene.authorization,
    log,
    random,
    shelf: scene.shelf,
    clients: 2,
    largestBlob,
  })
  // Sometimes several in a row: what each has left is there when the next one begins.
  for (let runs = random.whole(1, 3); runs > 0 && state.runs < state.options.kills; runs -= 1) {
    state.runs += 1
    await runAndKill(state, scene)
  }
  const from = log.now()
  const made = await commands.create(config, requestOf(to))
  const until = log.now()
  state.problems.push(...(await load.stop('lives')))
  state.acknowledged += load.counts.acknowledged
  if (!made.complete) state.problems.push(`incomplete: ${JSON.stringify(made.missing)}`)

  const place = await mkdtemp(join(folder, 'restored-'))
  const restored = await commands.restore(configOf(place), requestOf(to))
  if (restored.snapshot !== made.snapshot) state.problems.push('An older snapshot came back.')
  if (!restored.ok) state.problems.push(`not whole: ${JSON.stringify(restored.problems)}`)
  const expected = expectedBetween(log, from, until)
  state.problems.push(...(await compareRestored(place, expected)))
  state.compared += expected.blobs.length + expected.manifests.length + expected.tags.length
  await rm(place, { recursive: true })
}

/** Most are killed after they have begun to write; the others at any time since their start. */
const killedAmidst = 0.75
const longestStartMs = 1000
const longestWorkMs = 500

async function runAndKill(state: State, { registry, to }: Scene): Promise<void> {
  const { random, options } = state
  const args = ['backup', 'create', to, '--data', registry.dataDir, '--keep', '2']
  const env = { ...withoutSettings(process.env), ...options.env }
  const child = spawn(carrel, args, { env, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  const begun = new Promise<boolean>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      // The first thing that it says comes when the target is open.
      if (text.includes('same disk')) resolve(true)
    })
  })
  const ended = new Promise<false>((resolve) => child.on('close', () => resolve(false)))
  let isAmidst = false
  if (random.chance(killedAmidst)) {
    isAmidst = await Promise.race([begun, ended])
    await Promise.race([sleep(random.next() * longestWorkMs), ended])
  } else await Promise.race([sleep(random.next() * longestStartMs), ended])
  if (child.exitCode === null) {
    state.killed += 1
    if (isAmidst) state.amidst += 1
    // The launcher and what it started: nothing of it goes on.
    process.kill(-(child.pid ?? 0), 'SIGKILL')
  }
  await ended
}

export function requestOf(to: string) {
  const keys = { open: async () => undefined, begin: async () => undefined, isWanted: false }
  return { to, keys, onProgress: () => undefined, warn: () => undefined }
}

export function configOf(dataDir: string): Config {
  const value = { value: dataDir, name: 'test', source: 'flag', base: '/' } as const
  const raw = { values: { data: value }, warnings: [], problems: [], cwd: '/' }
  const { config, problems } = parseConfig(raw)
  if (config === undefined) throw new Error(problems.join('\n'))
  return config
}
