// The audit log as text, in the order of its seals. Rows that are not sealed yet are not in it: seal before.
import { setImmediate } from 'node:timers/promises'
import { firstHash } from './chain.ts'
import { csvHead, csvLine, jsonLine } from './export-line.ts'
import { installationIdOf } from './seal.ts'
import { matchesAudit, type AuditFilter } from '../metadata/audit.ts'
import { findLastSeal, readSealed } from '../metadata/audit-seals.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'

export interface ExportOptions extends AuditFilter {
  /** 'jsonl' has all that verifyExport needs; 'csv' is for spreadsheets. */
  readonly format: 'jsonl' | 'csv'
  /** The number of the last row that an earlier export had. */
  readonly afterSeq?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const pageSize = 500

/** Each text is one or several whole lines. It ends with the row that was the last one when it began. */
export async function* exportAudit(
  metadata: MetadataStore,
  options: ExportOptions,
): AsyncGenerator<string> {
  const { format, signal } = options
  const line = format === 'csv' ? csvLine : jsonLine
  const lineEnd = format === 'csv' ? '\r\n' : '\n'
  if (format === 'csv') yield `${csvHead}${lineEnd}`
  const end = (await findLastSeal(metadata))?.seq ?? 0
  let last = await rowBefore(metadata, options.afterSeq ?? 0)
  for (let isLast = false; !isLast;) {
    signal?.throwIfAborted()
    const page = await readSealed(metadata, { afterSeq: last.seq, limit: pageSize })
    let text = ''
    for (const row of page) {
      if (row.seq > end) break
      const previous = row.seq === last.seq + 1 ? last.hash : undefined
      if (matchesAudit(row, options)) text += `${line({ row, previous })}${lineEnd}`
      last = row
    }
    if (text !== '') yield text
    isLast = page.length < pageSize || last.seq >= end
    // SQLite answers at once: others want to be served meanwhile.
    await setImmediate()
  }
}

async function rowBefore(
  metadata: MetadataStore,
  seq: number,
): Promise<{ readonly seq: number; readonly hash: string | undefined }> {
  if (seq === 0) return { seq, hash: firstHash(await installationIdOf(metadata)) }
  const [row] = await readSealed(metadata, { afterSeq: seq - 1, limit: 1 })
  return { seq, hash: row?.seq === seq ? row.hash : undefined }
}
