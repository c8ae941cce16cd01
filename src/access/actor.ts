// Who does a thing, as the audit log and the rows that are made remember it.
export interface Actor {
  /** Undefined for whoever runs commands beside the data. */
  readonly id: number | undefined
  readonly name: string
  readonly address?: string
}
