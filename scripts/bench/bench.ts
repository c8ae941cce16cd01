// What every part of a run shares, made once at its start.
import type { LoadProcess } from './load/load-process.ts'
import type { Options } from './options.ts'
import type { Certificate } from './certificate.ts'

export interface Bench {
  readonly options: Options
  /** Everything that the run writes lies in it. */
  readonly folder: string
  readonly certificate: Certificate
  /** Aborted when a person or a supervisor wants the run to end. */
  readonly interrupted: AbortSignal
  readonly load: LoadProcess
  /** A second one, for what goes on beside a measurement. */
  readonly besideLoad: LoadProcess
  /** Paths of the programs that were found. */
  readonly wrk: string | undefined
  readonly curl: string | undefined
  /** One line for the person who waits. */
  readonly say: (line: string) => void
}
