// The few calls that the filesystem driver makes, so that a test can record them, make one fail or
// leave one out. Plain descriptors and callbacks: FileHandle costs twice as much per call.

import fs, { type Dirent, type Stats } from 'node:fs'
import { StorageFullError, StorageUnavailableError } from '../../../oci/errors.ts'

/** Every one rejects with what `storageError` makes of the system's error. */
export interface FileOperations {
  open(path: string, flags: number): Promise<number>
  close(file: number): Promise<void>
  /** May read less than asked for; 0 at the end. */
  read(file: number, target: Uint8Array, position: number): Promise<number>
  /** May write less than asked for. */
  writev(file: number, chunks: readonly Uint8Array[], position: number): Promise<number>
  /** The content, and what is needed to read it. */
  fdatasync(file: number): Promise<void>
  /** For folders: the names in it. */
  fsync(file: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  mkdir(path: string): Promise<void>
  rmdir(path: string): Promise<void>
  stat(path: string): Promise<Stats>
  readdir(path: string): Promise<readonly Dirent[]>
  freeBytes(path: string): Promise<number>
}

export const nodeFiles: FileOperations = {
  open: (path, flags) => call((done) => fs.open(path, flags, 0o600, done)),
  close: (file) => call((done) => fs.close(file, done)),
  read: (file, target, position) =>
    call((done) => fs.read(file, target, 0, target.length, position, done)),
  writev: (file, chunks, position) => call((done) => fs.writev(file, chunks, position, done)),
  fdatasync: (file) => call((done) => fs.fdatasync(file, done)),
  fsync: (file) => call((done) => fs.fsync(file, done)),
  rename: (from, to) => call((done) => fs.rename(from, to, done)),
  unlink: (path) => call((done) => fs.unlink(path, done)),
  mkdir: (path) => call((done) => fs.mkdir(path, 0o700, done)),
  rmdir: (path) => call((done) => fs.rmdir(path, done)),
  stat: (path) => call((done) => fs.stat(path, done)),
  readdir: (path) => call((done) => fs.readdir(path, { withFileTypes: true }, done)),
  async freeBytes(path) {
    const { bavail, bsize } = await call<fs.StatsFs>((done) => fs.statfs(path, done))
    return bavail * bsize
  },
}

export function storageError(cause: NodeJS.ErrnoException): Error {
  if (cause.code === 'ENOSPC' || cause.code === 'EDQUOT') {
    return new StorageFullError(undefined, { cause })
  }
  return new StorageUnavailableError(undefined, { cause })
}

/** Whether a file operation failed with this code of the system, such as ENOENT. */
export function failedWith(error: unknown, ...codes: readonly string[]): boolean {
  if (!(error instanceof StorageUnavailableError)) return false
  const { code } = error.cause as NodeJS.ErrnoException
  return code !== undefined && codes.includes(code)
}

type Done<Result> = (error: NodeJS.ErrnoException | null, result: Result) => void

function call<Result>(start: (done: Done<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error === null) resolve(result)
      else reject(storageError(error))
    })
  })
}
