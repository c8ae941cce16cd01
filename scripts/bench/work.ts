// What can be measured: a piece of work that each contender does in its turn, and the lines of the
// table that come of it.
import type { Bench } from './bench.ts'
import type { Contender, Login } from './door.ts'

/** Named figures of one turn. */
export type Figures = Readonly<Record<string, number>>

/** A contender that is ready to be measured. */
export interface Session extends AsyncDisposable {
  readonly warmUp: () => Promise<void>
  /** @throws {Error} when an answer was wrong: then there is no figure */
  readonly turn: () => Promise<Figures>
}

export interface Line {
  readonly title: string
  readonly figure: string
  readonly unit: string
  readonly digits: number
  readonly better: 'more' | 'less'
  /** Whose figures are compared. */
  readonly carrel: Login
  /** Undefined: no peer has such a figure. */
  readonly peers?: Login
}

export interface Work {
  readonly name: string
  readonly about: string
  /** A program that this work cannot do without. */
  readonly needs?: 'curl'
  readonly lines: readonly Line[]
  readonly open: (bench: Bench, contender: Contender) => Promise<Session>
}

export const nothingToWarm = async (): Promise<void> => undefined

/** A failure that happened many times, in one sentence. @throws {Error} when there is any */
export function requireNoFailure(failures: Readonly<Record<string, number>>): void {
  const [worst] = Object.entries(failures).toSorted(([, a], [, b]) => b - a)
  if (worst === undefined) return
  const [what, count] = worst
  throw new Error(count === 1 ? what : `${what}, ${count} times`)
}
