// Everything that the database of a test holds, as text: to look for what must not be in it.
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { query } from '../../metadata/query.ts'

type Row = Readonly<Record<string, unknown>>

const tables = query<object>()((db) =>
  db.selectFrom('sqlite_master' as 'principals').select('name'),
)

export async function everythingStored(metadata: MetadataStore): Promise<string> {
  const texts: string[] = []
  for (const { name } of await metadata.all(tables, {})) {
    if (name.startsWith('sqlite_') || name.includes('_autoindex_')) continue
    const all = query<object>()((db) => db.selectFrom(name as 'principals').selectAll())
    const rows = await metadata.all(all, {}).catch((): readonly Row[] => [])
    texts.push(`${name}: ${JSON.stringify(rows, shown)}`)
  }
  return texts.join('\n')
}

/** Bytes as the text that they might be. */
function shown(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  const { type, data } = (value ?? {}) as { type?: unknown; data?: unknown }
  return type === 'Buffer' && Array.isArray(data)
    ? Buffer.from(data as number[]).toString('latin1')
    : value
}
