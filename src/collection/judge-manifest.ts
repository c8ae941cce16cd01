// Whether a manifest is needed. Going up from it (indexes that hold it, its subject) one must come to something that is
// tagged, that was touched lately, or that lies in the recycle bin.
import type { Digest } from '../oci/digest.ts'
import {
  findStandingOfManifest,
  listIndexesHolding,
  type Standing,
} from '../metadata/collection.ts'
import type { Reader } from '../metadata/metadata-store.ts'

export interface AskedManifest {
  readonly repositoryId: number
  readonly digest: Digest
  /** A manifest whose review is later than this was touched lately. */
  readonly limitAt: number
  /** Of this run: what it has put into the bin itself holds nothing back. */
  readonly runAt: number
}

/** `on`: the manifest for whose sake the one that was asked about stays; it may be that one itself. */
export type Reason =
  | { readonly kind: 'tagged'; readonly on: Digest; readonly tag: string }
  | { readonly kind: 'touched'; readonly on: Digest; readonly reviewAfter: number }
  | { readonly kind: 'held-by-deleted'; readonly on: Digest; readonly deleted: Digest }
  | { readonly kind: 'subject-deleted'; readonly on: Digest; readonly deleted: Digest }

export type ManifestVerdict =
  | { readonly kind: 'needed'; readonly reason: Reason }
  /** It and all that one comes to from it: none of them has a reason to stay. */
  | { readonly kind: 'unneeded'; readonly all: readonly Digest[] }
  | { readonly kind: 'absent' }

const holdersAtOnce = 200
/** So many can be taken away in one transaction; what hangs together more widely goes piece by piece, from the top. */
const mostTogether = 5000

/** @throws {Error} when too much hangs together; a later look finds less of it */
export async function judgeManifest(
  reader: Reader,
  asked: AskedManifest,
): Promise<ManifestVerdict> {
  const seen = new Set([asked.digest])
  const found: Digest[] = []
  // The set gives what is added to it while one goes through it, each once.
  for (const digest of seen) {
    const standing = await findStandingOfManifest(reader, { ...asked, digest })
    // A subject that is not in the repository protects nobody.
    if (standing === undefined) continue
    const reason = reasonOf(standing, digest, asked.limitAt)
    if (reason !== undefined) return { kind: 'needed', reason }
    found.push(digest)
    if (standing.subject !== undefined) seen.add(standing.subject)
    await addHolders(reader, { ...asked, digest }, seen)
  }
  return found.length === 0 ? { kind: 'absent' } : { kind: 'unneeded', all: found }
}

function reasonOf(standing: Standing, on: Digest, limitAt: number): Reason | undefined {
  const { tag, reviewAfter, binHolder, subjectInBin } = standing
  if (tag !== undefined) return { kind: 'tagged', on, tag }
  if (reviewAfter !== undefined && reviewAfter > limitAt)
    return { kind: 'touched', on, reviewAfter }
  if (binHolder !== undefined) return { kind: 'held-by-deleted', on, deleted: binHolder }
  if (subjectInBin !== undefined) return { kind: 'subject-deleted', on, deleted: subjectInBin }
  return undefined
}

async function addHolders(
  reader: Reader,
  { repositoryId, digest }: AskedManifest,
  seen: Set<Digest>,
): Promise<void> {
  for (let after = ''; ;) {
    const asked = { repositoryId, digest, after, limit: holdersAtOnce }
    const holders = await listIndexesHolding(reader, asked)
    for (const holder of holders) seen.add(holder)
    if (seen.size > mostTogether) {
      throw new Error(`More than ${mostTogether} manifests hang together with ${digest}.`)
    }
    if (holders.length < holdersAtOnce) return
    after = holders.at(-1) ?? ''
  }
}
