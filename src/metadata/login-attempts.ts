// Counters of sign-in attempts (auth/login-throttle.ts says what they mean), and the clients that accounts are known to
// sign in from.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface LoginAttempts {
  readonly count: number
  /** From then on the row counts for nothing. */
  readonly windowEndsAt: number
  readonly blockedUntil: number | undefined
}

/** So many keys are looked up at once. */
export const keysAtOnce = 3

const some = query<{ first: string; second: string; third: string }>()((db, p) =>
  db
    .selectFrom('login_attempts')
    .select(['key', 'count', 'window_ends_at as windowEndsAt', 'blocked_until as blockedUntil'])
    .where('key', 'in', [p.first, p.second, p.third]),
)

/** The rows of these keys that there are: at most `keysAtOnce` of them. */
export async function findLoginAttempts(
  reader: Reader,
  keys: readonly string[],
): Promise<ReadonlyMap<string, LoginAttempts>> {
  const found = new Map<string, LoginAttempts>()
  const [first, second = first, third = first] = keys
  if (first === undefined) return found
  if (keys.length > keysAtOnce) throw new RangeError(`${keys.length} keys asked for at once`)
  for (const row of await reader.all(some, {
    first,
    second: second as string,
    third: third as string,
  })) {
    const { count, windowEndsAt } = row
    found.set(row.key, { count, windowEndsAt, blockedUntil: row.blockedUntil ?? undefined })
  }
  return found
}

const save = query<{ key: string; count: number; windowEndsAt: number; blockedUntil: number }>()(
  (db, p) =>
    db
      .insertInto('login_attempts')
      .values({
        key: p.key,
        count: p.count,
        window_ends_at: p.windowEndsAt,
        blocked_until: p.blockedUntil,
      })
      .onConflict((conflict) =>
        conflict.column('key').doUpdateSet({
          count: p.count,
          window_ends_at: p.windowEndsAt,
          blocked_until: p.blockedUntil,
        }),
      ),
)

/**
 * Sets what was made of the row that the same transaction has read: the transaction sees to it that nobody else has
 * changed it meanwhile.
 */
export async function saveLoginAttempts(
  tx: Transaction,
  key: string,
  attempts: LoginAttempts,
): Promise<void> {
  await tx.run(save, { key, ...attempts, blockedUntil: attempts.blockedUntil as number })
}

const remove = query<{ key: string }>()((db, p) =>
  db.deleteFrom('login_attempts').where('key', '=', p.key),
)

export async function deleteLoginAttempts(tx: Transaction, key: string): Promise<void> {
  await tx.run(remove, { key })
}

const removeEnded = query<{ now: number; limit: number }>()((db, p) =>
  db
    .deleteFrom('login_attempts')
    .where('key', 'in', (of) =>
      of
        .selectFrom('login_attempts')
        .select('key')
        .where('window_ends_at', '<=', p.now)
        .orderBy('window_ends_at')
        .limit(p.limit),
    ),
)

/** Removes counters that count for nothing any more, at most `limit`; returns how many. Strangers make these rows. */
export async function removeEndedAttempts(
  tx: Transaction,
  { now, limit }: { readonly now: number; readonly limit: number },
): Promise<number> {
  return tx.run(removeEnded, { now, limit })
}

const known = query<{ account: string; network: string }>()((db, p) =>
  db
    .selectFrom('known_clients')
    .innerJoin('principals', 'principals.id', 'known_clients.principal_id')
    .select('principals.id')
    .where('principals.name', '=', p.account)
    .where('known_clients.address', '=', p.network),
)

/**
 * Whether the account of this name, if there is one, has signed in from this network (clientNetwork of auth/) before.
 * One and the same question for accounts that exist and for others.
 */
export async function isKnownClient(
  reader: Reader,
  { account, network }: { readonly account: string; readonly network: string },
): Promise<boolean> {
  // Nobody has such a name, and PostgreSQL cannot even be asked for it.
  if (account.includes('\0')) return false
  return (await reader.one(known, { account, network })) !== undefined
}

const note = query<{ principalId: number; network: string; at: number }>()((db, p) =>
  db
    .insertInto('known_clients')
    .values({ principal_id: p.principalId, address: p.network, last_seen_at: p.at })
    .onConflict((conflict) =>
      conflict
        .columns(['principal_id', 'address'])
        .doUpdateSet({ last_seen_at: p.at })
        .where('known_clients.last_seen_at', '<', p.at),
    ),
)

/** After a sign-in that succeeded in all its steps. */
export async function noteKnownClient(
  tx: Transaction,
  client: { readonly principalId: number; readonly network: string; readonly at: number },
): Promise<void> {
  await tx.run(note, client)
}

const removeUnseen = query<{ before: number }>()((db, p) =>
  db.deleteFrom('known_clients').where('last_seen_at', '<', p.before),
)

/** Forgets clients that nobody has signed in from since `before`; returns how many. */
export async function removeUnseenClients(tx: Transaction, before: number): Promise<number> {
  return tx.run(removeUnseen, { before })
}
