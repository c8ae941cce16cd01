// Robots: accounts of programs. A robot has one token, which opens what was granted to it, and no password; docker
// logs in with the robot's name. Whoever made a robot looks after it, and never gains by that what they lack.
import type { Identity } from '../auth/identity.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import {
  changePrincipal,
  deletePrincipal,
  findPrincipalByName,
  insertPrincipal,
} from '../metadata/principals.ts'
import { findMachine, listMachines, type MachineRow } from '../metadata/robots.ts'
import { listTokens } from '../metadata/tokens.ts'
import type { Actor } from './actor.ts'
import { giveFirstGrants, readFirstGrants } from './first-grants.ts'
import { missingRights } from './missing-rights.ts'
import { longestDescription, requireOneLine } from './one-line.ts'
import { requireFreeName, requirePrincipalName } from './principal-names.ts'
import { Refusal } from './refusal.ts'
import { formatSubject, subjectOf } from './subjects.ts'
import { chooseExpiry, type AskedExpiry } from './token-expiry.ts'
import { createTokenViews, type Token } from './token-view.ts'
import { issueToken, replaceSecret } from './tokens.ts'

export interface RobotsDeps {
  readonly metadata: MetadataStore
}

export interface Robot extends MachineRow {
  /** Its one token: when it ends, when it was used, and both secrets during a rotation. */
  readonly token: Token | undefined
}

/** The secret is shown this once. */
export type RobotWithSecret = Robot & { readonly secret: string }

export interface NewRobot {
  readonly name: string
  readonly description?: string | undefined
  /** Such as `web/app:pull,push`: each becomes a grant. The caller has looked that the actor may give it. */
  readonly scopes?: readonly string[] | undefined
  readonly expiresAt?: AskedExpiry
}

/** @throws {Refusal} exists, invalid, policy */
export async function createRobot(
  { metadata }: RobotsDeps,
  actor: Actor,
  { name, description, scopes = [], expiresAt }: NewRobot,
): Promise<RobotWithSecret> {
  requirePrincipalName(name, 'robot')
  const displayName = requireDescription(description)
  const grants = readFirstGrants(scopes)
  const ends = chooseExpiry('robot', expiresAt, { now: Date.now(), mayNever: true })
  return metadata.write(async (tx) => {
    await requireFreeName(tx, name)
    const provider = 'robot' as const
    const more = { displayName, createdBy: actor.id }
    await insertPrincipal(tx, { name, provider, kind: 'robot', ...more })
    const { id } = await requireRobot(tx, name)
    const owner = { id, name, kind: 'robot' as const }
    const subject = subjectOf(owner)
    await appendAudit(tx, { event: 'robot.created', actor, subject: formatSubject(subject) })
    await giveFirstGrants(tx, actor, { subject, reason: 'made with the robot' }, grants)
    const token = { kind: 'robot' as const, owner, name, scopes: undefined, expiresAt: ends }
    const { secret } = await issueToken(tx, actor, token)
    return { ...(await robotOf(tx, await requireRobot(tx, name))), secret }
  })
}

/** At most `limit` robots after the one with the id `after` (0 for the first page), by id. */
export async function listRobots(
  { metadata }: RobotsDeps,
  page: {
    /** Those that this principal made: all when left out. */
    readonly createdBy?: number | undefined
    readonly after: number
    readonly limit: number
  },
): Promise<readonly Robot[]> {
  return metadata.read(async (tx) => {
    const robots: Robot[] = []
    for (const row of await listMachines(tx, 'robot', page)) robots.push(await robotOf(tx, row))
    return robots
  })
}

/** @throws {Refusal} not-found */
export async function showRobot({ metadata }: RobotsDeps, name: string): Promise<Robot> {
  return metadata.read(async (tx) => robotOf(tx, await requireRobot(tx, name)))
}

export interface RobotRotation {
  readonly name: string
  /** Who gets the secret: must be allowed whatever the robot is. */
  readonly identity: Identity
  readonly graceMs?: number | undefined
  readonly expiresAt?: AskedExpiry
  readonly expect?: ((current: Robot) => void) | undefined
}

/**
 * Gives the robot another secret. The old one works on until its use stops, or until the end of the grace.
 *
 * @throws {Refusal} not-found, invalid, denied when the robot may do what the identity may not
 */
export async function rotateRobot(
  { metadata }: RobotsDeps,
  actor: Actor,
  rotation: RobotRotation,
): Promise<RobotWithSecret> {
  const { name, identity, graceMs, expiresAt, expect } = rotation
  return metadata.write(async (tx) => {
    const robot = await robotOf(tx, await requireRobot(tx, name))
    expect?.(robot)
    await requireAllRights(tx, identity, robot)
    const { secret } = await newSecret(tx, actor, robot, { graceMs, expiresAt, mayNever: true })
    return { ...(await robotOf(tx, await requireRobot(tx, name))), secret }
  })
}

/** A robot whose token was revoked gets a new one: revoking it is how a leak is stopped, not how a robot ends. */
async function newSecret(
  tx: Transaction,
  actor: Actor,
  { id, name, token }: Robot,
  rotation: Pick<RobotRotation, 'graceMs' | 'expiresAt'> & { readonly mayNever: true },
) {
  if (token !== undefined && token.state !== 'revoked') {
    return replaceSecret(tx, actor, token, rotation)
  }
  const options = { now: Date.now(), mayNever: true }
  const expiresAt = chooseExpiry('robot', rotation.expiresAt, options)
  const owner = { id, name, kind: 'robot' as const }
  return issueToken(tx, actor, { kind: 'robot', owner, name, scopes: undefined, expiresAt })
}

async function requireAllRights(tx: Reader, identity: Identity, { id, name }: Robot) {
  if (identity.kind === 'principal' && identity.id === id) {
    throw new Refusal('denied', `the robot ${name} cannot do this for itself`, {
      why: 'a secret that leaked could keep itself alive for ever',
      fix: `ask who made it for: carrel robot rotate ${name}`,
    })
  }
  const missing = await missingRights(tx, identity, id)
  if (missing.length === 0) return
  throw new Refusal('denied', `you cannot get a secret of the robot ${name}`, {
    why: `it may do what you may not: ${missing.slice(0, 5).join(' ')}`,
    fix: `ask an administrator for: carrel robot rotate ${name}`,
  })
}

export interface RobotChange {
  readonly name: string
  /** Who asks: enabling a robot again takes what getting its secret takes. */
  readonly identity: Identity
  readonly disabled?: boolean | undefined
  readonly description?: string | undefined
  readonly expect?: ((current: Robot) => void) | undefined
}

/** What is left out stays. @throws {Refusal} not-found, invalid, denied */
export async function changeRobot(
  { metadata }: RobotsDeps,
  actor: Actor,
  { name, identity, disabled, description, expect }: RobotChange,
): Promise<Robot> {
  const displayName = description === undefined ? undefined : requireDescription(description)
  return metadata.write(async (tx) => {
    const row = await findPrincipalByName(tx, name)
    const robot = await robotOf(tx, await requireRobot(tx, name))
    if (row === undefined) throw unknownRobot(name)
    expect?.(robot)
    if (disabled === false && robot.disabled) await requireAllRights(tx, identity, robot)
    await changePrincipal(tx, {
      ...row,
      disabled: disabled ?? robot.disabled,
      displayName: description === undefined ? row.displayName : displayName,
    })
    if (disabled !== undefined && disabled !== robot.disabled) {
      const event = disabled ? 'user.disabled' : 'user.enabled'
      await appendAudit(tx, { event, actor, subject: `robot:${name}` })
    }
    return robotOf(tx, await requireRobot(tx, name))
  })
}

/** Its token and its grants go with it; what it pushed stays. @throws {Refusal} not-found */
export async function removeRobot(
  { metadata }: RobotsDeps,
  actor: Actor,
  { name, expect }: { readonly name: string; readonly expect?: (current: Robot) => void },
): Promise<void> {
  await metadata.write(async (tx) => {
    const robot = await robotOf(tx, await requireRobot(tx, name))
    expect?.(robot)
    await deletePrincipal(tx, robot.id)
    await appendAudit(tx, { event: 'robot.removed', actor, subject: `robot:${name}` })
  })
}

async function requireRobot(reader: Reader, name: string): Promise<MachineRow> {
  const found = await findMachine(reader, 'robot', name)
  if (found === undefined) throw unknownRobot(name)
  return found
}

function unknownRobot(name: string): Refusal {
  return new Refusal('not-found', `there is no robot ${name}`)
}

async function robotOf(reader: Reader, row: MachineRow): Promise<Robot> {
  const tokens = await listTokens(reader, {
    principalId: row.id,
    kind: 'robot',
    after: 0,
    limit: 100,
  })
  // The newest: one that was revoked before is history.
  const newest = tokens.at(-1)
  return {
    ...row,
    token: newest === undefined ? undefined : await createTokenViews(reader)(newest),
  }
}

function requireDescription(description: string | undefined): string | undefined {
  if (description === undefined || description === '') return undefined
  requireOneLine(description, { what: 'description', longest: longestDescription })
  return description
}
