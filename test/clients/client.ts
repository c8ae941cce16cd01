// What every client is put through, in this order. A client file tells how its program does each
// step; run-clients.ts judges the outcome by looking at the registry itself.
import type { ProgramResult } from '../support/processes.ts'
import type { Place } from './place.ts'

export interface Client {
  readonly name: string
  /** Without these, the client is skipped. */
  readonly programs: readonly string[]
  readonly needsRoot?: boolean
  readonly version: () => Promise<string>
  readonly open: (place: Place) => Promise<Session>
}

/** What was pushed, and what the client then found to have pulled into an empty place of its own. */
export interface Transfer {
  /** `HOST/REPOSITORY:TAG`. */
  readonly image: string
  /** As the client itself tells it after the pull. */
  readonly pulledDigest: string
}

export interface Session extends Partial<AsyncDisposable> {
  /** Where the client reaches the registry in another way than it was told. */
  readonly place?: Place
  /** Signs in, and does what needs it where signing in alone asks nothing of the registry. */
  readonly login: (password: string) => Promise<ProgramResult>
  /** Pushes one image or artifact and returns its name. */
  readonly push: () => Promise<string>
  /** Pulls it back to where it is not yet, and returns the digest that the client found. */
  readonly pull: (image: string) => Promise<string>
  /** An index of two platforms, pushed and pulled back. */
  readonly index?: () => Promise<Transfer>
  /** Brings the pushed image into a second repository of the same registry; returns its name there. */
  readonly mount?: (image: string) => Promise<string>
  /** Removes the image from the registry. */
  readonly remove?: (image: string) => Promise<void>
  /** What only this client does: a name for the table, and the deed. */
  readonly more?: readonly {
    readonly name: string
    readonly run: (image: string) => Promise<void>
  }[]
}
