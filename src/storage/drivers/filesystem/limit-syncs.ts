// A sync holds a thread of libuv's pool for as long as the disk takes. A crowd of them must not keep
// the reads waiting, so they queue here, in order.

import type { FileOperations } from './file-operations.ts'

export function limitSyncs(files: FileOperations, limit: number): FileOperations {
  const waiting: (() => void)[] = []
  let running = 0

  async function inTurn(sync: () => Promise<void>): Promise<void> {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      await sync()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }

  return {
    ...files,
    fdatasync: (file) => inTurn(() => files.fdatasync(file)),
    fsync: (file) => inTurn(() => files.fsync(file)),
  }
}
