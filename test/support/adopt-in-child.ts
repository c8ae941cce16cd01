// Takes a volume over in a process of its own, which may be killed at it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const child = fileURLToPath(new URL('adoption-child.ts', import.meta.url))

export interface Taken {
  readonly complete: boolean
  readonly tags: number
  readonly seconds: number
}

/** Small volumes are taken over before more threads have started. */
const threads = process.env['CARREL_TEST_ADOPTION_TAGS'] === undefined ? ['1'] : []

/** Takes the volume over in a process of its own, which is killed so long after it has begun. */
export async function adoptInChild(root: string, killAfterMs?: number): Promise<Taken> {
  const rowsAtOnce = killAfterMs === undefined ? '4000' : '500'
  const args = ['--disable-warning=ExperimentalWarning', child, root, rowsAtOnce, ...threads]
  const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => running.once('close', resolve))
  let taken: Taken = { complete: false, tags: 0, seconds: 0 }
  let timer: NodeJS.Timeout | undefined
  for await (const line of createInterface(running.stdout)) {
    if (line === 'begun' && killAfterMs !== undefined) {
      timer = setTimeout(() => running.kill('SIGKILL'), killAfterMs)
    }
    // Killed when all was done and nobody had been told.
    if (line === 'adopted') taken = { ...taken, complete: true }
    if (line.startsWith('done ')) {
      const counts = JSON.parse(line.slice('done '.length)) as { tags: number; seconds: number }
      taken = { complete: true, ...counts }
    }
  }
  await ended
  clearTimeout(timer)
  if (killAfterMs === undefined) assert.ok(taken.complete, 'the volume was taken over')
  return taken
}
