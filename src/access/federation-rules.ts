// Trust rules: which jobs of which CI system may sign in with the identity token that the system gives them. A rule is
// a principal, so that its grants, their use and their review are those of any other.
import {
  FederationClaimsError,
  parseConditions,
  type Conditions,
} from '../sign-on/federation-claims.ts'
import {
  federationPresets,
  requireIdentity,
  warningsFor,
  type FederationKind,
} from '../sign-on/federation-claims-presets.ts'
import { IdTokenError } from '../sign-on/id-token-error.ts'
import type { IdTokenVerifier } from '../sign-on/id-token.ts'
import { appendAudit } from '../metadata/audit.ts'
import {
  findFederationRule,
  insertFederationRule,
  listFederationRules,
  type FederationRuleRow,
} from '../metadata/federation.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import {
  changePrincipal,
  deletePrincipal,
  findPrincipalByName,
  insertPrincipal,
} from '../metadata/principals.ts'
import { findMachine } from '../metadata/robots.ts'
import type { Actor } from './actor.ts'
import { giveFirstGrants, readFirstGrants, type FirstGrant } from './first-grants.ts'
import { requireFreeName, requirePrincipalName } from './principal-names.ts'
import { Refusal } from './refusal.ts'
import { formatSubject, subjectOf } from './subjects.ts'

export interface FederationRulesDeps {
  readonly metadata: MetadataStore
}

export interface FederationRule {
  readonly id: number
  readonly name: string
  readonly kind: FederationKind
  readonly issuer: string
  readonly audience: string
  readonly claims: Conditions
  readonly jwksUrl: string | undefined
  readonly disabled: boolean
  /** How many of its own it has. */
  readonly grants: number
  readonly createdAt: number
  readonly createdBy: string | undefined
  readonly lastSeenAt: number | undefined
  /** What is worth a second look, in whole sentences. */
  readonly warnings: readonly string[]
}

export interface NewFederationRule {
  readonly name: string
  readonly kind: FederationKind
  /** Left out: that of the kind. */
  readonly issuer?: string | undefined
  /** Left out: this installation. */
  readonly audience?: string | undefined
  /** A claim and its value, or a list of which any will do. */
  readonly claims: Readonly<Record<string, unknown>>
  /** Where the issuer's keys are, when it cannot be asked for that. */
  readonly jwksUrl?: string | undefined
  /** Such as `web/app:pull,push`: each becomes a grant. The caller has looked that the actor may give it. */
  readonly scopes?: readonly string[] | undefined
}

/** What it takes to make one: the issuer is asked for its keys before anything is kept. */
export interface MakeFederationRuleDeps extends FederationRulesDeps {
  readonly idTokens: Pick<IdTokenVerifier, 'validateIssuer'>
  /** How clients call this installation. */
  readonly audience: () => string
}

/** @throws {Refusal} exists, invalid also for an issuer whose keys cannot be had */
export async function createFederationRule(
  deps: MakeFederationRuleDeps,
  actor: Actor,
  { name, kind, claims, jwksUrl, scopes = [], ...asked }: NewFederationRule,
): Promise<FederationRule> {
  requirePrincipalName(name, 'trust rule')
  const issuer = asked.issuer ?? requirePresetIssuer(kind)
  const conditions = requireConditions(kind, issuer, claims)
  const grants = readFirstGrants(scopes)
  const audience = requireAudience(asked.audience ?? deps.audience())
  // Before the issuer is asked, which takes a while; what happens meanwhile the transaction sees.
  await requireFreeName(deps.metadata, name)
  await requireIssuer(deps, issuer, jwksUrl)
  const rule = { kind, issuer, audience, claims: JSON.stringify(conditions), jwksUrl }
  return deps.metadata.write(async (tx) => {
    await requireFreeName(tx, name)
    await insertRule(tx, actor, { name, rule, grants })
    return ruleOf(tx, await requireRule(tx, name))
  })
}

type RuleTerms = Pick<FederationRuleRow, 'kind' | 'issuer' | 'audience' | 'claims' | 'jwksUrl'>

async function insertRule(
  tx: Transaction,
  actor: Actor,
  made: {
    readonly name: string
    readonly rule: RuleTerms
    readonly grants: readonly FirstGrant[]
  },
): Promise<void> {
  const { name, rule, grants } = made
  const kind = 'federated' as const
  await insertPrincipal(tx, { name, provider: 'federation', kind, createdBy: actor.id })
  const id = (await findPrincipalByName(tx, name))?.id ?? 0
  const createdAt = Date.now()
  await insertFederationRule(tx, { ...rule, principalId: id, createdAt, createdBy: actor.id })
  const subject = subjectOf({ id, name, kind })
  await appendAudit(tx, {
    event: 'federation.added',
    actor,
    subject: formatSubject(subject),
    detail: {
      kind: rule.kind,
      issuer: rule.issuer,
      audience: rule.audience,
      claims: rule.claims,
      jwksUrl: rule.jwksUrl,
    },
  })
  await giveFirstGrants(tx, actor, { subject, reason: 'made with the trust rule' }, grants)
}

/** At most `limit` rules after the one with the id `after` (0 for the first page), by id. */
export async function listRules(
  { metadata }: FederationRulesDeps,
  page: { readonly after: number; readonly limit: number },
): Promise<readonly FederationRule[]> {
  return metadata.read(async (tx) => {
    const rules: FederationRule[] = []
    for (const row of await listFederationRules(tx, page)) rules.push(await ruleOf(tx, row))
    return rules
  })
}

/** @throws {Refusal} not-found */
export async function showRule(
  { metadata }: FederationRulesDeps,
  name: string,
): Promise<FederationRule> {
  return metadata.read(async (tx) => ruleOf(tx, await requireRule(tx, name)))
}

export interface FederationRuleChange {
  readonly name: string
  /** Jobs that signed in by it stop within seconds. */
  readonly disabled: boolean
  readonly expect?: ((current: FederationRule) => void) | undefined
}

/** Whom a rule trusts never changes: make another one for that. @throws {Refusal} not-found */
export async function changeRule(
  { metadata }: FederationRulesDeps,
  actor: Actor,
  { name, disabled, expect }: FederationRuleChange,
): Promise<FederationRule> {
  return metadata.write(async (tx) => {
    const rule = await ruleOf(tx, await requireRule(tx, name))
    const row = await findPrincipalByName(tx, name)
    if (row === undefined) throw unknownRule(name)
    expect?.(rule)
    if (rule.disabled === disabled) return rule
    await changePrincipal(tx, { ...row, disabled })
    const event = disabled ? 'user.disabled' : 'user.enabled'
    await appendAudit(tx, { event, actor, subject: `federated:${name}` })
    return ruleOf(tx, await requireRule(tx, name))
  })
}

/** Its grants go with it, and so do the sign-ins by it. @throws {Refusal} not-found */
export async function removeRule(
  { metadata }: FederationRulesDeps,
  actor: Actor,
  { name, expect }: { readonly name: string; readonly expect?: (current: FederationRule) => void },
): Promise<{ readonly id: number }> {
  return metadata.write(async (tx) => {
    const rule = await ruleOf(tx, await requireRule(tx, name))
    expect?.(rule)
    await deletePrincipal(tx, rule.id)
    await appendAudit(tx, { event: 'federation.removed', actor, subject: `federated:${name}` })
    return { id: rule.id }
  })
}

function requirePresetIssuer(kind: FederationKind): string {
  const { issuer, title } = federationPresets[kind]
  if (issuer !== undefined) return issuer
  throw new Refusal('invalid', 'who signs the tokens?', {
    why: kind === 'custom' ? 'a rule has an issuer' : `every ${title} has an issuer of its own`,
    fix: '--issuer https://ISSUER',
  })
}

function requireConditions(
  kind: FederationKind,
  issuer: string,
  claims: Readonly<Record<string, unknown>>,
): Conditions {
  try {
    const conditions = parseConditions(claims)
    requireIdentity(kind, issuer, conditions)
    return conditions
  } catch (cause) {
    if (!(cause instanceof FederationClaimsError)) throw cause
    throw new Refusal('invalid', 'the rule cannot be made as it is', { why: cause.message, cause })
  }
}

const longestAudience = 500

function requireAudience(audience: string): string {
  const isPlain = /^[^\p{Cc}\p{Cs}\s]+$/u.test(audience)
  if (isPlain && audience.length <= longestAudience) return audience
  throw new Refusal('invalid', 'this cannot be an audience', {
    why: 'it is what the token has as aud, without blanks, such as https://registry.example.com',
  })
}

async function requireIssuer(
  { idTokens }: MakeFederationRuleDeps,
  issuer: string,
  jwksUrl: string | undefined,
): Promise<void> {
  try {
    await idTokens.validateIssuer(issuer, jwksUrl)
  } catch (cause) {
    if (!(cause instanceof IdTokenError)) throw cause
    throw new Refusal('invalid', 'tokens of this issuer could not be verified', {
      why: cause.message,
      fix: 'correct --issuer, or say where its keys are with --jwks-url',
      cause,
    })
  }
}

async function requireRule(reader: Reader, name: string): Promise<FederationRuleRow> {
  const found = await findFederationRule(reader, name)
  if (found === undefined) throw unknownRule(name)
  return found
}

function unknownRule(name: string): Refusal {
  return new Refusal('not-found', `there is no trust rule ${name}`)
}

async function ruleOf(reader: Reader, row: FederationRuleRow): Promise<FederationRule> {
  const { principalId, name, issuer, audience, jwksUrl, disabled, createdAt } = row
  const machine = await findMachine(reader, 'federated', name)
  const kind = row.kind as FederationKind
  const claims = JSON.parse(row.claims) as Conditions
  return {
    id: principalId,
    name,
    kind,
    issuer,
    audience,
    claims,
    jwksUrl,
    disabled,
    grants: machine?.grants ?? 0,
    createdAt,
    createdBy: machine?.createdBy?.name,
    lastSeenAt: machine?.lastSeenAt,
    warnings: warningsFor(kind, claims),
  }
}
