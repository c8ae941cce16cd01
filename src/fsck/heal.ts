// Ways in which a damaged blob comes back without a push: what was set aside turns out to be right after all (a fault
// of memory or of a cable, a folder that was not mounted), or a backup has it.
import type { Readable } from 'node:stream'
import type { Digest } from '../oci/digest.ts'
import { OciError, StorageUnavailableError } from '../oci/errors.ts'
import { healDamaged, listQuarantined, type DamagedBlob } from '../metadata/verification.ts'
import { isKey, ObjectNotFoundError, type Key } from '../storage/driver.ts'
import { digestOfQuarantineKey } from '../storage/layout.ts'
import { hasBytesOf } from './look-at-blob.ts'
import type { QuarantineDeps } from './quarantine.ts'

export interface HealDeps extends QuarantineDeps {
  /** The bytes of a blob from elsewhere, such as a backup; they are hashed on their way in. */
  readonly healFrom?: ((digest: Digest) => Promise<Readable | undefined>) | undefined
}

/** Where the bytes came from; undefined when there are none. */
export async function healBlob(
  deps: HealDeps,
  blob: Pick<DamagedBlob, 'digest' | 'size'>,
): Promise<'quarantine' | 'backup' | undefined> {
  if (await healFromQuarantine(deps, blob)) return 'quarantine'
  const source = await deps.healFrom?.(blob.digest)
  if (source === undefined) return undefined
  try {
    const put = await deps.blobs.put(source, blob.digest)
    return (await publish(deps, { ...put, digest: blob.digest })) ? 'backup' : undefined
  } catch (error) {
    if (isNoHelp(error)) return undefined
    throw error
  } finally {
    source.destroy()
  }
}

async function healFromQuarantine(
  deps: HealDeps,
  { digest, size }: Pick<DamagedBlob, 'digest' | 'size'>,
): Promise<boolean> {
  for (const row of await listQuarantined(deps.metadata, digest)) {
    const { storageKey: key } = row
    if (row.healedAt !== undefined || !isKey(key)) continue
    try {
      const found = await deps.blobs.stat(key)
      if (found?.size !== size || !(await hasBytesOf(deps.blobs, { key, digest }))) continue
      return await takeBack(deps, { digest, size, key })
    } catch (error) {
      if (!isNoHelp(error)) throw error
    }
  }
  return false
}

interface Found {
  readonly digest: Digest
  readonly size: number
  readonly key: Key
}

/** Where it is not in the quarantine it stays; out of there it is copied, so that a crash loses nothing. */
async function takeBack(deps: HealDeps, found: Found): Promise<boolean> {
  if (digestOfQuarantineKey(found.key) === undefined) return heal(deps, found)
  const put = await deps.blobs.put(await deps.blobs.open(found.key), found.digest)
  if (!(await publish(deps, { ...put, digest: found.digest }))) return false
  await deps.blobs.delete([found.key])
  return true
}

async function publish(deps: HealDeps, found: Found): Promise<boolean> {
  const healed = await heal(deps, found)
  if (!healed) await deps.blobs.delete([found.key])
  return healed
}

async function heal({ metadata }: HealDeps, { digest, size, key }: Found): Promise<boolean> {
  return metadata.write(async (tx) =>
    healDamaged(tx, { digest, size, storageKey: key, content: undefined }),
  )
}

/** What is not there, cannot be read or has other bytes heals nothing. */
function isNoHelp(error: unknown): boolean {
  return (
    error instanceof ObjectNotFoundError ||
    error instanceof StorageUnavailableError ||
    (error instanceof OciError && error.code === 'DIGEST_INVALID')
  )
}
