// Rules by which identity tokens of CI jobs are trusted, and the tokens that were taken: each is known by its hash and
// taken again for a while, because clients send it with every refresh of a long push.
import type { Kysely } from 'kysely'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import type { Schema } from './schema.ts'

export interface FederationRuleRow {
  /** A rule is a principal: its grants are what jobs that match it may do. */
  readonly principalId: number
  readonly name: string
  readonly disabled: boolean
  /** `github`, `gitlab`, `kubernetes`, `custom`. */
  readonly kind: string
  readonly issuer: string
  readonly audience: string
  /** JSON of the conditions. */
  readonly claims: string
  readonly jwksUrl: string | undefined
  readonly createdAt: number
  readonly createdBy: number | undefined
}

const insert = query<{
  principalId: number
  kind: string
  issuer: string
  audience: string
  claims: string
  jwksUrl: string
  createdAt: number
  createdBy: number
}>()((db, p) =>
  db.insertInto('federation_rules').values({
    principal_id: p.principalId,
    kind: p.kind,
    issuer: p.issuer,
    audience: p.audience,
    claims: p.claims,
    jwks_url: p.jwksUrl,
    created_at: p.createdAt,
    created_by: p.createdBy,
  }),
)

/** Its principal was made before, in the same transaction. */
export async function insertFederationRule(
  tx: Transaction,
  rule: Omit<FederationRuleRow, 'name' | 'disabled'>,
): Promise<void> {
  await tx.run(insert, {
    ...rule,
    jwksUrl: rule.jwksUrl as string,
    createdBy: rule.createdBy as number,
  })
}

interface RawRule extends Omit<FederationRuleRow, 'disabled' | 'jwksUrl' | 'createdBy'> {
  readonly disabledAt: number | null
  readonly jwksUrl: string | null
  readonly createdBy: number | null
}

function rules(db: Kysely<Schema>) {
  return db
    .selectFrom('federation_rules as r')
    .innerJoin('principals as p', 'p.id', 'r.principal_id')
    .select([
      'r.principal_id as principalId',
      'p.name',
      'p.disabled_at as disabledAt',
      'r.kind',
      'r.issuer',
      'r.audience',
      'r.claims',
      'r.jwks_url as jwksUrl',
      'r.created_at as createdAt',
      'r.created_by as createdBy',
    ])
}

const byName = query<{ name: string }>()((db, p) => rules(db).where('p.name', '=', p.name))

export async function findFederationRule(
  reader: Reader,
  name: string,
): Promise<FederationRuleRow | undefined> {
  // Nothing has such a name, and PostgreSQL cannot even be asked for it.
  if (name.includes('\0') || !name.isWellFormed()) return undefined
  const raw = await reader.one(byName, { name })
  return raw && ruleOf(raw)
}

const ofIssuer = query<{ issuer: string }>()((db, p) =>
  rules(db).where('r.issuer', '=', p.issuer).orderBy('r.principal_id'),
)

/** Those of one issuer, disabled ones too, the oldest first. */
export async function listRulesOfIssuer(
  reader: Reader,
  issuer: string,
): Promise<readonly FederationRuleRow[]> {
  if (issuer.includes('\0') || !issuer.isWellFormed()) return []
  return (await reader.all(ofIssuer, { issuer })).map(ruleOf)
}

const page = query<{ after: number; limit: number }>()((db, p) =>
  rules(db).where('r.principal_id', '>', p.after).orderBy('r.principal_id').limit(p.limit),
)

/** At most `limit` rules after the one with the id `after` (0 for the first page), by id. */
export async function listFederationRules(
  reader: Reader,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly FederationRuleRow[]> {
  return (await reader.all(page, { after, limit })).map(ruleOf)
}

export interface FederatedLoginRow {
  /** SHA-256 in hexadecimal; the token itself is kept nowhere. */
  readonly hash: string
  readonly principalId: number
  /** JSON of the claims that say where something came from. */
  readonly claims: string
  readonly firstSeenAt: number
  readonly goodUntil: number
}

const login = query<{ hash: string; now: number }>()((db, p) =>
  db
    .selectFrom('federated_logins as l')
    .innerJoin('principals as p', 'p.id', 'l.principal_id')
    .innerJoin('federation_rules as r', 'r.principal_id', 'l.principal_id')
    .select([
      'l.hash',
      'l.principal_id as principalId',
      'l.claims',
      'l.first_seen_at as firstSeenAt',
      'l.good_until as goodUntil',
    ])
    .where('l.hash', '=', p.hash)
    .where('l.good_until', '>', p.now)
    .where('p.disabled_at', 'is', null),
)

/** What is still good, of a rule that is there and enabled. */
export async function findFederatedLogin(
  reader: Reader,
  hash: string,
  now: number,
): Promise<FederatedLoginRow | undefined> {
  return reader.one(login, { hash, now })
}

const record = query<FederatedLoginRow>()((db, p) =>
  db
    .insertInto('federated_logins')
    .values({
      hash: p.hash,
      principal_id: p.principalId,
      claims: p.claims,
      first_seen_at: p.firstSeenAt,
      good_until: p.goodUntil,
    })
    .onConflict((conflict) =>
      conflict.column('hash').doUpdateSet({
        principal_id: p.principalId,
        claims: p.claims,
        first_seen_at: p.firstSeenAt,
        good_until: p.goodUntil,
      }),
    ),
)

/** Replaces what was recorded of the same token before. */
export async function recordFederatedLogin(tx: Transaction, row: FederatedLoginRow): Promise<void> {
  await tx.run(record, row)
}

const forget = query<{ before: number }>()((db, p) =>
  db.deleteFrom('federated_logins').where('good_until', '<=', p.before),
)

/** Returns how many there were that are good no longer. */
export async function deleteEndedFederatedLogins(tx: Transaction, before: number): Promise<number> {
  return tx.run(forget, { before })
}

function ruleOf({ disabledAt, jwksUrl, createdBy, ...raw }: RawRule): FederationRuleRow {
  return {
    ...raw,
    disabled: disabledAt !== null,
    jwksUrl: jwksUrl ?? undefined,
    createdBy: createdBy ?? undefined,
  }
}
