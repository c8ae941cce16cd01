// Compressed lines: how tables and lists lie in a backup. gzip, so that anybody can read them in thirty years.
import { pipeline, Readable } from 'node:stream'
import { createGunzip, createGzip } from 'node:zlib'
import { getChecked, putHashed, type Archive, type StoredObject } from './archive.ts'
import { DamagedObjectError } from './backup-error.ts'
import type { Key } from '../storage/driver.ts'

const pieceBytes = 128 * 1024
/** More costs more time than it saves room: most of it is digests. */
const level = 1

/** Each text is one or more whole lines. */
export async function putLines(
  archive: Archive,
  key: Key,
  lines: AsyncIterable<string>,
): Promise<StoredObject> {
  const gzip = createGzip({ level })
  // Its failure is the one that the reading of `gzip` below throws.
  pipeline(Readable.from(lines, { objectMode: true }), gzip, () => undefined)
  return putHashed(archive, key, gzip as AsyncIterable<Uint8Array>)
}

/** Groups of lines. @throws {DamagedObjectError} at the end, when they are not those that were written */
export async function* getLines(
  archive: Archive,
  key: Key,
  stored: StoredObject,
): AsyncGenerator<readonly string[], void, undefined> {
  const gunzip = createGunzip({ chunkSize: pieceBytes })
  pipeline(Readable.from(getChecked(archive, key, stored)), gunzip, () => undefined)
  gunzip.setEncoding('utf8')
  let rest = ''
  try {
    for await (const text of gunzip as AsyncIterable<string>) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      yield lines
    }
  } catch (error) {
    if (isZlibError(error)) throw new DamagedObjectError(key, 'is damaged', { cause: error })
    throw error
  }
  if (rest !== '') throw new DamagedObjectError(key, 'is cut short')
}

function isZlibError(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? ''
  return code.startsWith('Z_') || code === 'ERR_STREAM_PREMATURE_CLOSE'
}
