// Takes the room of a small disk away, to the byte, and gives it back.
import { open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

export interface Ballast {
  /** Leaves so many bytes at most, or all that there are when there are fewer. */
  leave(bytes: number): Promise<void>
  remove(): Promise<void>
}

const chunkBytes = 256 * 1024

export function createBallast(disk: string): Ballast {
  const path = join(disk, 'ballast')
  return {
    async leave(bytes) {
      const file = await open(path, 'a')
      try {
        let left = (await freeOf(disk)) - bytes
        while (left > 0) {
          // Random would be slower, zeros might be compressed; a full disk ends it early.
          const chunk = Buffer.alloc(Math.min(left, chunkBytes), 1)
          const written = await file.write(chunk).then(({ bytesWritten }) => bytesWritten, isFull)
          if (written === 0) break
          left -= written
        }
        await file.datasync()
      } finally {
        await file.close()
      }
    },
    remove: async () => rm(path, { force: true }),
  }
}

function isFull(error: NodeJS.ErrnoException): number {
  if (error.code === 'ENOSPC') return 0
  throw error
}

/** Root may use what is kept back for it. */
async function freeOf(disk: string): Promise<number> {
  const { bfree, bsize } = await statfs(disk)
  return bfree * bsize
}
