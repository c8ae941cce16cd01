// The room that pushes leave: on a disk that is nearly full they are refused, so that reads, logins, deletes and
// collection, which needs room before it makes some, go on.
import { statfs } from 'node:fs/promises'
import { StorageFullError } from '../oci/errors.ts'

export interface Space {
  readonly free: number
  readonly total: number
  /** Of the free bytes, those that pushes leave. */
  readonly reserve: number
}

export interface FreeSpace {
  /** As it was a moment ago. Of several folders the one with the least room. */
  look(): Promise<Space>
  /** @throws {StorageFullError} when a push of so many bytes would eat into the reserve */
  requireRoom(bytes?: number): Promise<void>
}

export interface FreeSpaceOptions {
  /** Of one installation; those that are not there are left out. */
  readonly folders: readonly string[]
  readonly reserveBytes: number
  readonly freshMs?: number
}

const looksFreshMs = 1000
/** So much of the room may be given away by one look; other threads give away some, too. */
const trustedPart = 1 / 16
/** On a small disk no more than this part of it is kept back. */
const mostOfDisk = 0.1

export function createFreeSpace(options: FreeSpaceOptions): FreeSpace {
  const { freshMs = looksFreshMs } = options
  let known: Promise<Space> | undefined
  let lookedAt = 0
  /** Bytes of the pushes that were let in since then. */
  let letIn = 0

  async function look(): Promise<Space> {
    const now = performance.now()
    if (known === undefined || now - lookedAt >= freshMs) {
      lookedAt = now
      letIn = 0
      known = measure(options)
    }
    return known
  }

  return {
    look,
    async requireRoom(bytes = 0) {
      let { free, reserve } = await look()
      if (letIn + bytes > (free - reserve) * trustedPart) {
        known = undefined
        const fresh = await look()
        free = fresh.free
        reserve = fresh.reserve
      }
      if (reserve > 0 && free - bytes < reserve) {
        throw new StorageFullError(sentence(free, reserve, bytes))
      }
      letIn += bytes
    },
  }
}

async function measure({ folders, reserveBytes }: FreeSpaceOptions): Promise<Space> {
  const all = await Promise.all(folders.map(spaceOf))
  let least: Omit<Space, 'reserve'> | undefined
  for (const one of all) {
    if (one !== undefined && (least === undefined || one.free < least.free)) least = one
  }
  // A file system that does not tell must not stop anybody.
  const { free, total } = least ?? { free: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER }
  return { free, total, reserve: Math.min(reserveBytes, Math.floor(total * mostOfDisk)) }
}

async function spaceOf(folder: string): Promise<Omit<Space, 'reserve'> | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { free: bavail * bsize, total: blocks * bsize }
  } catch {
    return undefined
  }
}

function sentence(free: number, reserve: number, bytes: number): string {
  const asks = free < reserve ? '' : `, this push brings ${inMebibytes(bytes)}`
  return (
    `The registry has no storage space left for pushes: ${inMebibytes(free)} are free${asks}, and ` +
    `${inMebibytes(reserve)} are kept for deletes and collection. ` +
    'Delete what is no longer needed, or ask its operator to make room.'
  )
}

function inMebibytes(bytes: number): string {
  const mebibytes = bytes / (1024 * 1024)
  return `${mebibytes < 10 ? mebibytes.toFixed(1) : Math.round(mebibytes)} MiB`
}
