// What the regular pass over all bytes asks and notes: which blobs were not looked at for longest, pages of what lies
// in rows, and how far it is (for metrics, doctor and the home page).
import type { Digest } from '../oci/digest.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { findSetting } from './settings.ts'

export interface StoredBlob {
  readonly digest: Digest
  readonly size: number
  readonly storageKey: string
  readonly verifiedAt: number
}

const oldest = query<{ before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select(['digest', 'size', 'storage_key as storageKey', 'verified_at as verifiedAt'])
    .where('storage_key', 'is not', null)
    .where('verified_at', '<=', p.before)
    .orderBy('verified_at')
    .limit(p.limit),
)

/** Blobs in the storage that were last seen whole at `before` or earlier, oldest first. */
export async function listOldestVerified(
  reader: Reader,
  page: { readonly before: number; readonly limit: number },
): Promise<readonly StoredBlob[]> {
  const rows = await reader.all(oldest, page)
  return rows.map((row) => ({
    digest: row.digest as Digest,
    size: row.size,
    storageKey: row.storageKey ?? '',
    verifiedAt: row.verifiedAt,
  }))
}

const setVerified = query<{ digest: string; storageKey: string; at: number }>()((db, p) =>
  db
    .updateTable('blobs')
    .set({ verified_at: p.at })
    .where('digest', '=', p.digest)
    .where('storage_key', '=', p.storageKey),
)

/** Only where the bytes still lie where they were seen. */
export async function markVerified(
  tx: Transaction,
  seen: readonly { readonly digest: Digest; readonly storageKey: string; readonly at: number }[],
): Promise<void> {
  for (const { digest, storageKey, at } of seen) {
    await tx.run(setVerified, { digest, storageKey, at })
  }
}

const storedBytes = query<object>()((db) =>
  db
    .selectFrom('blobs')
    .select((of) => of.fn.sum<number | string>('size').as('bytes'))
    .where('storage_key', 'is not', null),
)

/** Bytes of all blobs in the storage; reads every row, so not for every second. */
export async function countStoredBytes(reader: Reader): Promise<number> {
  return Number((await reader.one(storedBytes, {}))?.bytes ?? 0)
}

const manifestPage = query<{ repositoryId: number; after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select(['digest', 'content', 'size'])
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '>', p.after)
    .orderBy('digest')
    .limit(p.limit),
)

const nextRepository = query<{ after: number }>()((db, p) =>
  db.selectFrom('repositories').select('id').where('id', '>', p.after).orderBy('id').limit(1),
)

export interface ManifestPlace {
  readonly repositoryId: number
  readonly digest: string
}

export interface ManifestContent {
  readonly digest: Digest
  readonly size: number
  readonly content: Uint8Array
}

/** The manifests behind a place, deleted repositories included; `next` is where to go on, undefined at the end. */
export async function nextManifests(
  reader: Reader,
  place: ManifestPlace,
  limit: number,
): Promise<{
  readonly manifests: readonly ManifestContent[]
  readonly next: ManifestPlace | undefined
}> {
  const { repositoryId, digest: after } = place
  const rows = await reader.all(manifestPage, { repositoryId, after, limit })
  const manifests = rows.map((row) => ({ ...row, digest: row.digest as Digest }))
  const last = manifests.at(-1)
  if (last !== undefined && rows.length === limit) {
    return { manifests, next: { repositoryId, digest: last.digest } }
  }
  const following = await reader.one(nextRepository, { after: repositoryId })
  return { manifests, next: following && { repositoryId: following.id, digest: '' } }
}

/** A walk through the rows that is under way, and where it is. */
export interface RowPass {
  readonly startedAt: number
  /** The last digest that was looked at; null: all were. */
  readonly blobs: string | null
  /** Null: all were looked at. */
  readonly manifests: ManifestPlace | null
  readonly damaged: readonly string[]
}

/** What the scrub keeps under the settings key `scrub-last`, as JSON. */
export interface ScrubNote {
  /** In which time every byte is to be seen once; null: never. */
  readonly everyMs: number | null
  /** When it last looked at something. */
  readonly at: number
  /** Since when there are blobs that were never seen whole here (adopted ones); null: there are none. */
  readonly unverifiedSince: number | null
  /** When the last whole pass over what lies in rows began; null: there was none yet. */
  readonly rowsVerifiedAt: number | null
  readonly rows: RowPass | null
  /** Digests of manifests whose bytes are not theirs, at most a hundred. */
  readonly damagedManifests: readonly string[]
  /** Blobs of which the last attempt to read failed. */
  readonly unreadable: number
}

export const scrubNoteKey = 'scrub-last'

export async function readScrubNote(reader: Reader): Promise<ScrubNote | undefined> {
  const text = await findSetting(reader, scrubNoteKey)
  return text === undefined ? undefined : (JSON.parse(text) as ScrubNote)
}

const extremes = query<object>()((db) =>
  db
    .selectFrom('blobs')
    .select('verified_at as verifiedAt')
    .where('storage_key', 'is not', null)
    .where('verified_at', '>', 0)
    .orderBy('verified_at')
    .limit(1),
)
const unverified = query<object>()((db) =>
  db
    .selectFrom('blobs')
    .select((of) => of.fn.countAll<number>().as('count'))
    .where('storage_key', 'is not', null)
    .where('verified_at', '=', 0),
)
const damaged = query<object>()((db) =>
  db
    .selectFrom('blobs')
    .select((of) => of.fn.countAll<number>().as('count'))
    .where('damaged_at', 'is not', null),
)
const quarantined = query<object>()((db) =>
  db
    .selectFrom('quarantine')
    .select((of) => of.fn.countAll<number>().as('count'))
    .where('healed_at', 'is', null),
)

export interface VerificationState {
  /** Of all blobs in the storage that were ever seen whole here, when that was longest ago; undefined: there is none. */
  readonly oldestVerifiedAt: number | undefined
  /** When the last whole pass over manifests and small blobs began. */
  readonly rowsVerifiedAt: number | undefined
  /** Blobs in the storage that were never seen whole here. */
  readonly unverified: number
  /** Blobs whose bytes are lost or wrong, and that wait for a push. */
  readonly damaged: number
  /** Manifests whose bytes were wrong at the last pass. */
  readonly damagedManifests: number
  /** Notes of bytes that were set aside and whose blob is not whole again. */
  readonly quarantined: number
  /** Blobs that the storage did not give at the last attempt. */
  readonly unreadable: number
  /** Something was not looked at for longer than the setting allows. False when there is no scrub at all. */
  readonly overdue: boolean
}

/** A pass may take this much longer before anybody is worried. */
const tolerance = 1.1

/** For metrics, doctor and the home page: four queries over indexes. */
export async function verificationState(
  reader: Reader,
  now: number = Date.now(),
): Promise<VerificationState> {
  const note = await readScrubNote(reader)
  const oldestVerifiedAt = (await reader.one(extremes, {}))?.verifiedAt
  const count = Number((await reader.one(unverified, {}))?.count)
  const everyMs = note?.everyMs ?? Infinity
  const limit = now - tolerance * everyMs
  const oldestUnverified = count > 0 ? (note?.unverifiedSince ?? now) : now
  return {
    oldestVerifiedAt,
    rowsVerifiedAt: note?.rowsVerifiedAt ?? undefined,
    unverified: count,
    damaged: Number((await reader.one(damaged, {}))?.count),
    damagedManifests: note?.damagedManifests.length ?? 0,
    quarantined: Number((await reader.one(quarantined, {}))?.count),
    unreadable: note?.unreadable ?? 0,
    overdue: Math.min(oldestVerifiedAt ?? now, oldestUnverified) < limit,
  }
}
