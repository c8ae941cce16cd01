// Reads by wrk, which costs least of all generators: one process, one thread, 32 connections.
import { runOk } from '../../test/support/processes.ts'
import { authorizationHeader, manifestType } from './registry-calls.ts'
import type { Target } from './wire.ts'

export interface WrkReads {
  readonly target: Target
  readonly path: string
  readonly authorization: string | undefined
  readonly connections: number
  readonly seconds: number
}

/** Returns answers per second. @throws {Error} when any answer was an error */
export async function readWithWrk(program: string, reads: WrkReads): Promise<number> {
  const headers = { Accept: manifestType, ...authorizationHeader(reads.authorization) }
  const { stdout } = await runOk(
    program,
    [
      '--threads=1',
      `--connections=${reads.connections}`,
      `--duration=${reads.seconds}s`,
      '--timeout=10s',
      ...Object.entries(headers).map(([name, value]) => `--header=${name}: ${value}`),
      `http://127.0.0.1:${reads.target.port}${reads.path}`,
    ],
    { timeoutMs: (reads.seconds + 60) * 1000 },
  )
  return parseWrk(stdout)
}

/** @throws {Error} when the report tells of errors, or is none */
export function parseWrk(report: string): number {
  const wrong = /Non-2xx or 3xx responses: (\d+)/.exec(report)?.[1]
  if (wrong !== undefined) throw new Error(`${wrong} answers were no 2xx`)
  const broken = /Socket errors: (.*)/.exec(report)?.[1]
  if (broken !== undefined) throw new Error(`socket errors: ${broken}`)
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1])
  if (!(rate > 0)) throw new Error(`wrk measured nothing: ${report.trim()}`)
  return rate
}
