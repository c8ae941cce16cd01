// Signing in with the identity token of a CI job as docker's password. Trust rules say whose it is; the token itself is
// all that is needed, so that no secret lies in any CI system. A token that was taken is taken again for an hour, even
// when its own minutes are over: clients send it again with every refresh of a long push.
import { hash } from 'node:crypto'
import type { Federate, FederatedLogin } from '../auth/sign-in-federated.ts'
import { isAlias } from '../auth/user-aliases.ts'
import { appendAudit } from '../metadata/audit.ts'
import {
  deleteEndedFederatedLogins,
  findFederatedLogin,
  findFederationRule,
  listRulesOfIssuer,
  recordFederatedLogin,
  type FederationRuleRow,
} from '../metadata/federation.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { OciError } from '../oci/errors.ts'
import type { FederationKind } from '../sign-on/federation-claims-presets.ts'
import { provenanceOf, type Provenance } from '../sign-on/federation-claims-provenance.ts'
import { matchConditions, type Conditions } from '../sign-on/federation-claims.ts'
import { IdTokenError } from '../sign-on/id-token-error.ts'
import { looksLikeIdToken, peekIssuer, type IdTokenVerifier } from '../sign-on/id-token.ts'
import { createTokenCheck, type TokenCheck } from './federation-check.ts'

export interface FederationDeps {
  readonly metadata: MetadataStore
  readonly idTokens: Pick<IdTokenVerifier, 'verify'>
}

/** From when it is first seen. */
export const goodForMs = 60 * 60_000
/** Of the provenance that is kept with what a job pushes. */
const maxProvenanceBytes = 4096

/**
 * `user`: the name of a rule chooses that one; an alias, such as `oidc`, takes the first that fits. Undefined when the
 * token is from nobody whom any rule trusts.
 */
export function createFederate(deps: FederationDeps): Federate {
  return async (token, user) => {
    if (!looksLikeIdToken(token)) return undefined
    const chosen = isAlias(user) ? undefined : await findFederationRule(deps.metadata, user)
    const key = keyOf(token, chosen)
    const isNamed = isAlias(user) || chosen !== undefined
    const known = isNamed && (await findFederatedLogin(deps.metadata, key, Date.now()))
    if (known) return loginOf(known)
    const rules = await trustedRules(deps, token)
    if (rules.length === 0) return undefined
    if (!isNamed) throw wrongUser()
    const asked = chosen === undefined ? rules : rules.filter(({ name }) => name === chosen.name)
    const found = await firstThatFits(asked, createTokenCheck(deps, token))
    return deps.metadata.write((tx) => record(tx, key, found))
  }
}

/** Two rules can be asked with the same token, each by its name: neither answers for the other. */
function keyOf(token: string, chosen: FederationRuleRow | undefined): string {
  return hash('sha256', JSON.stringify([chosen?.principalId ?? 0, token]))
}

/** Whoever the token says it is from is only asked for its keys when a rule trusts it. */
async function trustedRules({ metadata }: FederationDeps, token: string) {
  const issuer = peekIssuer(token)
  if (issuer === undefined) return []
  return (await listRulesOfIssuer(metadata, issuer)).filter(({ disabled }) => !disabled)
}

interface Fitting {
  readonly rule: FederationRuleRow
  readonly provenance: Provenance
}

async function firstThatFits(
  rules: readonly FederationRuleRow[],
  check: TokenCheck,
): Promise<Fitting> {
  const problems: IdTokenError[] = []
  for (const rule of rules) {
    const claims = await check(rule)
    if (claims instanceof IdTokenError) {
      problems.push(claims)
      continue
    }
    if (!matchConditions(JSON.parse(rule.claims) as Conditions, claims).matched) continue
    return { rule, provenance: provenanceOf(rule.kind as FederationKind, claims) }
  }
  // Where the token was good for one rule, what is wrong with it for another does not matter.
  const [problem] = problems
  throw problem !== undefined && problems.length === rules.length ? notGood(problem) : noneFits()
}

/** What the token says was verified a moment ago. Undefined when the rule is gone or disabled meanwhile. */
async function record(
  tx: Transaction,
  key: string,
  { rule, provenance }: Fitting,
): Promise<FederatedLogin | undefined> {
  const current = await findFederationRule(tx, rule.name)
  if (current?.principalId !== rule.principalId || current.disabled) return undefined
  const now = Date.now()
  const row = {
    hash: key,
    principalId: rule.principalId,
    claims: provenanceText(rule.name, provenance),
    firstSeenAt: now,
    goodUntil: now + goodForMs,
  }
  await recordFederatedLogin(tx, row)
  await appendAudit(tx, {
    event: 'federation.login',
    actor: { id: rule.principalId, name: rule.name },
    subject: `federated:${rule.name}`,
    detail: { ...provenance },
  })
  return loginOf(row)
}

function loginOf(row: {
  readonly principalId: number
  readonly claims: string
  readonly goodUntil: number
}): FederatedLogin {
  return { principalId: row.principalId, provenance: row.claims, goodUntil: row.goodUntil }
}

/** An issuer fills the claims: what does not fit is left out. */
function provenanceText(rule: string, provenance: Provenance): string {
  const whole = JSON.stringify({ rule, ...provenance })
  if (Buffer.byteLength(whole) <= maxProvenanceBytes) return whole
  const { issuer, subject } = provenance
  return JSON.stringify({ rule, issuer: issuer.slice(0, 200), subject: subject.slice(0, 200) })
}

/** Regular work: forgets tokens whose time is over. Returns how many. */
export async function forgetEndedLogins({
  metadata,
}: Pick<FederationDeps, 'metadata'>): Promise<number> {
  return metadata.write((tx) => deleteEndedFederatedLogins(tx, Date.now()), { durable: false })
}

function notGood({ message, kind }: IdTokenError): OciError {
  const end = kind === 'issuer' ? ' Try again in a while, or ask an administrator.' : ''
  return new OciError('UNAUTHORIZED', { message: `${message}${end}` })
}

/** Nothing of the rules is told: whoever has an account at the CI system can get a token for this registry. */
function noneFits(): OciError {
  return new OciError('UNAUTHORIZED', {
    message:
      'The ID token is good, but no trust rule is for this job. An administrator sees why with: carrel federation test',
  })
}

function wrongUser(): OciError {
  return new OciError('UNAUTHORIZED', {
    message:
      'With an ID token as the password, sign in as oidc, or with the name of the trust rule to use.',
  })
}
