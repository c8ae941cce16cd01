// One request to an operation of the management API, for its matrix.
import type { OperationName } from '../../contract/operations.ts'
import type { Need } from './matrix-needs.ts'

export interface OperationRow {
  /** Path, query or body: the contract says which. */
  readonly input: Readonly<Record<string, unknown>>
  readonly need: Need
  /** With what it may be answered when it is allowed; nothing can be written meanwhile. */
  readonly yes?: readonly number[]
  /** Whoever runs commands beside the data may do everything but what takes an account. */
  readonly operator?: 'ran'
}

export type Rows = Readonly<Record<OperationName, readonly OperationRow[]>>

/** What there is of each kind to be asked about, by whose it is. */
export interface Things {
  readonly tokens: Readonly<Record<string, number>>
  readonly sessions: Readonly<Record<string, number>>
  readonly reviews: Readonly<Record<string, number>>
  /** By `NAME PLACE`. */
  readonly grants: ReadonlyMap<string, number>
}

export const nobody = 'nobody at all'
export const notFound: readonly number[] = [404]
/** Where there is nothing that seals second factors, or that verifies identity tokens. */
export const unserved: readonly number[] = [501]
