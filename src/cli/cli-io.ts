// The outside of a command: three streams, the environment, the working folder. Process objects fit.
import type { Readable, Writable } from 'node:stream'

export interface InputStream extends Readable {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
}

export interface OutputStream extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface CliIo {
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** What the person typed to get here, for the lines to type next: `carrel` or `./carrel`. */
  readonly program: string
}

/** NO_COLOR and FORCE_COLOR decide; else a terminal that is not `dumb` gets colour. */
export function hasColor(stream: OutputStream, env: CliIo['env']): boolean {
  if (env['NO_COLOR']) return false
  const forced = env['FORCE_COLOR']
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}

/** Whether lines may be overwritten in place. */
export function isLively(stream: OutputStream, env: CliIo['env']): boolean {
  return stream.isTTY === true && env['TERM'] !== 'dumb' && !env['CI']
}

const narrowest = 40
const widest = 200

export function widthOf(stream: OutputStream): number {
  return Math.min(widest, Math.max(narrowest, stream.columns ?? 80))
}
