// The conditions of a trust rule: which claims an ID token must have. All of them must hold; of the values of one claim
// any. Pure: tokens are verified elsewhere.
//
//   { "repository": "acme/app", "ref": ["refs/heads/main", "refs/tags/v*"] }
//
// A claim within an object is named with dots: `kubernetes.io.serviceaccount.name`. Keys may have dots themselves, so
// at each level the longest key that is there is taken: the whole name first, then the name up to its last dot, and so
// on. Here that is `kubernetes.io`, in it `serviceaccount`, in it `name`.
import { matchesGlob, problemOfGlob } from './federation-claims-glob.ts'

export type ConditionValue = string | readonly string[]

/** By claim. Values may have stars; see federation-claims-glob.ts. */
export type Conditions = Readonly<Record<string, ConditionValue>>

export type Claims = Readonly<Record<string, unknown>>

export type ConditionsOutcome =
  | { readonly matched: true }
  /** One sentence: which claim, what it has to be, and what it is. */
  | { readonly matched: false; readonly why: string }

export class FederationClaimsError extends Error {
  override readonly name = 'FederationClaimsError'
}

const maxConditions = 50
const maxValues = 50
const maxValueCharacters = 512
const maxNameCharacters = 128
/** Of a claim in a token. What is longer matches nothing. */
const maxClaimCharacters = 4096
const maxShown = 120

/** The rule says these itself, or they say nothing of who asks. */
const ownClaims: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti'])

/**
 * Reads what somebody wrote. Numbers and true or false become texts, as they do in a token.
 * @throws {FederationClaimsError} with the reason
 */
export function parseConditions(input: unknown): Conditions {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw wrong('The conditions of a rule are an object: { "claim": "value" }.')
  }
  const entries = Object.entries(input as Record<string, unknown>)
  if (entries.length === 0)
    throw wrong('A rule needs a condition: without one it trusts everybody.')
  if (entries.length > maxConditions) throw wrong(`A rule has at most ${maxConditions} conditions.`)
  return Object.fromEntries(
    entries.map(([name, value]) => [readName(name), readValue(name, value)]),
  )
}

/** Claims of a verified token; the first condition that does not hold is told. */
export function matchConditions(conditions: Conditions, claims: Claims): ConditionsOutcome {
  for (const [name, wanted] of Object.entries(conditions)) {
    const found = claimAt(claims, name)
    if (!matchesValue(wanted, found)) return { matched: false, why: explain(name, wanted, found) }
  }
  return { matched: true }
}

/** The values of a condition, one or many. */
export function valuesOf(value: ConditionValue): readonly string[] {
  return typeof value === 'string' ? [value] : value
}

/** Undefined for what is not there. Never anything that an object inherits. */
export function claimAt(claims: Claims, name: string): unknown {
  for (let end = name.length; end > 0; end = name.lastIndexOf('.', end - 1)) {
    const key = name.slice(0, end)
    if (!Object.hasOwn(claims, key)) continue
    const value = claims[key]
    if (end === name.length) return value
    return isClaims(value) ? claimAt(value, name.slice(end + 1)) : undefined
  }
  return undefined
}

function isClaims(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readName(name: string): string {
  if (!/^[\x21-\x7e]+$/.test(name) || name.length > maxNameCharacters) {
    throw wrong(`${shown(name)} is not the name of a claim.`)
  }
  if (ownClaims.has(name)) {
    throw wrong(`${name} cannot be a condition: the rule itself has its issuer and audience.`)
  }
  return name
}

function readValue(name: string, value: unknown): ConditionValue {
  if (!Array.isArray(value)) return readText(name, value)
  if (value.length === 0 || value.length > maxValues) {
    throw wrong(`${name} needs from 1 to ${maxValues} values.`)
  }
  const texts = [...new Set(value.map((one: unknown) => readText(name, one)))]
  return texts.length === 1 ? (texts[0] ?? '') : texts
}

function readText(name: string, value: unknown): string {
  const text = textOf(value)
  if (text === undefined) throw wrong(`The value of ${name} is not a text.`)
  if (text === '' || text !== text.trim() || text.length > maxValueCharacters) {
    const limits = `1 to ${maxValueCharacters} characters without spaces around them`
    throw wrong(`The value of ${name} is ${shown(text)}, and has to be ${limits}.`)
  }
  if (/\p{Cc}/u.test(text)) throw wrong(`The value of ${name} has control characters.`)
  const problem = problemOfGlob(text)
  if (problem !== undefined) {
    const rule = '* stands for a part, and ** at the end for all the rest'
    throw wrong(`The value ${shown(text)} of ${name} ${problem}: ${rule}.`)
  }
  return text
}

/** Of a list of texts in a token (groups, say) one must match. */
function matchesValue(wanted: ConditionValue, found: unknown): boolean {
  const texts = (Array.isArray(found) ? (found as unknown[]) : [found]).map(textOf)
  return texts.some((text) => {
    if (text === undefined || text.length > maxClaimCharacters) return false
    return valuesOf(wanted).some((pattern) => matchesGlob(pattern, text))
  })
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  const isPlain = typeof value === 'boolean' || Number.isSafeInteger(value)
  return isPlain ? String(value) : undefined
}

function explain(name: string, wanted: ConditionValue, found: unknown): string {
  const values = valuesOf(wanted)
  const list = shown(values.slice(0, 10).join(', '))
  const rule = values.length === 1 ? list : `one of ${list}`
  if (found === undefined) return `The token has no claim ${name}, which has to be ${rule}.`
  const text = textOf(found) ?? JSON.stringify(found)
  return `The claim ${name} is ${shown(text)} and has to be ${rule}.`
}

/** On one line and short: it may come from a token. */
function shown(text: string): string {
  return JSON.stringify(text.length > maxShown ? `${text.slice(0, maxShown)}…` : text)
}

function wrong(message: string): FederationClaimsError {
  return new FederationClaimsError(message)
}
