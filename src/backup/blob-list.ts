// Which blobs of a snapshot lie in the backup: digest and size a line, in order of the digests.
import { isDigest, type Digest } from '../oci/digest.ts'
import type { Archive, StoredObject } from './archive.ts'
import { DamagedObjectError } from './backup-error.ts'
import { blobListKey } from './layout.ts'
import { getLines, putLines } from './lines.ts'
import type { Snapshot } from './snapshot.ts'

export interface ListedBlob {
  readonly digest: Digest
  readonly size: number
}

export async function writeBlobList(
  archive: Archive,
  id: string,
  pages: AsyncIterable<readonly ListedBlob[]>,
): Promise<StoredObject> {
  async function* lines(): AsyncGenerator<string, void, undefined> {
    for await (const page of pages) {
      yield page.map(({ digest, size }) => `${digest} ${size}\n`).join('')
    }
  }
  return putLines(archive, blobListKey(id), lines())
}

export async function* readBlobList(
  archive: Archive,
  { id, blobList }: Pick<Snapshot, 'id' | 'blobList'>,
): AsyncGenerator<readonly ListedBlob[], void, undefined> {
  const key = blobListKey(id)
  for await (const lines of getLines(archive, key, blobList)) {
    if (lines.length > 0) yield lines.map((line) => parse(line, key))
  }
}

function parse(line: string, key: string): ListedBlob {
  const [digest = '', size = ''] = line.split(' ')
  if (isDigest(digest) && /^\d{1,15}$/.test(size)) return { digest, size: Number(size) }
  throw new DamagedObjectError(key, 'is damaged')
}
