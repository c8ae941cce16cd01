// A few threads of their own for passwords, so that many logins at once do not slow down anything else: Node's
// shared thread pool would be busy with them when a blob is to be read. Threads start when they are first needed
// and keep the process alive only while they work.
import { Worker } from 'node:worker_threads'
import { OciError } from '../oci/errors.ts'
import type { PasswordAnswer, PasswordTask } from './password-worker.ts'

export interface PasswordPool {
  /** The password in the form to store. @throws {OciError} TOOMANYREQUESTS when too many wait already */
  hash(password: string): Promise<string>
  /** @throws {OciError} TOOMANYREQUESTS when too many wait already */
  verify(password: string, hash: string): Promise<boolean>
  /** Ends the threads; whatever waits is rejected. */
  close(): Promise<void>
}

export interface PasswordPoolOptions {
  readonly threads: number
  /** How many tasks may wait for a thread. */
  readonly queueLimit: number
  /** The thread's program. Left out but in tests. */
  readonly program?: URL
}

export function createPasswordPool(options: PasswordPoolOptions): PasswordPool {
  const pool = new Pool(options)
  return {
    async hash(password) {
      const answer = await pool.run({ kind: 'hash', password })
      if (answer.kind === 'hashed') return answer.hash
      throw failure(answer)
    },
    async verify(password, hash) {
      const answer = await pool.run({ kind: 'verify', password, hash })
      if (answer.kind === 'verified') return answer.matches
      throw failure(answer)
    },
    close: () => pool.close(),
  }
}

interface Pending {
  readonly task: PasswordTask
  resolve(answer: PasswordAnswer): void
  reject(error: Error): void
}

class Pool {
  readonly #options: PasswordPoolOptions
  readonly #program: URL
  readonly #idle: Worker[] = []
  readonly #busy = new Map<Worker, Pending>()
  readonly #queue: Pending[] = []
  #closed = false

  constructor(options: PasswordPoolOptions) {
    if (!(options.threads >= 1)) throw new RangeError('a password pool needs at least one thread')
    this.#options = options
    // Beside this file, in the language that this file is run in: source or compiled.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    this.#program = options.program ?? new URL(`./password-worker.${extension}`, import.meta.url)
  }

  run(task: PasswordTask): Promise<PasswordAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closedError())
        return
      }
      const pending: Pending = { task, resolve, reject }
      const thread = this.#idle.pop() ?? this.#startIfAllowed()
      if (thread !== undefined) {
        this.#give(thread, pending)
        return
      }
      if (this.#queue.length >= this.#options.queueLimit) {
        reject(queueFullError())
        return
      }
      this.#queue.push(pending)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const threads = [...this.#idle, ...this.#busy.keys()]
    const unfinished = [...this.#busy.values(), ...this.#queue]
    this.#idle.length = 0
    this.#busy.clear()
    this.#queue.length = 0
    for (const pending of unfinished) pending.reject(closedError())
    await Promise.all(threads.map((thread) => thread.terminate()))
  }

  #startIfAllowed(): Worker | undefined {
    if (this.#busy.size + this.#idle.length >= this.#options.threads) return undefined
    // Neither the flags of this process (a test runner's) nor its environment (secrets) are the thread's business.
    const thread = new Worker(this.#program, { name: 'passwords', execArgv: [], env: {} })
    thread.on('message', (answer: PasswordAnswer) => this.#finish(thread, answer))
    thread.on('error', (error) => this.#lose(thread, error))
    thread.on('exit', () => this.#lose(thread, undefined))
    return thread
  }

  #give(thread: Worker, pending: Pending): void {
    this.#busy.set(thread, pending)
    thread.ref()
    thread.postMessage(pending.task)
  }

  #finish(thread: Worker, answer: PasswordAnswer): void {
    const pending = this.#busy.get(thread)
    if (pending === undefined) return
    this.#busy.delete(thread)
    const next = this.#queue.shift()
    if (next === undefined) {
      thread.unref()
      this.#idle.push(thread)
    } else {
      this.#give(thread, next)
    }
    pending.resolve(answer)
  }

  /** Both 'error' and 'exit' come here: the second finds nothing left to do. */
  #lose(thread: Worker, cause: unknown): void {
    const place = this.#idle.indexOf(thread)
    if (place >= 0) this.#idle.splice(place, 1)
    const pending = this.#busy.get(thread)
    this.#busy.delete(thread)
    pending?.reject(new Error('The thread that checks passwords has ended.', { cause }))
    if (this.#closed || this.#queue.length === 0) return
    const replacement = this.#startIfAllowed()
    if (replacement === undefined) return
    const next = this.#queue.shift()
    if (next !== undefined) this.#give(replacement, next)
  }
}

function failure(answer: PasswordAnswer): Error {
  const reason = answer.kind === 'failed' ? answer.reason : 'an answer to another question'
  return new Error(`The thread that checks passwords could not: ${reason}.`)
}

function queueFullError(): OciError {
  return new OciError('TOOMANYREQUESTS', {
    message: 'Too many logins are being checked at the moment. Try again in a few seconds.',
  })
}

function closedError(): Error {
  return new Error('The password threads have been closed.')
}
