// Parts of files as streams, tuned for large ones: one read of half a MiB at a time, and the next one
// under way while the socket takes the last. A file is open only while it is being read.

import { Readable } from 'node:stream'
import { StorageUnavailableError } from '../../../oci/errors.ts'
import type { FileOperations } from './file-operations.ts'

const readBytes = 512 * 1024

export interface FileSpan {
  readonly open: () => Promise<number>
  readonly start: number
  /** The first byte that no longer belongs to it. */
  readonly end: number
}

export function readSpan(files: FileOperations, { open, start, end }: FileSpan): Readable {
  let file: number | undefined
  let position = start
  let pending: Promise<void> = Promise.resolve()

  async function readNext(stream: Readable): Promise<void> {
    file ??= await open()
    const chunk = await readChunk(files, file, { position, length: end - position })
    if (chunk.length === 0) throw cutShort()
    position += chunk.length
    stream.push(chunk)
    if (position === end) stream.push(null)
  }

  return new Readable({
    highWaterMark: readBytes,
    read() {
      if (position === end) {
        this.push(null)
        return
      }
      pending = readNext(this).catch((error: unknown) => void this.destroy(error as Error))
    },
    destroy(error, callback) {
      // A descriptor in use must not be closed: its number might be another file's by then.
      const closed = pending.then(() => (file === undefined ? undefined : files.close(file)))
      // What was read is good whatever the close says.
      closed.catch(() => undefined).finally(() => callback(error))
    },
  })
}

/** From the start to the end of an open file, which stays open. */
export async function* readAll(
  files: FileOperations,
  file: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0
  for (;;) {
    const chunk = await readChunk(files, file, { position, length: readBytes })
    if (chunk.length === 0) return
    position += chunk.length
    yield chunk
  }
}

/** Empty at the end of the file. Each is a buffer of its own: its consumer may keep it. */
export async function readChunk(
  files: FileOperations,
  file: number,
  { position, length }: { readonly position: number; readonly length: number },
): Promise<Uint8Array> {
  const chunk = Buffer.allocUnsafeSlow(Math.min(length, readBytes))
  const count = await files.read(file, chunk, position)
  return count === chunk.length ? chunk : chunk.subarray(0, count)
}

function cutShort(): StorageUnavailableError {
  const cause = new Error('The file is shorter than it was when it was opened.')
  return new StorageUnavailableError(undefined, { cause })
}
