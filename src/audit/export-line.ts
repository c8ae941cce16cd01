// One audit row as a line: JSON with everything that its seal needs, so that an export can be checked far from the
// database, or CSV for a spreadsheet.
import type { SealedRecord } from '../metadata/audit-seals.ts'
import { auditJson } from '../metadata/audit-text.ts'

export interface ExportedRow {
  readonly row: SealedRecord
  /** The hash of the row before; undefined when that row is not there. */
  readonly previous: string | undefined
}

/** Without the end of the line. */
export function jsonLine({ row, previous }: ExportedRow): string {
  return auditJson({
    seq: row.seq,
    id: row.id,
    at: row.at,
    event: row.event,
    actorId: row.actorId,
    actor: row.actor,
    subject: row.subject,
    address: row.address,
    detail: readableDetail(row.detail),
    previous,
    hash: row.hash,
  })
}

/** An object, when the same text comes of it again; otherwise the text. */
function readableDetail(text: string): unknown {
  try {
    const detail: unknown = JSON.parse(text)
    return typeof detail === 'object' && auditJson(detail) === text ? detail : text
  } catch {
    return text
  }
}

/** Undefined for a line that jsonLine does not make: also when it only says more, or the same in other words. */
export function parseJsonLine(line: string): ExportedRow | undefined {
  try {
    const { previous, detail, ...fields } = JSON.parse(line) as Record<string, unknown>
    if (!Number.isSafeInteger(fields['seq']) || typeof fields['hash'] !== 'string') return undefined
    if (previous !== undefined && typeof previous !== 'string') return undefined
    const text = typeof detail === 'string' ? detail : auditJson(detail)
    const exported = { row: { ...fields, detail: text } as unknown as SealedRecord, previous }
    return jsonLine(exported) === line ? exported : undefined
  } catch {
    return undefined
  }
}

export const csvHead = 'seq,id,at,event,actor_id,actor,subject,address,detail,previous,hash'

/** Without the end of the line. */
export function csvLine({ row, previous }: ExportedRow): string {
  const at = new Date(row.at)
  return [
    row.seq,
    row.id,
    Number.isNaN(at.valueOf()) ? row.at : at.toISOString(),
    row.event,
    row.actorId,
    row.actor,
    row.subject,
    row.address,
    row.detail,
    previous,
    row.hash,
  ]
    .map(csvField)
    .join(',')
}

function csvField(value: string | number | null | undefined): string {
  const text = String(value ?? '')
  // Or a spreadsheet takes it for a formula, and runs what a stranger has written.
  const harmless = /^\s*[=+\-@|%＝＋－＠]|^\s/.test(text) ? `'${text}` : text
  // The texts of a row hold none of these, unless somebody put them there by hand.
  const line = harmless.replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd')
  return /[",]/.test(line) ? `"${line.replaceAll('"', '""')}"` : line
}
