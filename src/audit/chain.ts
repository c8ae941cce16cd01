// What seals an audit row: SHA-256 over the hash of the row before and the row itself, its number included. So whoever
// changes, removes, adds or moves a row must change every later hash, and the heads that were kept elsewhere tell.
import { hash } from 'node:crypto'
import { inspect } from 'node:util'
import type { AuditRecord } from '../metadata/audit.ts'

/**
 * One text for one row: a JSON array of all fields in this order, so no field can be mistaken for part of another.
 * The detail is the text that the database holds, not what it means.
 */
export function canonicalRow(record: AuditRecord, seq: number): string {
  return JSON.stringify([
    exact(seq),
    exact(record.id),
    exact(record.at),
    exact(record.event),
    exact(record.actorId),
    exact(record.actor),
    exact(record.subject),
    exact(record.address),
    exact(record.detail),
  ])
}

/** `previous` is the hash of the row before, 64 hexadecimal digits. */
export function sealOf(previous: string, record: AuditRecord, seq: number): string {
  return hash('sha256', previous + canonicalRow(record, seq))
}

/** What the first row comes after: it ties the log to its installation. */
export function firstHash(installationId: string): string {
  return hash('sha256', JSON.stringify(['carrel-audit-1', installationId]))
}

/** SQLite keeps any value in any column: what only somebody's hand can have put there is not to look like another. */
function exact(value: unknown): unknown {
  if (value === null || typeof value === 'string' || Number.isSafeInteger(value)) return value
  return value instanceof Uint8Array ? { bytes: [...value] } : { other: inspect(value) }
}
