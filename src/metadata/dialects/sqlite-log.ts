// The write-ahead log as a file of its own, to be synced apart from SQLite. SQLite takes its locks on the database and
// the shared memory file, never on the log, so closing this descriptor releases none of them.
import { close, fdatasync, fdatasyncSync, fstatSync, open, statfs, writeSync } from 'node:fs'
import { open as openHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'

export interface WriteLog {
  /** Durable when it resolves: everything that was committed before the call. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Makes sure that the log exists and that its name survives a power loss. */
export async function openLog(file: string, writer: DatabaseSync): Promise<WriteLog> {
  writer.exec('BEGIN IMMEDIATE; COMMIT')
  const path = `${file}-wal`
  const fd = await promisify(open)(path, 'a+', 0o600)
  await promisify(fdatasync)(fd)
  await using folder = await openHandle(dirname(file), 'r')
  await folder.sync()
  return {
    sync: async () =>
      new Promise((resolve, reject) => {
        fdatasync(fd, (error) => (error === null ? resolve() : reject(error)))
      }),
    close: async () => promisify(close)(fd),
  }
}

const zeros = Buffer.alloc(1024 * 1024)
/** On a small disk the room is worth more than the time. */
const leastFreeBytes = 256 * 1024 * 1024

/**
 * Lengthens the log with zeros, which SQLite takes for the end of it. A commit then overwrites what is there, and its
 * sync need not record that the file grew: half a millisecond instead of more than one. Holds the write lock, so that
 * nobody appends meanwhile.
 */
export async function lengthenLog(
  file: string,
  writer: DatabaseSync,
  bytes: number,
): Promise<void> {
  const { bavail, bsize } = await promisify(statfs)(dirname(file))
  if (bavail * bsize < leastFreeBytes) return
  const fd = await promisify(open)(`${file}-wal`, 'r+')
  try {
    writer.exec('BEGIN IMMEDIATE')
    try {
      for (let size = fstatSync(fd).size; size < bytes;) {
        size += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - size), size)
      }
      fdatasyncSync(fd)
    } finally {
      writer.exec('COMMIT')
    }
  } finally {
    await promisify(close)(fd)
  }
}
