// One blob out of a backup, for an installation whose own copy is damaged.
import { Readable } from 'node:stream'
import type { Digest } from '../oci/digest.ts'
import type { Archive } from './archive.ts'

/** Undefined when the backup does not have it. The bytes are not hashed here: whoever stores them does. */
export async function openBlobOf(archive: Archive, digest: Digest): Promise<Readable | undefined> {
  const key = archive.blobKey(digest)
  if ((await archive.target.stat(key)) === undefined) return undefined
  return Readable.from(archive.get(key), { objectMode: false })
}
