// Whose a session is, for whoever knows its number only.
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'

const owner = query<{ id: number }>()((db, p) =>
  db
    .selectFrom('sessions as s')
    .innerJoin('principals as p', 'p.id', 's.principal_id')
    .select(['p.id', 'p.name', 'p.kind', 'p.created_by as createdBy'])
    .where('s.id', '=', p.id),
)

export interface SessionOwner {
  readonly id: number
  readonly name: string
  readonly kind: 'user' | 'robot' | 'federated'
  readonly createdBy: number | undefined
}

/** Undefined when there is no such session, or it belongs to nobody yet. */
export async function findSessionOwner(
  reader: Reader,
  sessionId: number,
): Promise<SessionOwner | undefined> {
  const row = await reader.one(owner, { id: sessionId })
  if (row === undefined) return undefined
  return {
    id: row.id,
    name: row.name,
    kind: row.kind as SessionOwner['kind'],
    createdBy: row.createdBy ?? undefined,
  }
}
