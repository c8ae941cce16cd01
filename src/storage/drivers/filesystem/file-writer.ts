// Writes byte streams into files while more of them arrives: one batch is on its way to the kernel,
// the next one collects. Memory is bounded to those two, however fast the client and slow the disk,
// and the batches shrink when there are many streams, so that 200 uploads need little more than one.

import { StorageUnavailableError } from '../../../oci/errors.ts'
import type { ByteSource } from '../../driver.ts'
import type { FileOperations } from './file-operations.ts'

/**
 * Writes all of `source` from the start of the file and returns its size. Nothing is durable yet,
 * but long files have been on their way to the disk since early on, so that the last sync is short.
 * When it rejects, no operation on the file is under way any more: it may be closed.
 */
export type WriteAll = (
  file: number,
  source: ByteSource,
  written?: (chunk: Uint8Array) => void,
) => Promise<number>

export function createWriteAll(files: FileOperations): WriteAll {
  let streams = 0
  const batchBytes = (): number =>
    Math.min(maxBatchBytes, Math.max(minBatchBytes, budgetBytes / streams))

  return async (file, source, written = () => undefined) => {
    const writer = new FileWriter({ files, file, batchBytes, written })
    streams++
    try {
      for await (const chunk of source) {
        if (writer.add(chunk)) await writer.flush()
      }
      return await writer.finish()
    } catch (error) {
      await writer.settle()
      throw error
    } finally {
      streams--
    }
  }
}

// Half a MiB is the size from which larger writes are no faster; 64 KiB is what a socket gives at once.
const maxBatchBytes = 512 * 1024
const minBatchBytes = 64 * 1024
const budgetBytes = 8 * 1024 * 1024
/** A client that sends single bytes must not fill the memory with what surrounds them. */
const maxBatchChunks = 256
const syncEveryBytes = 32 * 1024 * 1024

interface Target {
  readonly files: FileOperations
  readonly file: number
  readonly batchBytes: () => number
  readonly written: (chunk: Uint8Array) => void
}

class FileWriter {
  readonly #files: FileOperations
  readonly #file: number
  readonly #batchBytes: () => number
  readonly #written: (chunk: Uint8Array) => void
  #batch: Uint8Array[] = []
  #batchSize = 0
  #position = 0
  #unsynced = 0
  #writing: Promise<void> = Promise.resolve()
  #syncing: Promise<void> | undefined
  #failure: Error | undefined

  constructor({ files, file, batchBytes, written }: Target) {
    this.#files = files
    this.#file = file
    this.#batchBytes = batchBytes
    this.#written = written
  }

  /** Returns whether the batch is full; then `flush` before the next one. */
  add(chunk: Uint8Array): boolean {
    if (this.#failure !== undefined) throw this.#failure
    if (chunk.length > 0) this.#batch.push(chunk)
    this.#batchSize += chunk.length
    return this.#batchSize >= this.#batchBytes() || this.#batch.length >= maxBatchChunks
  }

  /** Waits for the batch before, and sends this one on its way. */
  async flush(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
    const batch = this.#batch
    const size = this.#batchSize
    this.#batch = []
    this.#batchSize = 0
    this.#writing = this.#write(batch, size).catch((error: unknown) => this.#fail(error))
  }

  async finish(): Promise<number> {
    if (this.#batch.length > 0) await this.flush()
    await this.settle()
    if (this.#failure !== undefined) throw this.#failure
    return this.#position
  }

  async settle(): Promise<void> {
    await this.#writing
    await this.#syncing
  }

  async #write(batch: readonly Uint8Array[], size: number): Promise<void> {
    let rest = batch
    let left = size
    while (left > 0) {
      const written = await this.#files.writev(this.#file, rest, this.#position)
      if (written === 0) throw wroteNothing()
      this.#position += written
      left -= written
      if (left > 0) rest = without(rest, written)
    }
    for (const chunk of batch) this.#written(chunk)
    this.#unsynced += size
    if (this.#unsynced >= syncEveryBytes && this.#syncing === undefined) this.#startSync()
  }

  /** A failure here is final as well: the next sync of the same file may report success falsely. */
  #startSync(): void {
    this.#unsynced = 0
    this.#syncing = this.#files
      .fdatasync(this.#file)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#syncing = undefined
      })
  }

  #fail(error: unknown): void {
    this.#failure ??= error as Error
  }
}

function wroteNothing(): StorageUnavailableError {
  const cause = new Error('The filesystem wrote nothing and gave no reason.')
  return new StorageUnavailableError(undefined, { cause })
}

function without(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  let skip = count
  for (const chunk of chunks) {
    if (skip < chunk.length) rest.push(chunk.subarray(skip))
    skip = Math.max(skip - chunk.length, 0)
  }
  return rest
}
