// A part of a file, given away chunk by chunk out of two buffers: one is read into while the other is on its way. A large
// download thus costs no garbage, which is half of what it would cost otherwise (docs/performance.md).

import type { ByteRange } from '../../../oci/byte-range.ts'
import { StorageUnavailableError } from '../../../oci/errors.ts'
import type { ChunkSink } from '../../driver.ts'
import type { FileOperations } from './file-operations.ts'

const bufferBytes = 256 * 1024

/** Nothing is read ahead of `write` but one chunk. The file stays open. */
export async function copySpan(
  files: FileOperations,
  file: number,
  { start, end }: ByteRange,
  write: ChunkSink,
): Promise<void> {
  const length = end - start + 1
  const size = Math.min(bufferBytes, length)
  let free = Buffer.allocUnsafeSlow(size)
  let inUse = length > size ? Buffer.allocUnsafeSlow(size) : free
  let writing: Promise<void> = Promise.resolve()
  try {
    for (let position = start; position <= end;) {
      const target = free.subarray(0, Math.min(size, end - position + 1))
      await fill(files, file, { target, position })
      position += target.length
      await writing
      writing = write(target)
      // Whoever awaits it next hears of a failure; meanwhile it is not unhandled.
      writing.catch(() => undefined)
      const written = free
      free = inUse
      inUse = written
    }
  } finally {
    await writing
  }
}

/** All of the target: a read may give less, and what is on its way must not be read over. */
async function fill(
  files: FileOperations,
  file: number,
  { target, position }: { readonly target: Uint8Array; readonly position: number },
): Promise<void> {
  for (let filled = 0; filled < target.length;) {
    const count = await files.read(file, target.subarray(filled), position + filled)
    if (count === 0) throw cutShort()
    filled += count
  }
}

function cutShort(): StorageUnavailableError {
  const cause = new Error('The file is shorter than its blob.')
  return new StorageUnavailableError(undefined, { cause })
}
