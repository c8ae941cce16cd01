// DATA/reserve: some room that nobody else can take. On a disk that is full to the last byte even a delete needs a little
// to write down that it happened; then this file is given up, and made again when there is room.
import { randomBytes } from 'node:crypto'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { RegularTask } from '../installation/upkeep.ts'
import type { FreeSpace } from '../registry/free-space.ts'

const mostBytes = 16 * 1024 * 1024
const pieceBytes = 1024 * 1024
/** Tests and commands that end soon need none. */
const firstAfterMs = 5000

export interface ReserveFileOptions {
  readonly dataDir: string
  readonly space: FreeSpace
  readonly warn: (message: string) => void
  readonly firstAfterMs?: number
}

export const reserveFile = 'reserve'

export function reserveTask(options: ReserveFileOptions): RegularTask {
  const path = join(options.dataDir, reserveFile)
  const from = performance.now() + (options.firstAfterMs ?? firstAfterMs)
  return {
    name: 'keeping of the disk reserve',
    everyMs: 500,
    async run() {
      const { free, reserve } = await options.space.look()
      const size = Math.min(mostBytes, Math.floor(reserve / 2))
      const there = await sizeOf(path)
      if (there !== undefined && free < there / 2) {
        await rm(path, { force: true })
        options.warn(
          'The disk is full: the reserve is given up, so that deletes and collection go on. Make room.',
        )
      } else if (there === undefined && size > 0 && free > reserve + size) {
        if (performance.now() >= from) await make(path, size)
      }
    },
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  )
}

/** Of bytes that no file system makes smaller. */
async function make(path: string, size: number): Promise<void> {
  try {
    await using file = await open(path, 'w', 0o600)
    for (let written = 0; written < size;) {
      const piece = randomBytes(Math.min(pieceBytes, size - written))
      written += (await file.write(piece)).bytesWritten
    }
  } catch {
    // No room after all: what there is of it must not take the rest.
    await rm(path, { force: true })
  }
}
