// Rows that were read, kept until anybody commits anything. A registry is read far more often than it is written, and
// most reads ask for the same few rows; under SQLite every statement takes locks that the threads of a process share.
//
// Whether somebody has committed, in this process or another, stands in the header of the log's index, which SQLite
// changes with every commit (https://sqlite.org/walformat.html#the_wal_index_header). It is read, never locked:
// - The header is taken before a row is read, so a row that is kept is at least as new as its header.
// - The descriptor belongs to the process and is never closed: closing it would drop SQLite's locks on that file. So
//   the main thread must open it: Node closes what a worker thread has opened when that thread ends.
import { openSync, readSync } from 'node:fs'
import type { CompiledSql } from '../query.ts'

export interface ReadCache {
  /** The kept row, or what `read` gives now. A missing row is not kept. */
  readonly one: <R>(
    compiled: CompiledSql,
    values: readonly unknown[],
    read: () => R | undefined,
  ) => R | undefined
}

const headerOffset = 8
const headerBytes = 40
/** Then all are dropped: what is read often comes back at once. */
const mostRows = 4096
const mostBytes = 8 * 1024 * 1024
const largestRow = 64 * 1024

/** The descriptor that createReadCache takes: opened once in a process, for all its threads. */
export function openLogIndex(file: string): number {
  return openSync(`${file}-shm`, 'r')
}

export function createReadCache(logIndex: number): ReadCache {
  const rows = new Map<CompiledSql, Map<string, unknown>>()
  const header = Buffer.alloc(headerBytes)
  const present = Buffer.alloc(headerBytes)
  let count = 0
  let bytes = 0

  function clear(): void {
    rows.clear()
    count = 0
    bytes = 0
  }

  function dropWhatIsOld(): void {
    if (readSync(logIndex, present, 0, headerBytes, headerOffset) !== headerBytes) present.fill(0)
    if (present.equals(header)) return
    present.copy(header)
    clear()
  }

  function keep(compiled: CompiledSql, key: string, row: unknown): void {
    const size = sizeOf(row)
    if (size > largestRow) return
    if (count >= mostRows || bytes + size > mostBytes) clear()
    const kept = rows.get(compiled) ?? new Map<string, unknown>()
    rows.set(compiled, kept.set(key, row))
    count += 1
    bytes += size
  }

  return {
    one<R>(compiled: CompiledSql, values: readonly unknown[], read: () => R | undefined) {
      dropWhatIsOld()
      const key = values.join('\u0000')
      const kept = rows.get(compiled)?.get(key) as R | undefined
      if (kept !== undefined) return kept
      const row = read()
      if (row !== undefined) keep(compiled, key, row)
      return row
    },
  }
}

function sizeOf(row: unknown): number {
  let size = 200
  for (const value of Object.values(row as Record<string, unknown>)) {
    if (typeof value === 'string') size += value.length
    else if (value instanceof Uint8Array) size += value.length
  }
  return size
}
