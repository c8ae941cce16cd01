// What a migration is made of.
import type { RawBuilder } from 'kysely'

/** The words in which the dialects differ. */
export interface ColumnWords {
  readonly text: RawBuilder<unknown>
  readonly bytes: RawBuilder<unknown>
  readonly integer: RawBuilder<unknown>
  /** A primary key that is never given out twice. */
  readonly identity: RawBuilder<unknown>
  /** A table that is read by its primary key only. */
  readonly keyed: RawBuilder<unknown>
}

export interface Migration {
  readonly name: string
  statements(words: ColumnWords): readonly RawBuilder<unknown>[]
}
