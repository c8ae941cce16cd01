// A person's second factor: switched on by a first code that shows that the app has the secret, and by recovery codes
// for the day when the device is lost. While it is on, the password alone opens neither the registry nor the API;
// tokens do.
import { createSetupKey, hashSetupKey } from '../auth/setup-link.ts'
import { openTotpSecret, sealTotpSecret } from '../auth/totp-seal.ts'
import { checkTotp, encodeTotpSecret, makeTotpSecret, totpUri } from '../auth/totp.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { findPrincipalById, type PrincipalRow } from '../metadata/principals.ts'
import {
  deleteRecoveryCodes,
  replaceRecoveryCodes,
  useRecoveryCode,
} from '../metadata/recovery-codes.ts'
import { clearTotp, findTotp, setTotp, useTotpStep } from '../metadata/totp.ts'
import type { Actor } from './actor.ts'
import { Refusal } from './refusal.ts'

export interface TotpDeps {
  readonly metadata: MetadataStore
  /** 32 bytes that seal the secrets at rest. */
  readonly totpKey: Uint8Array
}

const recoveryCodes = 10

export interface TotpEnrolment {
  /** Base32, for typing. */
  readonly secret: string
  /** `otpauth://…`, for a picture. */
  readonly uri: string
}

/**
 * Begins: nothing changes before confirmTotp. What was begun before counts no more.
 *
 * @throws {Refusal} exists when there is a second factor, invalid
 */
export async function startTotp(
  { metadata, totpKey }: TotpDeps,
  { principalId, issuer }: { readonly principalId: number; readonly issuer: string },
): Promise<TotpEnrolment> {
  const secret = makeTotpSecret()
  const sealed = sealTotpSecret(totpKey, principalId, secret)
  const { name } = await metadata.write(async (tx) => {
    const principal = await requirePerson(tx, principalId)
    if (!(await setTotp(tx, principalId, sealed))) throw isOnAlready()
    return principal
  })
  return { secret: encodeTotpSecret(secret), uri: totpUri({ issuer, account: name, secret }) }
}

/** Switches it on. The recovery codes are shown this once. @throws {Refusal} exists, invalid for a wrong code */
export async function confirmTotp(
  { metadata, totpKey }: TotpDeps,
  actor: Actor,
  { principalId, code }: { readonly principalId: number; readonly code: string },
): Promise<{ readonly recoveryCodes: readonly string[] }> {
  return metadata.write(async (tx) => {
    const { name, secondFactor } = await requirePerson(tx, principalId)
    if (secondFactor) throw isOnAlready()
    const begun = await findTotp(tx, principalId)
    const secret = begun && openTotpSecret(totpKey, principalId, begun.sealed)
    if (secret === undefined) {
      throw new Refusal('invalid', 'no second factor waits to be confirmed', { fix: 'begin again' })
    }
    const step = checkTotp(secret, code, { now: Date.now(), lastStep: undefined })
    // The code that confirms is used up by that.
    if (step === undefined || !(await useTotpStep(tx, principalId, step))) throw wrongCode()
    await appendAudit(tx, { event: 'user.totp-on', actor, subject: `user:${name}` })
    return { recoveryCodes: await newRecoveryCodes(tx, principalId) }
  })
}

/**
 * Ten new recovery codes instead of those that are left. @throws {Refusal} invalid when there is no second factor, or
 * the code is wrong
 */
export async function renewRecoveryCodes(
  deps: TotpDeps,
  { principalId, code }: { readonly principalId: number; readonly code: string },
): Promise<{ readonly recoveryCodes: readonly string[] }> {
  await requireSecondFactor(deps, principalId, code)
  return deps.metadata.write(async (tx) => ({
    recoveryCodes: await newRecoveryCodes(tx, principalId),
  }))
}

/**
 * Switches it off, with a code of the app or a recovery code.
 *
 * @throws {Refusal} invalid when it is off, or the code is wrong; not-found
 */
export async function stopTotp(
  deps: TotpDeps,
  actor: Actor,
  { principalId, code }: { readonly principalId: number; readonly code: string },
): Promise<void> {
  await requireSecondFactor(deps, principalId, code)
  await switchOff(deps, actor, principalId, 'code')
}

/** An administrator needs no code. @throws {Refusal} invalid when it is off; not-found */
export async function removeTotp(
  deps: Pick<TotpDeps, 'metadata'>,
  actor: Actor,
  principalId: number,
): Promise<void> {
  await switchOff(deps, actor, principalId, 'administrator')
}

async function switchOff(
  { metadata }: Pick<TotpDeps, 'metadata'>,
  actor: Actor,
  principalId: number,
  by: 'code' | 'administrator',
): Promise<void> {
  await metadata.write(async (tx) => {
    const { name, secondFactor } = await requirePerson(tx, principalId)
    if (!secondFactor) throw isOff(name)
    await clearTotp(tx, principalId)
    await deleteRecoveryCodes(tx, principalId)
    const subject = `user:${name}`
    await appendAudit(tx, { event: 'user.totp-off', actor, subject, detail: { by } })
  })
}

/**
 * Whether this is the principal's second factor, which uses the code up: of all who present one at once, one gets an
 * answer that is not undefined. Undefined too for whoever has no second factor. The caller limits how often one may try.
 */
export async function checkSecondFactor(
  { metadata, totpKey }: TotpDeps,
  principalId: number,
  typed: string,
): Promise<'totp' | 'recovery' | undefined> {
  const totp = await findTotp(metadata, principalId)
  // What was begun and never confirmed is nobody's second factor.
  if (totp?.lastStep === undefined) return undefined
  const secret = openTotpSecret(totpKey, principalId, totp.sealed)
  const now = Date.now()
  const step = secret && checkTotp(secret, typed, { now, lastStep: totp.lastStep })
  if (step !== undefined) {
    return (await metadata.write((tx) => useTotpStep(tx, principalId, step))) ? 'totp' : undefined
  }
  const hash = hashSetupKey(typed)
  if (hash === undefined) return undefined
  const isRight = await metadata.write((tx) => useRecoveryCode(tx, principalId, hash))
  return isRight ? 'recovery' : undefined
}

/** Written like setup keys: 100 random bits each, so that a plain hash of them may be stored. */
async function newRecoveryCodes(tx: Transaction, principalId: number): Promise<readonly string[]> {
  const codes = Array.from({ length: recoveryCodes }, () => createSetupKey())
  await replaceRecoveryCodes(
    tx,
    principalId,
    codes.map(({ hash }) => hash),
  )
  return codes.map(({ key }) => key)
}

async function requireSecondFactor(deps: TotpDeps, principalId: number, code: string) {
  const { name, secondFactor } = await requirePerson(deps.metadata, principalId)
  if (!secondFactor) throw isOff(name)
  if ((await checkSecondFactor(deps, principalId, code)) === undefined) throw wrongCode()
}

async function requirePerson(reader: Reader, principalId: number): Promise<PrincipalRow> {
  const principal = await findPrincipalById(reader, principalId)
  if (principal === undefined) throw new Refusal('not-found', 'there is no such account')
  if (principal.kind !== 'user') {
    throw new Refusal('invalid', `${principal.name} is no person`, {
      why: 'a second factor goes with a password, and it has none',
    })
  }
  if (principal.provider.startsWith('oidc:')) {
    throw new Refusal('invalid', 'the second factor is not kept here', {
      why: `${principal.name} signs in through ${principal.provider.slice('oidc:'.length)}, which asks for one`,
    })
  }
  return principal
}

function isOnAlready(): Refusal {
  return new Refusal('exists', 'there is a second factor already', {
    why: 'another one takes its place only after it was switched off with a code',
  })
}

function isOff(name: string): Refusal {
  return new Refusal('invalid', `${name} has no second factor`)
}

function wrongCode(): Refusal {
  return new Refusal('invalid', 'the code is wrong', {
    why: 'it was mistyped, used before, or the clocks of both devices differ by more than half a minute',
  })
}
