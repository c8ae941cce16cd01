// Where a test's database is, in a form that can be handed to another thread or process.
import { openPostgres } from '../dialects/postgres.ts'
import { openSqlite } from '../dialects/sqlite.ts'
import type { TurnState } from '../dialects/write-turn.ts'
import type { MetadataStore } from '../metadata-store.ts'

export type StoreAddress =
  | {
      readonly dialect: 'sqlite'
      readonly file: string
      readonly turn?: TurnState
      readonly logIndex?: number
    }
  | { readonly dialect: 'postgres'; readonly url: string }

export async function openAt(
  address: StoreAddress,
  options: { readonly migrate?: boolean } = {},
): Promise<MetadataStore> {
  return address.dialect === 'sqlite'
    ? openSqlite({ ...address, ...options })
    : openPostgres({ url: address.url, maxConnections: 4, ...options })
}
