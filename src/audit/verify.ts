// Checks the audit log: every row against its seal, the end of the log against what is kept about it, and both against
// the heads that were anchored. It changes nothing. What it cannot see: whoever may write the database, the signing
// keys in it and every copy of the anchored heads can make another log that is as good as this one.
import { setImmediate } from 'node:timers/promises'
import { collectHeads, type HeadSource } from './anchored-heads.ts'
import { firstHash } from './chain.ts'
import { createChainCheck } from './chain-check.ts'
import { parseJsonLine } from './export-line.ts'
import { createProblemList, type AuditReport } from './problems.ts'
import { installationIdOf } from './seal.ts'
import { countUnsealed, findAuditHead, readSealed } from '../metadata/audit-seals.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'

export interface VerifyOptions extends HeadSource {
  readonly onProgress?: (progress: AuditProgress) => void
  readonly signal?: AbortSignal | undefined
}

export interface AuditProgress {
  readonly entries: number
  /** Undefined when that is not known before the end. */
  readonly total: number | undefined
}

const pageSize = 500
/** Rows are sealed within a second or two while Carrel runs. */
const longestUnsealedMs = 60_000

/** Checks the log in the database. Seal before (sealAudit): rows of a server that was stopped may be unsealed. */
export async function verifyAudit(
  metadata: MetadataStore,
  options: VerifyOptions = {},
): Promise<AuditReport> {
  const { report, summary } = createProblemList()
  const heads = await collectHeads(options, report)
  const after = { seq: 0, hash: firstHash(await installationIdOf(metadata)) }
  const check = createChainCheck({ after, heads, report })
  for (let isLast = false; !isLast;) {
    options.signal?.throwIfAborted()
    const afterSeq = check.last().seq
    const { page, head } = await metadata.read(async (tx) => ({
      page: await readSealed(tx, { afterSeq, limit: pageSize }),
      head: await findAuditHead(tx),
    }))
    for (const row of page) check.add(row)
    // Head and last page are of one moment: more rows may be sealed meanwhile. A page without any number that follows
    // is somebody's work, and was reported.
    isLast = page.length < pageSize || check.last().seq === afterSeq
    options.onProgress?.({ entries: check.counted().entries, total: head?.seq })
    if (isLast && head === undefined && check.counted().entries > 0) {
      const message = 'What is kept about the end of the log is missing: somebody removed it.'
      report({ kind: 'head', message })
    }
    if (isLast) check.end(head)
    await setImmediate()
  }
  const old = await countUnsealed(metadata, Date.now() - longestUnsealedMs)
  if (old > 0) {
    const message =
      `${old} ${old === 1 ? 'entry is' : 'entries are'} older than a minute and not sealed: ` +
      'Carrel does not run, or somebody removed the seals. Start Carrel and check again.'
    report({ kind: 'unsealed', message })
  }
  const unsealed = await countUnsealed(metadata, Number.MAX_SAFE_INTEGER)
  return { ...summary(), ...check.counted(), unsealed, ...headCounts(heads.count, options) }
}

export interface VerifyExportOptions extends VerifyOptions {
  /** Whose log it is; without it, what the first row comes after is taken as it says. */
  readonly installationId?: string | undefined
  /** The export was made with a filter or after a row: entries may be missing, those that are there must be genuine. */
  readonly part?: boolean
}

/** The same for an export by exportAudit in JSON lines, far from the database. Each text is one or more whole lines. */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  options: VerifyExportOptions = {},
): Promise<AuditReport> {
  const { report, summary } = createProblemList()
  const heads = await collectHeads(options, report)
  const { installationId, part = false } = options
  const hash = installationId === undefined ? undefined : firstHash(installationId)
  const check = createChainCheck({ after: { seq: 0, hash }, part, heads, report })
  let number = 0
  for await (const text of lines) {
    for (const line of text.split('\n')) {
      if (line === '') continue
      number += 1
      addLine(line)
    }
    options.signal?.throwIfAborted()
  }
  check.end()
  return { ...summary(), ...check.counted(), unsealed: 0, ...headCounts(heads.count, options) }

  function addLine(line: string): void {
    if (number % pageSize === 0) {
      options.onProgress?.({ entries: check.counted().entries, total: undefined })
    }
    const exported = parseJsonLine(line)
    if (exported !== undefined) check.add(exported.row, exported.previous)
    else report({ kind: 'unreadable', message: `Line ${number} is not as it was exported.` })
  }
}

function headCounts(
  heads: number,
  { keys }: HeadSource,
): Pick<AuditReport, 'heads' | 'signaturesChecked'> {
  return { heads, signaturesChecked: keys !== undefined }
}
