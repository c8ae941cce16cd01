// Signing in a program without a browser (RFC 8628): it shows a short code, a person who is signed in elsewhere types it
// and agrees, and the program, which asks again and again, gets a token once. The caller limits how often codes may be
// guessed.
import { hashSecret, makeSecret, readSecret } from '../auth/secret-format.ts'
import { makeUserCode, readUserCode } from '../auth/secret-user-code.ts'
import {
  answerDevice,
  consumeDeviceSession,
  findDeviceByCode,
  findDeviceByHash,
  insertDeviceSession,
} from '../metadata/device-sessions.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { findPrincipalById } from '../metadata/principals.ts'
import type { Actor } from './actor.ts'
import { Refusal } from './refusal.ts'
import { chooseExpiry } from './token-expiry.ts'
import { issueToken, type TokenWithSecret } from './tokens.ts'

export interface DeviceLoginDeps {
  readonly metadata: MetadataStore
}

const waitMs = 10 * 60_000
const intervalSeconds = 5
const tries = 5
const longestHost = 60

export interface StartedDevice {
  /** For the program alone. */
  readonly deviceCode: string
  /** For the person: `WDJB-MJHT`. */
  readonly userCode: string
  readonly expiresAt: number
  readonly intervalSeconds: number
}

export interface DeviceOrigin {
  /** How the program calls the machine that it runs on. */
  readonly host: string | undefined
  readonly address: string | undefined
  readonly userAgent: string | undefined
}

export async function startDevice(
  { metadata }: DeviceLoginDeps,
  { host, address, userAgent }: DeviceOrigin,
): Promise<StartedDevice> {
  const deviceCode = makeSecret('device')
  const expiresAt = Date.now() + waitMs
  const device = { hash: hashSecret(deviceCode), expiresAt, address, userAgent }
  const asked = { host: plainHost(host) }
  for (let tried = 0; tried < tries; tried += 1) {
    const userCode = makeUserCode()
    const id = await metadata.write((tx) => insertDeviceSession(tx, { ...device, userCode, asked }))
    if (id !== undefined) return { deviceCode, userCode, expiresAt, intervalSeconds }
  }
  throw new Error('every code that was drawn is in use')
}

export interface WaitingDevice {
  readonly userCode: string
  readonly host: string
  readonly address: string | undefined
  readonly userAgent: string | undefined
  readonly createdAt: number
  readonly expiresAt: number
}

/** For the person to compare before agreeing: undefined when nobody waits with this code. */
export async function findDevice(
  { metadata }: DeviceLoginDeps,
  typedCode: string,
): Promise<WaitingDevice | undefined> {
  const code = readUserCode(typedCode)
  const device = code === undefined ? undefined : await findDeviceByCode(metadata, code)
  if (device?.state !== 'waiting') return undefined
  const { userCode, address, userAgent, createdAt, expiresAt, asked } = device
  return { userCode, host: hostOf(asked), address, userAgent, createdAt, expiresAt }
}

/** The program signs in as the actor. @throws {Refusal} not-found when nobody waits with this code */
export async function agreeDevice(
  deps: DeviceLoginDeps,
  actor: Actor & { readonly id: number },
  typedCode: string,
): Promise<void> {
  await answer(deps, { typedCode, principalId: actor.id, state: 'agreed' })
}

/** @throws {Refusal} not-found when nobody waits with this code */
export async function refuseDevice(
  deps: DeviceLoginDeps,
  actor: Actor & { readonly id: number },
  typedCode: string,
): Promise<void> {
  await answer(deps, { typedCode, principalId: actor.id, state: 'refused' })
}

async function answer(
  { metadata }: DeviceLoginDeps,
  given: {
    readonly typedCode: string
    readonly principalId: number
    readonly state: 'agreed' | 'refused'
  },
): Promise<void> {
  const { typedCode, principalId, state } = given
  const userCode = readUserCode(typedCode)
  const isDone =
    userCode !== undefined &&
    (await metadata.write((tx) => answerDevice(tx, { userCode, principalId, state })))
  if (isDone) return
  throw new Refusal('not-found', 'nobody waits with this code', {
    why: 'it was mistyped, answered before, or is older than 10 minutes',
    fix: 'carrel login HOST',
  })
}

export type DeviceAnswer =
  | { readonly state: 'waiting' | 'refused' | 'expired' }
  /** Once. */
  | { readonly state: 'agreed'; readonly token: TokenWithSecret }

/** What has become of it. `address` is where the program asks from. */
export async function pollDevice(
  { metadata }: DeviceLoginDeps,
  deviceCode: string,
  { address }: { readonly address: string | undefined },
): Promise<DeviceAnswer> {
  if (readSecret(deviceCode)?.kind !== 'device') return { state: 'expired' }
  const hash = hashSecret(deviceCode)
  const device = await findDeviceByHash(metadata, hash)
  if (device === undefined) return { state: 'expired' }
  if (device.state === 'waiting') return { state: 'waiting' }
  return metadata.write((tx) => takeAnswer(tx, hash, address))
}

async function takeAnswer(
  tx: Transaction,
  hash: string,
  address: string | undefined,
): Promise<DeviceAnswer> {
  const device = await consumeDeviceSession(tx, hash)
  if (device === undefined) return { state: 'expired' }
  const owner =
    device.principalId === undefined ? undefined : await findPrincipalById(tx, device.principalId)
  // Who agreed may have been disabled or removed meanwhile.
  if (device.state !== 'agreed' || owner === undefined || !isActive(owner)) {
    return { state: 'refused' }
  }
  const actor = { id: owner.id, name: owner.name, ...(address !== undefined && { address }) }
  const name = `carrel login on ${hostOf(device.asked)}`
  const expiresAt = chooseExpiry('personal', undefined, { now: Date.now(), mayNever: false })
  const asked = { kind: 'personal' as const, owner, name, scopes: undefined, expiresAt }
  return { state: 'agreed', token: await issueToken(tx, actor, asked) }
}

function isActive({ disabled, expiresAt }: { disabled: boolean; expiresAt: number | undefined }) {
  return !disabled && (expiresAt === undefined || expiresAt > Date.now())
}

function plainHost(host: string | undefined): string {
  const plain = (host ?? '').replace(/[^\p{L}\p{N}._-]/gu, '').slice(0, longestHost)
  return plain.toWellFormed() === '' ? 'an unnamed machine' : plain.toWellFormed()
}

function hostOf({ host }: Readonly<Record<string, unknown>>): string {
  return typeof host === 'string' ? host : 'an unnamed machine'
}
