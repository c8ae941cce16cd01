// What one subject left unwritten must not be written in the turn of the next.
import { runProgram } from '../../test/support/processes.ts'

const longestMs = 300_000

export async function settleDisk(folder: string): Promise<void> {
  await runProgram('sync', ['--file-system', folder], { timeoutMs: longestMs })
}
