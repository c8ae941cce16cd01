// What is wrong with an audit log: told with what to think of it, and bounded, because of a log that was replaced as a
// whole every row is wrong.

export type AuditProblemKind =
  /** A row, or one before it, is not what it was when it was sealed. */
  | 'changed'
  /** Numbers are missing in the middle. */
  | 'missing'
  /** Rows stand in another order than they were sealed in, or twice. */
  | 'order'
  /** Rows are missing at the end. */
  | 'truncated'
  /** Rows that were never sealed though there was time. */
  | 'unsealed'
  /** What is kept about the end of the log does not fit its rows. */
  | 'head'
  /** A head that was kept elsewhere does not fit the rows, or is not signed by this installation. */
  | 'anchor'
  /** A line is not one that was exported. */
  | 'unreadable'

export interface AuditProblem {
  readonly kind: AuditProblemKind
  /** The row that it was found at. */
  readonly seq?: number
  readonly message: string
}

export type ReportProblem = (problem: AuditProblem) => void

export interface AuditReport {
  readonly ok: boolean
  /** How many sealed rows were looked at. */
  readonly entries: number
  /** Numbers of the first and the last of them. */
  readonly from: number | undefined
  readonly to: number | undefined
  /** How many rows are not sealed yet. */
  readonly unsealed: number
  /** How many anchored heads were compared, and whether their signatures were looked at. */
  readonly heads: number
  readonly signaturesChecked: boolean
  /** The first ones. */
  readonly problems: readonly AuditProblem[]
  readonly problemCount: number
}

const mostProblems = 100

export interface ProblemList {
  readonly report: ReportProblem
  readonly summary: () => Pick<AuditReport, 'ok' | 'problems' | 'problemCount'>
}

export function createProblemList(): ProblemList {
  const problems: AuditProblem[] = []
  let problemCount = 0
  return {
    report(problem) {
      problemCount += 1
      if (problems.length < mostProblems) problems.push(problem)
    },
    summary: () => ({ ok: problemCount === 0, problems, problemCount }),
  }
}
