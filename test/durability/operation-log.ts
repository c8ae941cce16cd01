// The records of system-calls.c as values.
import { calls } from './system-calls.ts'

interface Common {
  readonly sequence: number
  /** An index into `kinds`. */
  readonly kind: number
}

export type Operation = Common &
  (
    | { readonly call: 'create' | 'mkdir'; readonly path: string; readonly file: number }
    | { readonly call: 'unlink' | 'rmdir'; readonly path: string }
    | { readonly call: 'rename' | 'link'; readonly from: string; readonly to: string }
    | WriteOperation
    | { readonly call: 'truncate'; readonly file: number; readonly size: number }
    | { readonly call: 'allocate'; readonly file: number; readonly size: number }
    | SyncCall
  )

export type SyncOperation = Common & SyncCall

interface WriteOperation {
  readonly call: 'write'
  readonly file: number
  readonly offset: number
  readonly bytes: Buffer
}

interface SyncCall {
  readonly call: 'sync'
  readonly file: number
  /** The last operation before it: what came later need not be durable with it. */
  readonly begun: number
  /** Where in the program. */
  readonly site: string
}

const headBytes = 48

/** @throws {Error} when a file was changed in a way that the log cannot tell */
export function parseOperations(records: Buffer): readonly Operation[] {
  const operations: Operation[] = []
  for (let at = 0; at < records.length;) {
    const size = records.readUInt32LE(at)
    operations.push(parseOperation(records.subarray(at, at + size)))
    at += size
  }
  return operations
}

function parseOperation(record: Buffer): Operation {
  const call = calls[record.readUInt16LE(4)]
  const common = { kind: record.readUInt16LE(6), sequence: numberAt(record, 8) }
  const file = numberAt(record, 16)
  const offset = numberAt(record, 24)
  const length = numberAt(record, 32)
  const text = (from: number, bytes: number) =>
    record.toString('utf8', headBytes + from, headBytes + from + bytes)
  switch (call) {
    case 'create':
    case 'mkdir':
      return { ...common, call, file, path: text(0, length) }
    case 'unlink':
    case 'rmdir':
      return { ...common, call, path: text(0, length) }
    case 'rename':
    case 'link':
      return { ...common, call, from: text(0, length), to: text(length, offset) }
    case 'write':
      return {
        ...common,
        call,
        file,
        offset,
        bytes: record.subarray(headBytes, headBytes + length),
      }
    case 'truncate':
      return { ...common, call, file, size: length }
    case 'allocate':
      return { ...common, call, file, size: offset + length }
    case 'sync':
      return { ...common, call, file, begun: numberAt(record, 40), site: text(0, length) }
    default:
      throw new Error(`A file was changed by ${text(0, length)}, which no test understands.`)
  }
}

function numberAt(record: Buffer, at: number): number {
  return Number(record.readBigUInt64LE(at))
}
