// "There is no such …" with the name that was probably meant.
import { didYouMean } from '../config/did-you-mean.ts'
import { CliError, describeError } from './cli-error.ts'
import { exitCodes } from './exit-codes.ts'

export interface Guess {
  readonly name: string
  /** All names there are; asked for only when the name is not among them. */
  readonly known: () => Promise<readonly string[]>
  /** The line to type for a name. */
  readonly fix: (name: string) => string
  /** The line to type when no name is near. */
  readonly otherwise: string
}

/** Does the work; when it finds nothing under the name, the error says which name is near. */
export async function guessing<T>(guess: Guess, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const described = describeError(error)
    const { what, why, fix } = described.failure
    if (described.exitCode !== exitCodes.notFound || fix !== undefined) throw error
    const names = await guess.known()
    const near = didYouMean(guess.name, names)
    throw new CliError(
      exitCodes.notFound,
      {
        what: near === undefined ? what : `${what.replace(/[.\s]+$/, '')}; did you mean ${near}?`,
        why,
        fix: near === undefined ? guess.otherwise : guess.fix(near),
      },
      error,
    )
  }
}
