// What is known of the issuers that people trust most, and the one thing asked of every rule: it must say who is
// meant. An issuer such as GitHub's signs tokens for everybody; a rule that says only "the branch main" would let any
// repository in the world push.
import { FederationClaimsError, valuesOf } from './federation-claims.ts'
import type { Conditions } from './federation-claims.ts'
import { isGlob } from './federation-claims-glob.ts'

export type FederationKind = 'github' | 'gitlab' | 'kubernetes' | 'custom'

export interface FederationPreset {
  readonly title: string
  /** The issuer when none is given; undefined for those that everybody has his own of. */
  readonly issuer: string | undefined
  /** Claims that say who is meant, the best ones first. */
  readonly identityClaims: readonly string[]
}

/** Whether a value, stars and all, can only be of somebody who is named in it. */
type Pin = (value: string) => boolean

/** An id or a name, as a whole. */
const whole: Pin = (value) => !isGlob(value)
/** A path whose first part is a name: `acme/*`, `acme/**`, and not `acme*` or `*`. */
const owned: Pin = (value) => /^[^*/:]+(\/|$)/.test(value)
/** It begins in this way; what follows may have stars. */
const begins =
  (pattern: RegExp): Pin =>
  (value) =>
    pattern.test(value)

type Pins = Readonly<Record<string, Pin>>

const githubPins: Pins = {
  repository_id: whole,
  repository_owner_id: whole,
  repository: begins(/^[^*/:]+\/./),
  repository_owner: whole,
  workflow_ref: begins(/^[^*/:]+\/[^*/:]+\//),
  // job_workflow_ref is none of them: a workflow that can be reused is run by any repository.
  sub: begins(
    /^(repo:[^*/:]+\/.|(repository_id|repository_owner_id|repository_owner):[^*:]+(:|$))/,
  ),
}

const gitlabPins: Pins = {
  project_id: whole,
  namespace_id: whole,
  project_path: owned,
  namespace_path: owned,
  sub: begins(/^project_path:[^*/:]+\/./),
}

const kubernetesPins: Pins = {
  'kubernetes.io.namespace': whole,
  'kubernetes.io.serviceaccount.uid': whole,
  sub: begins(/^system:serviceaccount:[^*:]+:./),
}

const organizationPin = begins(/^organization:[^*:]+:./)

/** Issuers that sign for everybody, under whatever kind they are configured. */
const sharedIssuers: readonly (readonly [url: string, pins: Pins])[] = [
  ['https://token.actions.githubusercontent.com', githubPins],
  ['https://gitlab.com', gitlabPins],
  ['https://accounts.google.com', { sub: whole, email: whole, hd: whole }],
  [
    'https://agent.buildkite.com',
    { organization_id: whole, organization_slug: whole, sub: organizationPin },
  ],
  [
    'https://app.terraform.io',
    { terraform_organization_id: whole, terraform_organization_name: whole, sub: organizationPin },
  ],
]

const pinsByKind: Readonly<Record<FederationKind, Pins | undefined>> = {
  github: githubPins,
  gitlab: gitlabPins,
  kubernetes: kubernetesPins,
  custom: undefined,
}

export const federationPresets: Readonly<Record<FederationKind, FederationPreset>> = {
  github: preset('GitHub Actions', 'https://token.actions.githubusercontent.com', githubPins),
  gitlab: preset('GitLab CI', 'https://gitlab.com', gitlabPins),
  kubernetes: preset('Kubernetes', undefined, kubernetesPins),
  custom: preset('Other', undefined, { sub: whole }),
}

/** Of an issuer that nobody knows: what says how or where something ran, and not who ran it. */
const tellsNobody: ReadonlySet<string> = new Set([
  'acr',
  'amr',
  'auth_time',
  'azp',
  'nonce',
  'typ',
  'email_verified',
  'scope',
  'scp',
  'branch',
  'tag',
  'ref',
  'ref_type',
  'ref_path',
  'ref_protected',
  'environment',
  'environment_protected',
  'event_name',
  'pipeline_source',
  'runner_environment',
  'sha',
  'visibility',
  'repository_visibility',
  'project_visibility',
  'workflow',
  'job',
])

export function isFederationKind(text: string): text is FederationKind {
  return Object.hasOwn(pinsByKind, text)
}

/**
 * A rule is refused that would match tokens of people nobody named. Each value of the claim that names them must do so.
 * @throws {FederationClaimsError} which says what claims would do
 */
export function requireIdentity(
  kind: FederationKind,
  issuer: string,
  conditions: Conditions,
): void {
  const ofKind = pinsByKind[kind]
  const shared = sharedIssuers.find(([url]) => issuer === url || issuer.startsWith(`${url}/`))
  const all = [ofKind, shared?.[1]].filter((pins) => pins !== undefined)
  for (const pins of new Set(all)) {
    const isPinned = Object.entries(pins).some(([claim, pin]) => isHeld(conditions, claim, pin))
    if (isPinned) continue
    const claims = Object.keys(pins).join(', ')
    throw new FederationClaimsError(
      `The rule does not say who is meant: ${issuer} signs for many, and all of them could use it. ` +
        `Add one of ${claims}, with the owner written out.`,
    )
  }
  if (all.length > 0 || Object.keys(conditions).some((claim) => tellsWho(conditions, claim))) return
  throw new FederationClaimsError(
    'The rule does not say who is meant: whoever gets a token of that issuer could use it. ' +
      'Add the claim sub, or another that names an account or a project and does not begin with *.',
  )
}

/** What is allowed and yet worth a second look: whole sentences, for the one who makes the rule. */
export function warningsFor(kind: FederationKind, conditions: Conditions): readonly string[] {
  const warnings: string[] = []
  const has = (...claims: readonly string[]): boolean =>
    claims.some((claim) => Object.hasOwn(conditions, claim))
  if (kind === 'github' && !has('repository_id', 'repository_owner_id')) {
    warnings.push(nameWarning('repository_id or repository_owner_id'))
  }
  if (kind === 'gitlab' && !has('project_id', 'namespace_id')) {
    warnings.push(nameWarning('project_id or namespace_id'))
  }
  const isCode = kind === 'github' || kind === 'gitlab'
  if (isCode && !has('ref', 'environment', 'sub', 'workflow_ref', 'ref_protected')) {
    warnings.push('Every branch and tag may use this rule. Add ref or environment to narrow it.')
  }
  return warnings
}

function nameWarning(claims: string): string {
  return `Names can be given up and taken by somebody else. Add ${claims}, which stay.`
}

function isHeld(conditions: Conditions, claim: string, pin: Pin): boolean {
  const value = Object.hasOwn(conditions, claim) ? conditions[claim] : undefined
  return value !== undefined && valuesOf(value).every(pin)
}

function tellsWho(conditions: Conditions, claim: string): boolean {
  if (tellsNobody.has(claim)) return false
  return isHeld(conditions, claim, (value) => /^[^*]/.test(value) && !/^(true|false)$/.test(value))
}

function preset(title: string, issuer: string | undefined, pins: Pins): FederationPreset {
  return { title, issuer, identityClaims: Object.keys(pins) }
}
