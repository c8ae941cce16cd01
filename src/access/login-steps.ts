// What is kept of a sign-in until its next request comes: that the password was right and a code is asked for, or what
// was asked of an identity provider. It is bound to the browser by a secret in a cookie, and lasts for minutes.
import { hashSecret, makeSecret, readSecret } from '../auth/secret-format.ts'
import { findLoginStep, insertLoginStep, takeLoginStep } from '../metadata/login-steps.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { PrincipalRow } from '../metadata/principals.ts'
import type { OidcCheck } from '../sign-on/oidc.ts'

export type LoginStep = CodeStep | ProviderStep

/** The password was right. */
export interface CodeStep {
  readonly waitsFor: 'code'
  readonly principalId: number
  /** As it was typed. */
  readonly user: string
  /** Of the account as it was; with another password this no longer counts. */
  readonly mark: string
}

/** The browser was sent to an identity provider. */
export interface ProviderStep {
  readonly waitsFor: 'provider'
  readonly check: OidcCheck
  /** The path to go to afterwards. */
  readonly to: string
}

export const codeStepMs = 5 * 60_000
export const providerStepMs = 10 * 60_000

/** Returns the secret for the cookie. */
export async function startLoginStep(
  metadata: MetadataStore,
  step: LoginStep,
  { address }: { readonly address: string },
): Promise<string> {
  const secret = makeSecret('session')
  const lastsMs = step.waitsFor === 'code' ? codeStepMs : providerStepMs
  const row = {
    hash: hashSecret(secret),
    expiresAt: Date.now() + lastsMs,
    address,
    detail: JSON.stringify(step),
  }
  // After a power loss one begins again.
  await metadata.write(async (tx) => insertLoginStep(tx, row), { durable: false })
  return secret
}

/** Undefined when no sign-in waits for this. It stays: a code may be mistyped. */
export async function findCodeStep(
  metadata: MetadataStore,
  secret: string | undefined,
): Promise<CodeStep | undefined> {
  const hash = hashOf(secret)
  const step = read(hash && (await findLoginStep(metadata, hash)))
  return step?.waitsFor === 'code' ? step : undefined
}

/** Ends it; returns whether it was there. */
export async function endLoginStep(
  metadata: MetadataStore,
  secret: string | undefined,
): Promise<boolean> {
  const hash = hashOf(secret)
  if (hash === undefined) return false
  return (await metadata.write(async (tx) => takeLoginStep(tx, hash))) !== undefined
}

/** Ends it: an answer of a provider counts once. */
export async function takeProviderStep(
  metadata: MetadataStore,
  secret: string | undefined,
): Promise<ProviderStep | undefined> {
  const hash = hashOf(secret)
  if (hash === undefined) return undefined
  const step = read(await metadata.write(async (tx) => takeLoginStep(tx, hash)))
  return step?.waitsFor === 'provider' ? step : undefined
}

/** What changes when the account's password does. */
export function passwordMark({ provider, passwordHash = '' }: PrincipalRow): string {
  return hashSecret(`${provider}:${passwordHash}`)
}

function hashOf(secret: string | undefined): string | undefined {
  return secret !== undefined && readSecret(secret)?.kind === 'session'
    ? hashSecret(secret)
    : undefined
}

function read(detail: string | undefined): LoginStep | undefined {
  return detail === undefined ? undefined : (JSON.parse(detail) as LoginStep)
}
