// One work, by all contenders in turn: A B C A B C, so that what changes on the machine meanwhile
// happens to all of them.
import type { Bench } from './bench.ts'
import type { Contender, Login } from './door.ts'
import { median } from './statistics.ts'
import type { Subject } from './subjects/subject.ts'
import type { Figures, Session, Work } from './work.ts'

/** What came of one contender's turns: figures, or why there are none. */
export interface Outcome {
  readonly work: string
  readonly subject: string
  readonly login: Login
  readonly turns: readonly Figures[]
  readonly medians: Figures
  /** Then the figures count for nothing. */
  readonly failure?: string
}

interface Runner {
  readonly contender: Contender
  readonly turns: Figures[]
  session?: Session
  failure?: string
}

export async function runWork(
  bench: Bench,
  work: Work,
  subjects: readonly Subject[],
): Promise<readonly Outcome[]> {
  const runners: Runner[] = contendersOf(work, subjects).map((contender) => ({
    contender,
    turns: [],
  }))
  await using stack = new AsyncDisposableStack()
  for (const runner of runners) {
    await attempt(bench, work, runner, async () => {
      runner.session = stack.use(await work.open(bench, runner.contender))
      await runner.session.warmUp()
    })
  }
  for (let round = 1; round <= bench.options.rounds; round += 1) {
    for (const runner of runners) {
      const { session } = runner
      if (session === undefined) continue
      await attempt(bench, work, runner, async () => {
        const figures = await session.turn()
        runner.turns.push(figures)
        bench.say(`${labelOf(work, runner)}, round ${round}: ${figuresText(figures)}`)
      })
    }
  }
  return runners.map((runner) => outcomeOf(work, runner))
}

/** Every subject, with each login that a line of the table asks for. */
export function contendersOf(
  { lines }: Pick<Work, 'lines'>,
  subjects: readonly Subject[],
): readonly Contender[] {
  return subjects.flatMap((subject) => {
    const wanted = lines.map((line) => (subject.kind === 'carrel' ? line.carrel : line.peers))
    const logins = new Set(wanted.filter((login) => login !== undefined))
    return [...logins].map((login) => ({ subject, login }))
  })
}

/** A contender that failed is told of at once and has no further turns. */
async function attempt(
  bench: Bench,
  work: Work,
  runner: Runner,
  step: () => Promise<void>,
): Promise<void> {
  if (runner.failure !== undefined) return
  bench.interrupted.throwIfAborted()
  try {
    await step()
  } catch (error) {
    // What is interrupted has not failed.
    bench.interrupted.throwIfAborted()
    runner.failure = (error as Error).message
    bench.say(`${labelOf(work, runner)} FAILED: ${runner.failure}`)
  }
}

function outcomeOf(work: Work, { contender, turns, failure }: Runner): Outcome {
  const names = Object.keys(turns[0] ?? {})
  const medians = names.map((name) => [name, median(turns.map((turn) => turn[name] ?? NaN))])
  return {
    work: work.name,
    subject: contender.subject.name,
    login: contender.login,
    turns,
    medians: Object.fromEntries(medians) as Figures,
    ...(failure !== undefined && { failure }),
  }
}

function labelOf(work: Work, { contender }: Runner): string {
  return `${work.name}: ${contender.subject.title} (${contender.login})`
}

function figuresText(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value < 100 ? value.toFixed(2) : Math.round(value)}`)
    .join(', ')
}
