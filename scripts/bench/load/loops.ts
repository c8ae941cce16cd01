// How requests follow each other: each as soon as the one before is answered, or at a fixed rate
// whatever the answers do.
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../statistics.ts'
import { Connection, type Target } from '../wire.ts'

/** What came of the requests. Figures count only where `failures` is empty. */
export interface Tally {
  readonly done: number
  /** Why a request failed, and how often. */
  readonly failures: Readonly<Record<string, number>>
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface ClosedLoop {
  readonly target: Target
  readonly connections: number
  readonly seconds: number
}

export interface PacedLoop extends ClosedLoop {
  readonly perSecond: number
}

type Step = (connection: Connection, index: number) => Promise<void>

/** So many failures in a row are an outage, and going on would only heat the machine. */
const mostFailures = 50

/** Each connection asks, waits for the answer and asks again, until the time is over. */
export async function runClosed(loop: ClosedLoop, step: Step): Promise<Tally> {
  const counter = createCounter()
  const began = performance.now()
  const end = began + loop.seconds * 1000
  const one = async () => {
    using connection = new Connection(loop.target)
    while (performance.now() < end && counter.failed < mostFailures) {
      await counter.time(performance.now(), async (index) => step(connection, index))
    }
  }
  await Promise.all(Array.from({ length: loop.connections }, one))
  return counter.tally((performance.now() - began) / 1000)
}

/**
 * A request is due every so often. One that finds no free connection waits for it, and that counts as
 * its time too; what the generator's own timer is late does not.
 */
export async function runPaced(loop: PacedLoop, step: Step): Promise<Tally> {
  const { target, connections, perSecond, seconds } = loop
  const counter = createCounter()
  using stack = new DisposableStack()
  const free = Array.from({ length: connections }, () => stack.use(new Connection(target)))
  const queue: number[] = []
  const running = new Set<Promise<void>>()
  const startNext = () => {
    const connection = queue.length > 0 ? free.pop() : undefined
    if (connection === undefined) return
    const due = queue.shift() as number
    const run = counter
      .time(due, async (index) => step(connection, index))
      .finally(() => {
        running.delete(run)
        free.push(connection)
        startNext()
      })
    running.add(run)
  }
  const began = performance.now()
  const count = Math.round(perSecond * seconds)
  for (let index = 0; index < count && counter.failed < mostFailures; index += 1) {
    const wait = began + (index * 1000) / perSecond - performance.now()
    if (wait > 0) await sleep(wait)
    queue.push(performance.now())
    startNext()
  }
  while (running.size > 0) await Promise.all(running)
  return counter.tally((performance.now() - began) / 1000)
}

interface Counter {
  readonly failed: number
  readonly time: (began: number, step: (index: number) => Promise<void>) => Promise<void>
  readonly tally: (seconds: number) => Tally
}

function createCounter(): Counter {
  const latencies: number[] = []
  const failures: Record<string, number> = {}
  let started = 0
  let failed = 0
  return {
    get failed() {
      return failed
    },
    async time(began, step) {
      started += 1
      try {
        await step(started - 1)
        latencies.push(performance.now() - began)
      } catch (error) {
        const { message } = error as Error
        failures[message] = (failures[message] ?? 0) + 1
        failed += 1
      }
    },
    tally: (seconds) => ({
      done: latencies.length,
      failures,
      seconds,
      p50Ms: percentile(latencies, 50),
      p99Ms: percentile(latencies, 99),
    }),
  }
}
