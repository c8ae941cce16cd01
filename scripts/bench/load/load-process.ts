// A load process as its parent sees it: a process of its own, so that neither its work nor its garbage
// disturbs what measures, kept between jobs so that its code is compiled.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Job, Results } from './jobs.ts'

export interface LoadProcess extends AsyncDisposable {
  /** One job at a time. */
  readonly run: <J extends Job>(job: J) => Promise<Results[J['kind']]>
}

const program = fileURLToPath(new URL('program.ts', import.meta.url))

/** @param interrupted ends it in the middle of a job */
export function startLoadProcess(interrupted: AbortSignal): LoadProcess {
  const child = fork(program, [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    signal: interrupted,
    killSignal: 'SIGKILL',
  })
  // Says only that the signal has ended it; whoever waits for a job learns it from the exit.
  child.on('error', () => undefined)
  const isRunning = () => child.exitCode === null && child.signalCode === null
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    async run<J extends Job>(job: J) {
      if (!isRunning()) throw new Error('The load process has ended.')
      return new Promise<Results[J['kind']]>((resolve, reject) => {
        const settle = () => {
          child.off('message', answered)
          child.off('exit', died)
        }
        const answered = (message: object) => {
          settle()
          const { result, problem } = message as { result?: Results[J['kind']]; problem?: string }
          if (result !== undefined) resolve(result)
          else reject(new Error(problem))
        }
        const died = () => {
          settle()
          reject(new Error('The load process ended in the middle of a job.'))
        }
        child.on('message', answered)
        child.on('exit', died)
        child.send(job)
      })
    },
    async [Symbol.asyncDispose]() {
      if (!isRunning()) return
      child.kill('SIGKILL')
      await ended
    },
  }
}
