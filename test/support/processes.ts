// Programs for system tests: run to their end within a time limit, or started, watched and ended by
// pid. Nothing started here outlives its test: run-tests.mjs ends the process group that is left.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Ended {
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
}

export interface ProgramResult extends Ended {
  readonly stdout: string
  readonly stderr: string
  /** Both, in the order in which they came. */
  readonly output: string
}

export interface ProgramOptions {
  readonly env?: Environment
  readonly cwd?: string
  /** What it reads from its standard input. */
  readonly input?: string
  readonly timeoutMs?: number
  readonly uid?: number
  readonly gid?: number
}

const longestRunMs = 60_000
const mostOutput = 8 * 1024 * 1024

/** Runs a program to its end, whatever its exit status. It is killed when its time is over. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const { env = process.env, input = '', timeoutMs = longestRunMs, ...more } = options
  const child = spawn(command, args, { env: { ...env }, stdio: 'pipe', ...more })
  const heard = { stdout: '', stderr: '', output: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      if (heard.output.length > mostOutput) return
      heard[name] += text
      heard.output += text
    })
  }
  // A program that does not read its input closes it: that is its affair.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const timer = setTimeout(() => {
    heard.output += `\n(killed after ${timeoutMs / 1000} s)`
    child.kill('SIGKILL')
  }, timeoutMs)
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: code ?? undefined, signal: signal ?? undefined, ...heard })
    })
  })
}

/** Like `runProgram`; any other end than exit status 0 is an error that shows what was said. */
export async function runOk(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const result = await runProgram(command, args, options)
  if (result.code === 0) return result
  const end = result.signal ?? `exit status ${result.code}`
  throw new Error(`${command} ${args.join(' ')}: ${end}\n${result.output.trim()}`)
}

export interface Daemon extends AsyncDisposable {
  readonly pid: number
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ended>
  readonly isRunning: () => boolean
  readonly log: () => string
  /** Sends the signal and waits; SIGKILL follows after `graceMs`. */
  readonly stop: (signal?: NodeJS.Signals, graceMs?: number) => Promise<Ended>
}

export interface DaemonOptions extends Omit<ProgramOptions, 'input' | 'timeoutMs'> {
  /** Gets all that the process says. */
  readonly logFile: string
  /** How it is ended at dispose; by default SIGKILL. */
  readonly endWith?: NodeJS.Signals
}

/** Starts a program that goes on running. It is of our process group, so it never outlives the run. */
export async function startDaemon(
  command: string,
  args: readonly string[],
  options: DaemonOptions,
): Promise<Daemon> {
  const { env = process.env, logFile, endWith = 'SIGKILL', ...more } = options
  const log = openSync(logFile, 'a')
  const child = spawn(command, args, { env: { ...env }, stdio: ['ignore', log, log], ...more })
  closeSync(log)
  const ended = new Promise<Ended>((resolve) => {
    child.on('exit', (code, signal) => {
      resolve({ code: code ?? undefined, signal: signal ?? undefined })
    })
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  const isRunning = () => child.exitCode === null && child.signalCode === null
  const stop = async (signal: NodeJS.Signals = 'SIGTERM', graceMs = 20_000): Promise<Ended> => {
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    const end = await ended
    clearTimeout(timer)
    return end
  }
  return {
    pid: child.pid ?? 0,
    ended,
    isRunning,
    log: () => readFileSync(logFile, 'utf8'),
    stop,
    async [Symbol.asyncDispose]() {
      if (isRunning()) await stop(endWith)
    },
  }
}

/** Asks again and again until the answer is true. `what` completes the sentence `… did not …`. */
export async function waitUntil(
  what: string,
  isTrue: () => Promise<boolean> | boolean,
  { timeoutMs = 30_000, everyMs = 25 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`${what} within ${timeoutMs / 1000} s`)
    await sleep(everyMs)
  }
}

const firstPort = 20_000
const portCount = 12_000
const mostTries = 50

/**
 * A loopback port that nobody has, below those that the system gives to outgoing connections: one of
 * these could be taken between our look and the server's start.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const port = firstPort + Math.floor(Math.random() * portCount)
    const server = net.createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(true))
    })
    if (!isFree) continue
    const found = (server.address() as AddressInfo).port
    await new Promise((resolve) => server.close(resolve))
    return found
  }
  throw new Error(`No free loopback port was found in ${mostTries} tries.`)
}
