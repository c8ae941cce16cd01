// The keys that sign registry tokens. A new one is known to every process before it signs, and an old one is taken
// until whatever it has signed is over: so a change interrupts nobody, on any node.
import { generateSigningKey, type SigningKey, type TokenIssuer } from '../auth/bearer.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import {
  insertSigningKey,
  listSigningKeys,
  removeSigningKey,
  type SigningKeyRow,
} from '../metadata/settings.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
const longestAgeMs = 90 * dayMs
/** Every process looks for new keys more often than this. */
const settlingMs = 15 * minuteMs
const followEveryMs = 5 * minuteMs
/** Longer than any token lives (a day is the most that can be set). */
const overlapMs = 2 * dayMs

/** The first signs. A new key waits until all processes know it, unless it is the only one. */
export async function readSigningKeys(
  reader: Reader,
  now: number = Date.now(),
): Promise<readonly SigningKey[]> {
  const rows = await listSigningKeys(reader)
  const settled = rows.filter(({ createdAt }) => createdAt <= now - settlingMs)
  const signer = settled[0] ?? rows.at(-1)
  if (signer === undefined) return []
  return [signer, ...rows.filter(({ kid }) => kid !== signer.kid)].map(keyOf)
}

function keyOf({ kid, privateJwk, publicJwk }: SigningKeyRow): SigningKey {
  return {
    kid,
    privateJwk: JSON.parse(privateJwk) as SigningKey['privateJwk'],
    publicJwk: JSON.parse(publicJwk) as SigningKey['publicJwk'],
  }
}

/** Regular work: makes a new key when the newest is old, and removes those that nothing needs any more. */
export async function maintainSigningKeys(
  metadata: MetadataStore,
  now: number = Date.now(),
): Promise<void> {
  const rows = await listSigningKeys(metadata)
  if (!isDue(rows, now) && outdated(rows, now).length === 0) return
  const fresh = await generateSigningKey()
  await metadata.write(async (tx) => {
    // Another node may have been faster.
    const current = await listSigningKeys(tx)
    for (const { kid } of outdated(current, now)) await removeSigningKey(tx, kid)
    if (isDue(current, now)) await addKey(tx, fresh, { name: 'carrel' })
  })
}

function isDue([newest]: readonly SigningKeyRow[], now: number): boolean {
  return newest === undefined || newest.createdAt <= now - longestAgeMs
}

/** All that were replaced long enough ago by one that signs. */
function outdated(rows: readonly SigningKeyRow[], now: number): readonly SigningKeyRow[] {
  const replacement = rows.findIndex(({ createdAt }) => createdAt <= now - settlingMs - overlapMs)
  return replacement === -1 ? [] : rows.slice(replacement + 1)
}

/**
 * For a key that may be known to somebody: a new one signs at once and the old ones are gone, so that all registry
 * tokens end within five minutes. Clients ask for new ones by themselves.
 */
export async function replaceSigningKeys(
  metadata: MetadataStore,
  actor: { readonly id?: number | undefined; readonly name: string },
): Promise<{ readonly kid: string }> {
  const fresh = await generateSigningKey()
  await metadata.write(async (tx) => {
    for (const { kid } of await listSigningKeys(tx)) await removeSigningKey(tx, kid)
    await addKey(tx, fresh, actor)
  })
  return { kid: fresh.kid }
}

async function addKey(
  tx: Transaction,
  { kid, privateJwk, publicJwk }: SigningKey,
  actor: { readonly id?: number | undefined; readonly name: string },
): Promise<void> {
  await insertSigningKey(tx, {
    kid,
    privateJwk: JSON.stringify(privateJwk),
    publicJwk: JSON.stringify(publicJwk),
  })
  await appendAudit(tx, { event: 'key.rotated', actor, subject: kid })
}

/** Keeps an issuer's keys those of the database. */
export function followSigningKeys(
  metadata: MetadataStore,
  issuer: Pick<TokenIssuer, 'replaceKeys'>,
  warn: (message: string) => void,
): Disposable {
  let known = ''
  const timer = setInterval(() => void look(), followEveryMs)
  timer.unref()

  async function look(): Promise<void> {
    try {
      const keys = await readSigningKeys(metadata)
      const ids = keys.map(({ kid }) => kid).join(' ')
      if (ids === known || keys.length === 0) return
      issuer.replaceKeys(keys)
      known = ids
    } catch (error) {
      warn(`The signing keys cannot be read and will be looked at again: ${String(error)}`)
    }
  }

  return { [Symbol.dispose]: () => clearInterval(timer) }
}
