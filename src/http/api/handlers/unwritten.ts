// Stands in for what is not served yet, so that every operation has a handler. Only administrators hear of it.
import { installationAdmin } from '../handler.ts'
import { ProblemError } from '../problem-error.ts'

export const unwritten = {
  needs: installationAdmin,
  run: async (): Promise<never> => {
    throw new ProblemError('not-served', 'This is not served yet.')
  },
}

export function allUnwritten<N extends string>(
  names: readonly N[],
): { readonly [K in N]: typeof unwritten } {
  return Object.fromEntries(names.map((name) => [name, unwritten])) as {
    readonly [K in N]: typeof unwritten
  }
}
