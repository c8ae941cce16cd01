// Reads at a steady rate while large layers are pushed: who hashes on the thread that answers, or
// waits for the disk there, shows it here.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { openDoor, scopesOf, signIn, type Contender } from '../door.ts'
import { settleDisk } from '../settle-disk.ts'
import { requireNoFailure, type Figures, type Session, type Work } from '../work.ts'
import { pushSample, sample } from './reads.ts'

const pushes = 4
const mebibytesPerSecond = 64
const readsPerSecond = 200
const connections = 16
const pushersLeadMs = 300
const repositories = Array.from({ length: pushes }, (_, index) => `admin/beside${index}`)
const latency = { unit: ' ms', digits: 1, better: 'less', carrel: 'bearer', peers: 'open' } as const
const title = `GET manifest at ${readsPerSecond}/s beside ${pushes} pushes at ${mebibytesPerSecond} MiB/s`

export const besideWork: Work = {
  name: 'beside',
  about: title,
  lines: [
    { title: `${title}: p50`, figure: 'p50Ms', ...latency },
    { title: `${title}: p99`, figure: 'p99Ms', ...latency },
  ],
  open: openBeside,
}

async function openBeside(bench: Bench, contender: Contender): Promise<Session> {
  await using stack = new AsyncDisposableStack()
  const all = [sample.repository, ...repositories]
  const door = stack.use(await openDoor(bench, contender, { repositories: all }))
  await pushSample(door)
  const measure = async (seconds: number): Promise<Figures> => {
    const authorization = await signIn(door.target, contender.login, scopesOf(all))
    const { target } = door
    const pushing = bench.besideLoad.run({
      kind: 'upload',
      count: pushes,
      mebibytes: mebibytesPerSecond * (seconds + 1),
      target,
      authorization,
      repositories,
      mebibytesPerSecond,
    })
    const reading = sleep(pushersLeadMs).then(async () =>
      bench.load.run({
        kind: 'read',
        method: 'GET',
        paths: [sample.path],
        perSecond: readsPerSecond,
        target,
        authorization,
        connections,
        seconds,
      }),
    )
    const [pushed, tally] = await Promise.all([pushing, reading])
    requireNoFailure({ ...pushed.failures, ...tally.failures })
    return { p50Ms: tally.p50Ms, p99Ms: tally.p99Ms }
  }
  const disposables = stack.move()
  return {
    async warmUp() {
      await measure(1)
    },
    async turn() {
      await settleDisk(bench.folder)
      return measure(bench.options.seconds)
    },
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}
