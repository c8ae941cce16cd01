// The few file operations of a walk through a volume of registry:2, for the threads that do nothing else: a call that
// waits costs a fifth of one that comes back later, and a volume has millions of files. No symbolic link is followed:
// what is neither a folder nor a file is told and left alone.
import fs, { constants, type Dirent, type Stats } from 'node:fs'

export interface Folder {
  readonly folders: readonly string[]
  readonly files: readonly string[]
  /** Symbolic links, sockets, devices. */
  readonly odd: readonly string[]
}

const none: Folder = { folders: [], files: [], odd: [] }

/** Names in byte order; nothing where there is no folder. @throws the system's error when it cannot be read */
export function listFolder(path: string): Folder {
  const entries = unlessAbsent((): readonly Dirent[] =>
    fs.readdirSync(path, { withFileTypes: true }),
  )
  if (entries === undefined) return none
  const folders: string[] = []
  const files: string[] = []
  const odd: string[] = []
  for (const entry of entries) {
    if (entry.isDirectory()) folders.push(entry.name)
    else if (entry.isFile()) files.push(entry.name)
    else odd.push(entry.name)
  }
  return { folders: folders.sort(byBytes), files, odd }
}

/** Of the name itself; `undefined` when there is none. */
export function statOf(path: string): Stats | undefined {
  return unlessAbsent(() => fs.lstatSync(path, { throwIfNoEntry: false }))
}

export interface SmallFile {
  readonly bytes: Buffer
  readonly modifiedAt: number
}

/** At most `mostBytes` of a file; `undefined` when there is none, or it is no file. */
export function readSmallFile(path: string, mostBytes: number): SmallFile | undefined {
  return withFile(path, (file) => {
    const stats = fs.fstatSync(file)
    if (!stats.isFile()) return undefined
    const bytes = fill(file, Buffer.allocUnsafe(Math.min(stats.size, mostBytes)))
    return { bytes, modifiedAt: millisOf(stats) }
  })
}

/** A file that is known to be one, and to have so many bytes; fewer when it has fewer. Memory of its own, to be sent on. */
export function readKnownFile(path: string, size: number): Buffer | undefined {
  return withFile(path, (file) => fill(file, Buffer.allocUnsafeSlow(size)))
}

function withFile<Result>(path: string, work: (file: number) => Result): Result | undefined {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = unlessAbsent(() => fs.openSync(path, flags))
  if (file === undefined) return undefined
  try {
    return work(file)
  } finally {
    fs.closeSync(file)
  }
}

function fill(file: number, bytes: Buffer): Buffer {
  let filled = 0
  while (filled < bytes.length) {
    const count = fs.readSync(file, bytes, filled, bytes.length - filled, filled)
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}

/** Whole milliseconds since 1970. Rounded: what was set from those may come back a few nanoseconds less. */
export function millisOf(stats: Stats): number {
  return Math.max(0, Math.round(stats.mtimeMs))
}

export function isUnreadable(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EIO'
}

function byBytes(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function unlessAbsent<Result>(run: () => Result): Result | undefined {
  try {
    return run()
  } catch (error) {
    if (absentCodes.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** ELOOP: it is a symbolic link. ENXIO: a socket. */
const absentCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'])
