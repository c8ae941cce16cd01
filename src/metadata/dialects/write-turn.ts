// Whose turn it is to write, among the threads of one process. SQLite's own waiting sleeps and blocks the thread; here
// a thread that waits goes on serving. Other processes (commands) still wait by SQLite's busy timeout.

/** Shared between threads: 0 free, 1 taken. */
export type TurnState = SharedArrayBuffer

export interface WriteTurn {
  /** Resolves when it is this thread's turn; nobody else writes until `release`. */
  take(): Promise<void>
  release(): void
}

const longestTimerMs = 0x7fff_ffff
const free = 0
const taken = 1

export function createTurnState(): TurnState {
  return new SharedArrayBuffer(4)
}

export function createWriteTurn(state: TurnState): WriteTurn {
  const cell = new Int32Array(state)
  return {
    async take() {
      while (Atomics.compareExchange(cell, 0, free, taken) !== free) {
        const waiting = Atomics.waitAsync(cell, 0, taken)
        if (!waiting.async) continue
        // To wait for another thread does not keep this one running.
        const alive = setTimeout(() => undefined, longestTimerMs)
        await waiting.value
        clearTimeout(alive)
      }
    },
    release() {
      Atomics.store(cell, 0, free)
      Atomics.notify(cell, 0, 1)
    },
  }
}
