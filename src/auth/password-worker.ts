// The thread in which passwords are hashed and checked; password-pool.ts gives it one task at a time. Nothing that
// it says holds a password.
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { hashPassword, verifyPassword } from './password-hash.ts'

export type PasswordTask =
  | { readonly kind: 'hash'; readonly password: string }
  | { readonly kind: 'verify'; readonly password: string; readonly hash: string }

export type PasswordAnswer =
  | { readonly kind: 'hashed'; readonly hash: string }
  | { readonly kind: 'verified'; readonly matches: boolean }
  /** `reason` is the name of the error, not its message. */
  | { readonly kind: 'failed'; readonly reason: string }

// Pulls come first. On Linux this is of this thread alone; elsewhere it would be of the whole process.
if (process.platform === 'linux') setPriority(0, 10)

parentPort?.on('message', (task: PasswordTask) => {
  parentPort?.postMessage(perform(task))
})

function perform(task: PasswordTask): PasswordAnswer {
  try {
    if (task.kind === 'hash') return { kind: 'hashed', hash: hashPassword(task.password) }
    return { kind: 'verified', matches: verifyPassword(task.password, task.hash) }
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.name : 'unknown' }
  }
}
