// A device that waits for a person to agree (RFC 8628): a session of kind device, known to the device by a long secret
// and to the person by a short code. Each state is left once: of all who answer, or take the answer, one succeeds.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { findSession, insertSession, type SessionDetail } from './sessions.ts'

export interface DeviceSession {
  readonly id: number
  /** Eight letters with a dash between, upper case. */
  readonly userCode: string
  readonly state: 'waiting' | 'agreed' | 'refused'
  /** Who agreed or refused. */
  readonly principalId: number | undefined
  readonly createdAt: number
  readonly expiresAt: number
  /** Where the device asked from, for the person to compare. */
  readonly address: string | undefined
  readonly userAgent: string | undefined
  /** What the device asked for. */
  readonly asked: SessionDetail
}

/** No device waits longer: only rows that end within this time are looked through for a code. */
export const longestWaitMs = 15 * 60_000

/** The beginning of the stored JSON, by which a code is found: `{"userCode":"WDJB-MJHT"`. */
const beginningCharacters = '{"userCode":"WDJB-MJHT"'.length

function beginning(userCode: string): string {
  return `{"userCode":${JSON.stringify(userCode)}`
}

function detailOf(device: Pick<DeviceSession, 'userCode' | 'state' | 'asked'>): string {
  const { userCode, state, asked } = device
  return JSON.stringify({ userCode, state, asked })
}

/** Returns undefined when another device waits with this code: the caller makes another one. */
export async function insertDeviceSession(
  tx: Transaction,
  device: Pick<DeviceSession, 'userCode' | 'expiresAt' | 'address' | 'userAgent' | 'asked'> & {
    readonly hash: string
  },
): Promise<number | undefined> {
  const { userCode, asked, ...session } = device
  if ((await findDeviceByCode(tx, userCode)) !== undefined) return undefined
  return insertSession(tx, {
    ...session,
    kind: 'device',
    principalId: undefined,
    expiresAt: Math.min(device.expiresAt, Date.now() + longestWaitMs),
    detail: { userCode, state: 'waiting', asked },
  })
}

const byCode = query<{ beginning: string; now: number; latest: number }>()((db, p) =>
  db
    .selectFrom('sessions')
    .select([
      'id',
      'principal_id as principalId',
      'created_at as createdAt',
      'expires_at as expiresAt',
      'address',
      'user_agent as userAgent',
      'detail',
    ])
    .where('kind', '=', 'device')
    .where('expires_at', '>', p.now)
    .where('expires_at', '<=', p.latest)
    .where(
      (of) => of.fn<string>('substr', ['detail', of.lit(1), of.lit(beginningCharacters)]),
      '=',
      p.beginning,
    ),
)

/** The device that waits with this code, or was answered and has not taken the answer yet. */
export async function findDeviceByCode(
  reader: Reader,
  userCode: string,
): Promise<DeviceSession | undefined> {
  const text = beginning(userCode)
  if (text.length !== beginningCharacters) return undefined
  const now = Date.now()
  const raw = await reader.one(byCode, { beginning: text, now, latest: now + longestWaitMs })
  if (raw === undefined) return undefined
  return deviceOf({
    ...raw,
    principalId: raw.principalId ?? undefined,
    address: raw.address ?? undefined,
    userAgent: raw.userAgent ?? undefined,
    detail: JSON.parse(raw.detail) as SessionDetail,
  })
}

/** For the device itself, which asks again and again. */
export async function findDeviceByHash(
  reader: Reader,
  hash: string,
): Promise<DeviceSession | undefined> {
  const session = await findSession(reader, { kind: 'device', hash })
  return session && deviceOf(session)
}

const answer = query<{ id: number; principalId: number; before: string; after: string }>()(
  (db, p) =>
    db
      .updateTable('sessions')
      .set({ principal_id: p.principalId, detail: p.after })
      .where('id', '=', p.id)
      .where('kind', '=', 'device')
      .where('principal_id', 'is', null)
      .where('detail', '=', p.before),
)

/** Returns false when no device waits with this code (any more). */
export async function answerDevice(
  tx: Transaction,
  {
    userCode,
    principalId,
    state,
  }: {
    readonly userCode: string
    readonly principalId: number
    readonly state: 'agreed' | 'refused'
  },
): Promise<boolean> {
  const device = await findDeviceByCode(tx, userCode)
  if (device?.state !== 'waiting') return false
  const change = { before: detailOf(device), after: detailOf({ ...device, state }) }
  return (await tx.run(answer, { id: device.id, principalId, ...change })) === 1
}

const take = query<{ id: number; detail: string }>()((db, p) =>
  db.deleteFrom('sessions').where('id', '=', p.id).where('detail', '=', p.detail),
)

/**
 * Takes the answer, which ends the session: one caller alone gets it, and gives out what was agreed to. Undefined when
 * the device is unknown, still waits, or another took the answer.
 */
export async function consumeDeviceSession(
  tx: Transaction,
  hash: string,
): Promise<DeviceSession | undefined> {
  const device = await findDeviceByHash(tx, hash)
  if (device === undefined || device.state === 'waiting') return undefined
  return (await tx.run(take, { id: device.id, detail: detailOf(device) })) === 1
    ? device
    : undefined
}

type DeviceRow = Omit<DeviceSession, 'userCode' | 'state' | 'asked'> & {
  readonly detail: SessionDetail
}

function deviceOf({ detail, ...row }: DeviceRow): DeviceSession {
  const { userCode, state, asked } = detail as unknown as Pick<
    DeviceSession,
    'userCode' | 'state' | 'asked'
  >
  const { id, principalId, createdAt, expiresAt, address, userAgent } = row
  return { id, userCode, state, principalId, createdAt, expiresAt, address, userAgent, asked }
}
