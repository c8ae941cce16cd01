// Holds a process still, as a power loss does: when the promise resolves, no thread of it is running
// and none waits in the kernel for the disk.
import { readFile, readdir } from 'node:fs/promises'
import { waitUntil } from '../support/processes.ts'

export async function holdStill(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await waitUntil(
    `The threads of process ${pid} did not stop`,
    async () => (await statesOf(pid)).every((state) => state === 'T'),
    { everyMs: 1 },
  )
}

export function letGo(pid: number): void {
  process.kill(pid, 'SIGCONT')
}

async function statesOf(pid: number): Promise<readonly string[]> {
  const threads = await readdir(`/proc/${pid}/task`)
  return Promise.all(
    threads.map(async (thread) => {
      const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => ') T')
      return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
    }),
  )
}
