// Why an identity token is taken or not, for whoever makes trust rules: rule by rule, claim by claim.
import {
  findFederationRule,
  listRulesOfIssuer,
  type FederationRuleRow,
} from '../metadata/federation.ts'
import {
  claimAt,
  matchConditions,
  valuesOf,
  type Claims,
  type Conditions,
} from '../sign-on/federation-claims.ts'
import { IdTokenError } from '../sign-on/id-token-error.ts'
import { readIdToken } from '../sign-on/id-token-format.ts'
import { createTokenCheck, type TokenCheck } from './federation-check.ts'
import type { FederationDeps } from './federation.ts'
import { Refusal } from './refusal.ts'

export interface FederationTest {
  readonly accepted: boolean
  /** The rule by which it is: of several, the oldest. */
  readonly rule: string | undefined
  /** As the token says; nobody has verified it. */
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly audience: readonly string[]
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined
  /** Why no rule could be asked, in whole sentences. */
  readonly problem: string | undefined
  readonly rules: readonly TestedRule[]
}

export interface TestedRule {
  readonly name: string
  readonly accepted: boolean
  readonly disabled: boolean
  /** Why the token itself is not good for this rule: signature, audience, time. */
  readonly problem: string | undefined
  readonly claims: readonly TestedClaim[]
}

export interface TestedClaim {
  readonly name: string
  readonly ok: boolean
  readonly expected: readonly string[]
  /** Undefined: the token has no such claim. */
  readonly found: string | undefined
}

const longestFound = 300

/**
 * Signs nobody in. With a rule's name that rule is asked alone, whatever its issuer.
 *
 * @throws {Refusal} not-found for a rule that is not there
 */
export async function testFederation(
  deps: FederationDeps,
  token: string,
  ruleName?: string,
): Promise<FederationTest> {
  const claims = claimsOf(token)
  if (claims instanceof IdTokenError) return refusedAsAWhole({}, claims.message)
  const rules = await rulesToAsk(deps, claims, ruleName)
  if (rules.length === 0) {
    const issuer = JSON.stringify(textOf(claims['iss']) ?? '')
    return refusedAsAWhole(claims, `No trust rule is for the issuer ${issuer}.`)
  }
  const check = createTokenCheck(deps, token)
  const tested: TestedRule[] = []
  for (const rule of rules) tested.push(await testRule(rule, claims, check))
  const first = tested.find(({ accepted }) => accepted)
  return {
    ...aboutToken(claims),
    accepted: first !== undefined,
    rule: first?.name,
    problem: undefined,
    rules: tested,
  }
}

function claimsOf(token: string): Claims | IdTokenError {
  try {
    return readIdToken(token).claims
  } catch (error) {
    if (error instanceof IdTokenError) return error
    throw error
  }
}

async function rulesToAsk(
  { metadata }: FederationDeps,
  claims: Claims,
  ruleName: string | undefined,
): Promise<readonly FederationRuleRow[]> {
  if (ruleName === undefined) return listRulesOfIssuer(metadata, textOf(claims['iss']) ?? '')
  const rule = await findFederationRule(metadata, ruleName)
  if (rule === undefined) throw new Refusal('not-found', `there is no trust rule ${ruleName}`)
  return [rule]
}

/** The conditions are compared also where the token is not good: both can be wrong at once. */
async function testRule(
  rule: FederationRuleRow,
  claims: Claims,
  check: TokenCheck,
): Promise<TestedRule> {
  const { name, disabled } = rule
  const outcome = await check(rule)
  const problem = outcome instanceof IdTokenError ? outcome.message : undefined
  const conditions = Object.entries(JSON.parse(rule.claims) as Conditions)
  const tested = conditions.map(([claim, wanted]) => ({
    name: claim,
    ok: matchConditions({ [claim]: wanted }, claims).matched,
    expected: valuesOf(wanted),
    found: shown(claimAt(claims, claim)),
  }))
  const accepted = problem === undefined && !disabled && tested.every(({ ok }) => ok)
  return { name, accepted, disabled, problem, claims: tested }
}

function refusedAsAWhole(claims: Claims, problem: string): FederationTest {
  return { ...aboutToken(claims), accepted: false, rule: undefined, problem, rules: [] }
}

function aboutToken({ iss, sub, aud, exp }: Claims) {
  const audience = (Array.isArray(aud) ? (aud as unknown[]) : [aud]).map(textOf)
  return {
    issuer: textOf(iss),
    subject: textOf(sub),
    audience: audience.filter((one) => one !== undefined).slice(0, 20),
    expiresAt: typeof exp === 'number' && exp > 0 && exp < 253_402_300_800 ? exp * 1000 : undefined,
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, longestFound).toWellFormed() : undefined
}

function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.slice(0, longestFound).toWellFormed()
}
