// Why the management API does not do what was asked, thrown only inside http/api. Refusals of the domain are errors of
// their own; problem-reply.ts knows both.
import { problemOf, type Problem, type ProblemKind } from '../../contract/problem.ts'

export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>

  constructor(
    kind: ProblemKind,
    detail: string,
    more: Pick<Problem, 'why' | 'fix' | 'errors'> & {
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(detail)
    const { headers = {}, ...parts } = more
    this.problem = problemOf(kind, detail, parts)
    this.headers = headers
  }
}

/** What is said of everything that the caller cannot see, whether or not it is there. */
export function hidden(): ProblemError {
  return new ProblemError('not-found', 'There is nothing of that name here that you may see.', {
    why: 'It does not exist, or it is not yours to see.',
  })
}

/** The input as a whole is wrong, in these fields. */
export function invalidInput(errors: NonNullable<Problem['errors']>): ProblemError {
  const [first] = errors
  const where = first === undefined || first.path === '' ? '' : `${first.path}: `
  const rest = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
  return new ProblemError('invalid-input', `${where}${first?.message ?? ''}${rest}`, { errors })
}
