// Who may ask: users for now. A row's id is immutable and never given out twice.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface PrincipalRow {
  readonly id: number
  readonly name: string
  readonly kind: 'user'
  readonly provider: 'local' | 'htpasswd'
  readonly admin: boolean
  readonly disabled: boolean
  /** PHC text; undefined for a user whose password lies elsewhere. */
  readonly passwordHash: string | undefined
  readonly createdAt: number
}

const columns = [
  'id',
  'kind',
  'provider',
  'name',
  'admin',
  'password_hash as passwordHash',
  'disabled_at as disabledAt',
  'created_at as createdAt',
] as const

interface RawPrincipal {
  readonly id: number
  readonly kind: string
  readonly provider: string
  readonly name: string
  readonly admin: number
  readonly passwordHash: string | null
  readonly disabledAt: number | null
  readonly createdAt: number
}

const byName = query<{ name: string }>()((db, p) =>
  db.selectFrom('principals').select(columns).where('name', '=', p.name),
)

export async function findPrincipalByName(
  reader: Reader,
  name: string,
): Promise<PrincipalRow | undefined> {
  // Nobody has such a name, and PostgreSQL cannot even be asked for it.
  if (name.includes('\0')) return undefined
  return rowOf(await reader.one(byName, { name }))
}

const byId = query<{ id: number }>()((db, p) =>
  db.selectFrom('principals').select(columns).where('id', '=', p.id),
)

export async function findPrincipalById(
  reader: Reader,
  id: number,
): Promise<PrincipalRow | undefined> {
  return rowOf(await reader.one(byId, { id }))
}

const all = query<{ after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('principals')
    .select(columns)
    .where('name', '>', p.after)
    .orderBy('name')
    .limit(p.limit),
)

export async function listPrincipals(
  reader: Reader,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly PrincipalRow[]> {
  const rows: PrincipalRow[] = []
  for (const raw of await reader.all(all, { after, limit })) rows.push(rowOf(raw) as PrincipalRow)
  return rows
}

const insert = query<{
  provider: string
  name: string
  admin: number
  passwordHash: string
  createdAt: number
}>()((db, p) =>
  db
    .insertInto('principals')
    .values({
      kind: 'user',
      provider: p.provider,
      subject: p.name,
      name: p.name,
      admin: p.admin,
      password_hash: p.passwordHash,
      created_at: p.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing()),
)

/** Returns false when the name is taken. */
export async function insertPrincipal(
  tx: Transaction,
  principal: Pick<PrincipalRow, 'name' | 'provider' | 'admin' | 'passwordHash'>,
): Promise<boolean> {
  const changed = await tx.run(insert, {
    provider: principal.provider,
    name: principal.name,
    admin: principal.admin ? 1 : 0,
    passwordHash: principal.passwordHash as string,
    createdAt: Date.now(),
  })
  return changed === 1
}

const password = query<{ id: number; passwordHash: string }>()((db, p) =>
  db.updateTable('principals').set({ password_hash: p.passwordHash }).where('id', '=', p.id),
)

export async function setPasswordHash(
  tx: Transaction,
  id: number,
  passwordHash: string,
): Promise<void> {
  await tx.run(password, { id, passwordHash })
}

const restore = query<{ id: number; name: string }>()((db, p) =>
  db
    .updateTable('principals')
    .set({ provider: 'local', subject: p.name, admin: 1, disabled_at: null })
    .where('id', '=', p.id),
)

/** Whatever the principal was: now it is an enabled local administrator. */
export async function restoreAdministrator(
  tx: Transaction,
  principal: Pick<PrincipalRow, 'id' | 'name'>,
): Promise<void> {
  await tx.run(restore, { id: principal.id, name: principal.name })
}

const lock = query<object>()((db) =>
  db
    .updateTable('principals')
    .set((row) => ({ admin: row.ref('admin') }))
    .where('admin', '=', 1),
)

/** Until the transaction ends, nobody else gets past this: so that two cannot remove the last two at once. */
export async function lockAdministrators(tx: Transaction): Promise<void> {
  await tx.run(lock, {})
}

const administrators = query<{ except: number }>()((db, p) =>
  db
    .selectFrom('principals')
    .select((row) => row.fn.countAll<number>().as('count'))
    .where('admin', '=', 1)
    .where('disabled_at', 'is', null)
    .where('id', '<>', p.except)
    .where((or) => or.or([or('provider', '<>', 'local'), or('password_hash', 'is not', null)])),
)

/** How many enabled administrators have a password, one left out (0 leaves out none). */
export async function countAdministrators(reader: Reader, except: number): Promise<number> {
  return Number((await reader.one(administrators, { except }))?.count ?? 0)
}

const remove = query<{ id: number }>()((db, p) =>
  db.deleteFrom('principals').where('id', '=', p.id),
)

export async function deletePrincipal(tx: Transaction, id: number): Promise<void> {
  await tx.run(remove, { id })
}

function rowOf(raw: RawPrincipal | undefined): PrincipalRow | undefined {
  if (raw === undefined) return undefined
  return {
    id: raw.id,
    name: raw.name,
    kind: 'user',
    provider: raw.provider as PrincipalRow['provider'],
    admin: raw.admin === 1,
    disabled: raw.disabledAt !== null,
    passwordHash: raw.passwordHash ?? undefined,
    createdAt: raw.createdAt,
  }
}
