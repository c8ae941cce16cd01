// What the management API refuses, in the words of the command line.
import type { ApiError } from '../contract/client.ts'
import { kindOfProblem, type Problem, type ProblemKind } from '../contract/problem.ts'
import { exitCodes } from './exit-codes.ts'
import type { ExitCode } from './exit-codes.ts'

const codes: Readonly<Record<ProblemKind, ExitCode>> = {
  'bad-request': exitCodes.failed,
  'invalid-input': exitCodes.failed,
  unauthenticated: exitCodes.denied,
  denied: exitCodes.denied,
  'not-found': exitCodes.notFound,
  'method-not-allowed': exitCodes.failed,
  exists: exitCodes.failed,
  changed: exitCodes.failed,
  'too-large': exitCodes.failed,
  'unsupported-media-type': exitCodes.failed,
  invalid: exitCodes.failed,
  policy: exitCodes.policy,
  'too-many-requests': exitCodes.failed,
  failed: exitCodes.failed,
  'not-served': exitCodes.failed,
  unavailable: exitCodes.unreachable,
}

/** What cli-error.ts makes an error of. */
export function describeApiError({ problem, status }: ApiError): {
  readonly exitCode: ExitCode
  readonly what: string
  readonly why: string | undefined
  readonly fix: string | undefined
} {
  const kind = kindOfProblem(problem)
  const exitCode = kind === undefined ? codeOfStatus(status) : codes[kind]
  const fix = kind === 'unauthenticated' ? signInFix : problem.fix
  return { exitCode, what: lowered(problem.detail), why: whyOf(problem), fix }
}

const signInFix = 'carrel login HOST, or set CARREL_TOKEN to a token'

/** Whatever answered there is no management API of this version. */
function codeOfStatus(status: number): ExitCode {
  if (status === 401 || status === 403) return exitCodes.denied
  return status >= 200 && status <= 499 ? exitCodes.failed : exitCodes.unreachable
}

function whyOf({ why, errors = [] }: Problem): string | undefined {
  // One wrong field is told by the detail already.
  const fields = errors.length > 1 ? errors.map(({ path, message }) => `${path}: ${message}`) : []
  const lines = [...(why === undefined ? [] : [why]), ...fields]
  return lines.length === 0 ? undefined : lines.join('\n')
}

/** The API speaks in sentences, the command line does not. */
function lowered(sentence: string): string {
  const isOne = !/[.!?]\s/.test(sentence)
  const text = isOne ? sentence.replace(/\.$/, '') : sentence
  return /^[A-Z][a-z]* /.test(text) && isOne ? `${text[0]?.toLowerCase()}${text.slice(1)}` : text
}
