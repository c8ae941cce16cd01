// Blobs in a database and its storage, and the harm that befalls them.
import { randomBytes } from 'node:crypto'
import { insertBlob, linkBlob } from '../../metadata/blobs.ts'
import { query } from '../../metadata/query.ts'
import { aRepository } from '../../metadata/suite-cases/case.ts'
import { digestOf, type Digest } from '../../oci/digest.ts'
import { parseKey, type Key } from '../../storage/driver.ts'
import { newBlobKey } from '../../storage/layout.ts'
import type { Archive } from '../archive.ts'
import { bytesOf, type World } from './archives.ts'

export const everything = { part: { number: 1, of: 1 } }

export interface StoredBlob {
  readonly digest: Digest
  readonly key: Key
  readonly bytes: Buffer
}

/** Blobs of that many bytes, in one repository. */
export async function withBlobs(
  world: World,
  sizes: readonly number[],
): Promise<readonly StoredBlob[]> {
  const made: StoredBlob[] = []
  for (const size of sizes) {
    const bytes = randomBytes(size)
    const digest = digestOf(bytes)
    const key = newBlobKey(digest)
    await world.driver.write(key, [bytes])
    made.push({ digest, key, bytes })
  }
  await world.metadata.write(async (tx) => {
    const id = await aRepository(tx, `team/app-${made[0]?.digest.slice(7, 15) ?? ''}`)
    for (const { digest, key, bytes } of made) {
      await insertBlob(tx, { digest, size: bytes.length, storageKey: key, content: undefined })
      await linkBlob(tx, id, digest)
    }
  })
  return made
}

export const markDamaged = query<{ digest: string }>()((db, p) =>
  db.updateTable('blobs').set({ storage_key: null, damaged_at: 1 }).where('digest', '=', p.digest),
)
export const setPlace = query<{ digest: string; key: string }>()((db, p) =>
  db.updateTable('blobs').set({ storage_key: p.key }).where('digest', '=', p.digest),
)
const removeRow = query<{ digest: string }>()((db, p) =>
  db.deleteFrom('repository_blobs').where('digest', '=', p.digest),
)
const removeBlob = query<{ digest: string }>()((db, p) =>
  db.deleteFrom('blobs').where('digest', '=', p.digest),
)

export async function forget(
  { metadata, driver }: World,
  { digest, key }: StoredBlob,
): Promise<void> {
  await metadata.write(async (tx) => {
    await tx.run(removeRow, { digest })
    await tx.run(removeBlob, { digest })
  })
  await driver.delete([key])
}

export async function flip(
  { target }: Pick<Archive, 'target'>,
  key: Key,
  place?: number,
): Promise<void> {
  const bytes = await bytesOf(await target.read(key))
  const at = place ?? bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await target.write(key, [bytes])
}

export async function keysOf({ target }: Archive, folder: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { key } of target.list(parseKey(folder))) keys.push(key)
  return keys
}
