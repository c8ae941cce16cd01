// The objects of one backup, encrypted or not: everything above this file reads and writes plain bytes. The target is a
// storage driver, so a backup lies wherever one can write (docs/backup.md).
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { encodedOf, type Digest } from '../oci/digest.ts'
import {
  ObjectNotFoundError,
  type ByteSource,
  type Key,
  type StorageDriver,
} from '../storage/driver.ts'
import { BackupError, DamagedObjectError } from './backup-error.ts'
import { makeKeys, openKeys, wrappedKeySchema, type BackupKeys } from './backup-key.ts'
import { blobKeyOf, headerKey } from './layout.ts'
import { seal, sealedSize, unseal } from './sealed-stream.ts'

export type BackupTarget = Pick<
  StorageDriver,
  'stat' | 'read' | 'write' | 'move' | 'delete' | 'list' | 'sweep'
>

/** What an object was when it was written; the hash is of the plain bytes. */
export interface StoredObject {
  readonly bytes: number
  readonly sha256: string
}

export interface Archive {
  readonly target: BackupTarget
  /** Whose backup it is. */
  readonly installation: string
  readonly isEncrypted: boolean
  /**
   * Whole and durable when it resolves. `check` is called after the last byte: when it throws there is no object.
   *
   * @throws {StorageFullError} @throws {StorageUnavailableError} @throws what the source or `check` threw
   */
  put(key: Key, source: ByteSource, check?: () => void): Promise<void>
  /** @throws {ObjectNotFoundError} @throws {DamagedObjectError} for an encrypted one */
  get(key: Key): AsyncGenerator<Uint8Array, void, undefined>
  blobKey(digest: Digest): Key
  /** How long the object of so many bytes is at the target. */
  storedSize(bytes: number): number
}

const headerSchema = z.object({
  format: z.int(),
  installation: z.string().min(1),
  createdAt: z.string(),
  encryption: wrappedKeySchema.nullable(),
})

type Header = z.infer<typeof headerSchema>

const format = 1
const largestHeader = 64 * 1024

/** Whose backup is there, before any key is asked for; undefined when there is none. */
export async function readHeader(target: BackupTarget): Promise<Header | undefined> {
  const text = await readSmall(target, headerKey, largestHeader)
  if (text === undefined) return undefined
  const header = headerSchema.safeParse(parseJson(text))
  if (!header.success) {
    throw new BackupError('invalid', `${headerKey} cannot be understood`, {
      why: 'it is damaged, or written by a newer version of Carrel',
    })
  }
  if (header.data.format === format) return header.data
  throw new BackupError('invalid', `this backup has the format ${header.data.format}`, {
    why: `this version of Carrel knows the format ${format}`,
    fix: 'use the version that wrote it, or a newer one',
  })
}

/** `secret` is asked for only when it is needed. @throws {BackupError} denied without the right one */
export async function openArchive(
  target: BackupTarget,
  header: Header,
  secret: () => Promise<Uint8Array | undefined>,
): Promise<Archive> {
  const { installation, encryption } = header
  if (encryption === null) return archiveOf(target, installation, undefined)
  const given = await secret()
  if (given === undefined) {
    throw new BackupError('denied', 'this backup is encrypted, and no key was given', {
      fix: 'add --key-file FILE or --passphrase-file FILE',
    })
  }
  return archiveOf(target, installation, await openKeys(given, encryption))
}

export interface NewArchive {
  readonly installation: string
  /** Without it nothing is encrypted. */
  readonly secret?: Uint8Array | undefined
  /** For tests. */
  readonly cost?: number
}

/** Begins a backup at a target that has none. */
export async function createArchive(
  target: BackupTarget,
  { installation, secret, cost }: NewArchive,
): Promise<Archive> {
  const made = secret === undefined ? undefined : await makeKeys(secret, cost)
  const header: Header = {
    format,
    installation,
    createdAt: new Date().toISOString(),
    encryption: made?.wrapped ?? null,
  }
  await target.write(headerKey, [Buffer.from(`${JSON.stringify(header, undefined, 2)}\n`)])
  return archiveOf(target, installation, made?.keys)
}

function archiveOf(
  target: BackupTarget,
  installation: string,
  keys: BackupKeys | undefined,
): Archive {
  return {
    target,
    installation,
    isEncrypted: keys !== undefined,
    async put(key, source, check = () => undefined) {
      const bytes = keys === undefined ? source : seal({ key: keys.objects, name: key }, source)
      await target.write(() => {
        check()
        return key
      }, bytes)
    },
    async *get(key) {
      const stored = chunksOf(target, key)
      yield* keys === undefined ? stored : unseal({ key: keys.objects, name: key }, stored)
    },
    // Names of digests of the two algorithms differ in their length.
    blobKey: (digest) => blobKeyOf(keys?.nameOf(digest) ?? encodedOf(digest)),
    storedSize: (bytes) => (keys === undefined ? bytes : sealedSize(bytes)),
  }
}

async function* chunksOf(
  target: BackupTarget,
  key: Key,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of await target.read(key)) yield chunk as Uint8Array
}

/** As `put`; tells what has been written. */
export async function putHashed(
  archive: Archive,
  key: Key,
  source: ByteSource,
): Promise<StoredObject> {
  const hash = createHash('sha256')
  let bytes = 0
  async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      bytes += chunk.length
      hash.update(chunk)
      yield chunk
    }
  }
  await archive.put(key, hashed())
  return { bytes, sha256: hash.digest('hex') }
}

/** The bytes, hashed while they are read. @throws {DamagedObjectError} at the end, when they are others */
export async function* getChecked(
  archive: Archive,
  key: Key,
  { bytes, sha256 }: StoredObject,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of archive.get(key)) {
    hash.update(chunk)
    length += chunk.length
    yield chunk
  }
  if (length === bytes && hash.digest('hex') === sha256) return
  throw new DamagedObjectError(key, 'is damaged, or was changed')
}

/** All of a small object. @throws {DamagedObjectError} when it is larger */
export async function getSmall(archive: Archive, key: Key, most: number): Promise<Buffer> {
  return collect(archive.get(key), key, most)
}

async function readSmall(
  target: BackupTarget,
  key: Key,
  most: number,
): Promise<string | undefined> {
  try {
    return (await collect(chunksOf(target, key), key, most)).toString()
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined
    throw error
  }
}

async function collect(source: AsyncIterable<Uint8Array>, key: Key, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of source) {
    length += chunk.length
    if (length > most) throw new DamagedObjectError(key, 'is too large to be what it should be')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
