// Follows the chain of sealed rows and tells where it is broken. It knows nothing of where rows come from, so the same
// check serves the database, an export, and the tests that tamper with every row.
import { sealOf } from './chain.ts'
import type { AnchoredHeads } from './anchored-heads.ts'
import type { AuditProblem, ReportProblem } from './problems.ts'
import type { SealedRecord } from '../metadata/audit-seals.ts'

/** The seal of one row; of row 0, what the first row comes after. */
export interface ChainEnd {
  readonly seq: number
  /** Undefined: not known, so that the next row tells what it comes after. */
  readonly hash: string | undefined
}

export interface ChainCheckOptions {
  /** After which row it begins. */
  readonly after: ChainEnd
  /** Some rows of a log, as a filter chose them: numbers may be missing. */
  readonly part?: boolean
  readonly heads?: AnchoredHeads
  readonly report: ReportProblem
}

export interface ChainCheck {
  /** The next row; `previous` is the hash that the row says it comes after, where rows do. */
  readonly add: (row: SealedRecord, previous?: string) => void
  /** No more rows; `head` is what is kept about the end of the log. */
  readonly end: (head?: ChainEnd) => void
  /** The last row so far. */
  readonly last: () => ChainEnd
  readonly counted: () => {
    readonly entries: number
    readonly from: number | undefined
    readonly to: number | undefined
  }
}

export function createChainCheck(options: ChainCheckOptions): ChainCheck {
  const { part = false, heads, report } = options
  let last = options.after
  let entries = 0
  let from: number | undefined

  function tell(problem: AuditProblem | undefined): void {
    if (problem !== undefined) report(problem)
  }

  return {
    add(row, told) {
      const follows = row.seq === last.seq + 1
      const previous = follows ? (last.hash ?? told) : told
      if (!follows) tell(wrongNumber(row, last, part))
      else tell(wrongLink(row, last, told))
      if (previous !== undefined) tell(wrongSeal(row, previous))
      // After a gap nothing is known, and the gap has been told.
      else if (part || follows) tell(noLink(row))
      tell(wrongAnchor(row, heads))
      entries += 1
      from ??= row.seq
      if (isNumber(row.seq) && row.seq > last.seq) last = { seq: row.seq, hash: row.hash }
    },
    end(head) {
      if (head !== undefined) tell(wrongEnd(last, head))
      if (!part) tell(wrongAnchoredEnd(last, heads))
    },
    last: () => last,
    counted: () => ({ entries, from, to: entries === 0 ? undefined : last.seq }),
  }
}

/** By hand, SQLite takes anything as a number. */
function isNumber(seq: unknown): boolean {
  return Number.isSafeInteger(seq)
}

function wrongNumber(
  { seq }: SealedRecord,
  last: ChainEnd,
  part: boolean,
): AuditProblem | undefined {
  if (!isNumber(seq)) {
    return { kind: 'order', message: `After entry ${last.seq} stands one without a number.` }
  }
  if (seq <= last.seq) {
    const message = `Entry ${seq} stands after entry ${last.seq}: it was moved, or is there twice.`
    return { kind: 'order', seq, message }
  }
  if (part) return undefined
  const first = last.seq + 1
  const gone =
    seq - 1 === first ? `Entry ${first} is missing` : `Entries ${first} to ${seq - 1} are missing`
  return { kind: 'missing', seq: first, message: `${gone}: removed after sealing.` }
}

function wrongLink(
  { seq }: SealedRecord,
  last: ChainEnd,
  told: string | undefined,
): AuditProblem | undefined {
  if (told === undefined || last.hash === undefined || told === last.hash) return undefined
  const before =
    last.seq === 0 ? 'the beginning of another log' : 'another entry than that before it'
  return { kind: 'changed', seq, message: `Entry ${seq} says that it comes after ${before}.` }
}

function noLink({ seq }: SealedRecord): AuditProblem {
  const message = `Entry ${seq} does not say what it comes after, so it cannot be checked.`
  return { kind: 'changed', seq, message }
}

function wrongSeal(row: SealedRecord, previous: string): AuditProblem | undefined {
  const { seq } = row
  if (sealOf(previous, row, seq) === row.hash) return undefined
  const message = `Entry ${seq} does not fit its seal: it or the one before it was changed after sealing.`
  return { kind: 'changed', seq, message }
}

function wrongAnchor(
  { seq, hash }: SealedRecord,
  heads: AnchoredHeads | undefined,
): AuditProblem | undefined {
  const head = heads?.bySeq.get(seq)
  if (head === undefined || head.hash === hash) return undefined
  const message =
    `Entry ${seq} is not the one that was anchored on ${timeOf(head)}: ` +
    'the log was rewritten up to there, or replaced by a backup that is older than that.'
  return { kind: 'anchor', seq, message }
}

function wrongEnd(last: ChainEnd, head: ChainEnd): AuditProblem | undefined {
  if (head.seq > last.seq) {
    const message =
      `The log ends at entry ${last.seq}, but entry ${head.seq} was sealed: ` +
      'entries were removed at the end.'
    return { kind: 'truncated', seq: last.seq + 1, message }
  }
  if (head.seq < last.seq) {
    const message = `Entries after ${head.seq} are there that Carrel has not sealed.`
    return { kind: 'head', seq: head.seq + 1, message }
  }
  if (head.hash === last.hash) return undefined
  const message = `Entry ${last.seq}, the last one, does not have the seal that it was given.`
  return { kind: 'changed', seq: last.seq, message }
}

function wrongAnchoredEnd(
  last: ChainEnd,
  heads: AnchoredHeads | undefined,
): AuditProblem | undefined {
  const head = heads?.last
  if (head === undefined || head.seq <= last.seq) return undefined
  const message =
    `The log ends at entry ${last.seq}, but on ${timeOf(head)} entry ${head.seq} was anchored: ` +
    'entries were removed at the end, or what is looked at is older than that head.'
  return { kind: 'truncated', seq: last.seq + 1, message }
}

function timeOf(head: { readonly at: number }): string {
  return new Date(head.at).toISOString()
}
