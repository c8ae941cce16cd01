// Who may ask: users, robots, and trust rules for CI jobs. A row's id is immutable and never given out twice.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface PrincipalRow {
  readonly id: number
  readonly name: string
  readonly kind: 'user' | 'robot' | 'federated'
  readonly provider: Provider
  /** What the provider knows it by; with the provider, it is who this is. */
  readonly subject: string
  readonly displayName: string | undefined
  readonly admin: boolean
  readonly disabled: boolean
  /** PHC text; undefined for a user whose password lies elsewhere. */
  readonly passwordHash: string | undefined
  readonly createdAt: number
  readonly createdBy: number | undefined
  /** From then on it is as if disabled. */
  readonly expiresAt: number | undefined
  readonly lastSeenAt: number | undefined
  /** Whether a password alone is not enough. */
  readonly secondFactor: boolean
}

type Provider = 'local' | 'htpasswd' | 'robot' | 'federation' | `oidc:${string}` | `ldap:${string}`

const columns = [
  'id',
  'kind',
  'provider',
  'name',
  'admin',
  'password_hash as passwordHash',
  'disabled_at as disabledAt',
  'created_at as createdAt',
  'created_by as createdBy',
  'subject',
  'display_name as displayName',
  'expires_at as expiresAt',
  'last_seen_at as lastSeenAt',
  'totp_step as totpStep',
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
  readonly createdBy: number | null
  readonly subject: string
  readonly displayName: string | null
  readonly expiresAt: number | null
  readonly lastSeenAt: number | null
  /** Set when the second factor is confirmed. */
  readonly totpStep: number | null
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

const all = query<{ kind: string; after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('principals')
    .select(columns)
    .where('kind', '=', p.kind)
    .where('name', '>', p.after)
    .orderBy('name')
    .limit(p.limit),
)

export async function listPrincipals(
  reader: Reader,
  place: {
    readonly kind?: PrincipalRow['kind']
    readonly after: string
    readonly limit: number
  },
): Promise<readonly PrincipalRow[]> {
  const rows: PrincipalRow[] = []
  const page = await reader.all(all, { ...place, kind: place.kind ?? 'user' })
  for (const raw of page) rows.push(rowOf(raw) as PrincipalRow)
  return rows
}

const insert = query<{
  kind: string
  provider: string
  subject: string
  name: string
  displayName: string
  admin: number
  passwordHash: string
  createdAt: number
  createdBy: number
  expiresAt: number
}>()((db, p) =>
  db
    .insertInto('principals')
    .values({
      kind: p.kind,
      provider: p.provider,
      subject: p.subject,
      name: p.name,
      display_name: p.displayName,
      admin: p.admin,
      password_hash: p.passwordHash,
      created_at: p.createdAt,
      created_by: p.createdBy,
      expires_at: p.expiresAt,
    })
    .onConflict((conflict) => conflict.doNothing()),
)

export type NewPrincipal = Pick<PrincipalRow, 'name' | 'provider'> & Partial<PrincipalRow>

/** Returns false when the name, or the provider's subject, is taken. A user without more said has its name as subject. */
export async function insertPrincipal(tx: Transaction, principal: NewPrincipal): Promise<boolean> {
  const { name, provider, kind = 'user', subject = name, admin = false } = principal
  const changed = await tx.run(insert, {
    kind,
    provider,
    subject,
    name,
    displayName: principal.displayName as string,
    admin: admin ? 1 : 0,
    passwordHash: principal.passwordHash as string,
    createdAt: Date.now(),
    createdBy: principal.createdBy as number,
    expiresAt: principal.expiresAt as number,
  })
  return changed === 1
}

const bySubject = query<{ provider: string; subject: string }>()((db, p) =>
  db
    .selectFrom('principals')
    .select(columns)
    .where('provider', '=', p.provider)
    .where('subject', '=', p.subject),
)

/** Who the provider means, whatever it is called here. */
export async function findPrincipalBySubject(
  reader: Reader,
  who: { readonly provider: string; readonly subject: string },
): Promise<PrincipalRow | undefined> {
  return rowOf(await reader.one(bySubject, who))
}

const change = query<{
  id: number
  admin: number
  displayName: string
  disabledAt: number
  expiresAt: number
}>()((db, p) =>
  db
    .updateTable('principals')
    .set({
      admin: p.admin,
      display_name: p.displayName,
      disabled_at: p.disabledAt,
      expires_at: p.expiresAt,
    })
    .where('id', '=', p.id),
)

/** `disabled` keeps nobody's time of disabling: the audit log has it. */
export async function changePrincipal(
  tx: Transaction,
  principal: Pick<PrincipalRow, 'id' | 'admin' | 'displayName' | 'disabled' | 'expiresAt'>,
): Promise<void> {
  const { id, admin, displayName, disabled, expiresAt } = principal
  await tx.run(change, {
    id,
    admin: admin ? 1 : 0,
    displayName: displayName as string,
    disabledAt: (disabled ? Date.now() : undefined) as number,
    expiresAt: expiresAt as number,
  })
}

const betterHash = query<{ id: number; from: string; to: string }>()((db, p) =>
  db
    .updateTable('principals')
    .set({ password_hash: p.to })
    .where('id', '=', p.id)
    .where('password_hash', '=', p.from),
)

/** Unless the password was changed meanwhile. */
export async function replacePasswordHash(
  tx: Transaction,
  replacement: { readonly id: number; readonly from: string; readonly to: string },
): Promise<void> {
  await tx.run(betterHash, replacement)
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

const imported = query<object>()((db) =>
  db
    .selectFrom('principals')
    .select('password_hash as hash')
    .where('password_hash', '>=', '$2')
    .where('password_hash', '<', '$3')
    .limit(1),
)

/** A bcrypt hash that was imported and not replaced yet; undefined when there is none left. */
export async function findImportedHash(reader: Reader): Promise<string | undefined> {
  return (await reader.one(imported, {}))?.hash ?? undefined
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
    kind: raw.kind as PrincipalRow['kind'],
    provider: raw.provider as Provider,
    subject: raw.subject,
    displayName: raw.displayName ?? undefined,
    admin: raw.admin === 1,
    disabled: raw.disabledAt !== null,
    passwordHash: raw.passwordHash ?? undefined,
    createdAt: raw.createdAt,
    createdBy: raw.createdBy ?? undefined,
    expiresAt: raw.expiresAt ?? undefined,
    lastSeenAt: raw.lastSeenAt ?? undefined,
    secondFactor: raw.totpStep !== null,
  }
}
