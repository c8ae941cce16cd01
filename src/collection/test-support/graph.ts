// Random graphs of manifests and blobs, for tests of the collector: how they are made up, and how they get into the
// database, past everything that would keep some of them from coming about.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { insertBlob, linkBlob } from '../../metadata/blobs.ts'
import { hideRepository } from '../../metadata/deleted-repositories.ts'
import { insertManifest } from '../../metadata/manifests.ts'
import type { MetadataStore, Transaction } from '../../metadata/metadata-store.ts'
import { query } from '../../metadata/query.ts'
import { findRepository, insertRepository } from '../../metadata/repositories.ts'
import { setTag } from '../../metadata/tags.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../oci/reference.ts'
import { moveToBin } from '../../registry/recycle-bin.ts'

export const dayMs = 24 * 60 * 60 * 1000
export const delays = {
  untaggedMs: 14 * dayMs,
  unreferencedMs: dayMs,
  trashMs: dayMs,
  deletedMs: 14 * dayMs,
}

/** `null`: nothing reminds of it. */
export type Review = 'due' | 'later' | 'null'

export interface Node {
  readonly repository: number
  /** Numbers of nodes before this one, in the same repository. */
  readonly children: readonly number[]
  /** The same; -1 is one that is not there. */
  readonly subject: number | undefined
  readonly blobs: readonly number[]
  readonly isTagged: boolean
  readonly review: Review
  /** Whether somebody, or the collector long ago, is to move it to the bin when no index holds it. */
  readonly bin: 'deleted' | 'collected' | undefined
  readonly digest: Digest
}

export interface Blob {
  readonly digest: Digest
  readonly review: Review
  /** Repositories that have it, besides those that use it. */
  readonly links: readonly number[]
  readonly isYoung: boolean
}

export interface Graph {
  readonly nodes: readonly Node[]
  readonly blobs: readonly Blob[]
  /** The number of the repository that is deleted. */
  readonly deleted: number | undefined
}

const repositories = [0, 1, 2] as const

const rawNode = fc.record({
  repository: fc.nat(2),
  children: fc.array(fc.nat(), { maxLength: 4 }),
  subject: fc.option(fc.nat(), { freq: 2 }),
  isIndex: fc.boolean(),
  blobs: fc.array(fc.nat(), { maxLength: 4 }),
  tagged: fc.nat(4),
  review: fc.constantFrom<Review>('due', 'due', 'later', 'null', 'null'),
  bin: fc.nat(11),
  sha512: fc.nat(4),
})
const rawBlob = fc.record({
  review: fc.constantFrom<Review>('due', 'due', 'later', 'null'),
  links: fc.subarray([0, 1, 2]),
  isYoung: fc.nat(4),
})

export const graphs: fc.Arbitrary<Graph> = fc
  .record({
    nodes: fc.array(rawNode, { minLength: 1, maxLength: 200, size: 'max' }),
    blobs: fc.array(rawBlob, { minLength: 1, maxLength: 40, size: 'max' }),
    deleted: fc.nat(6),
    salt: fc.nat(),
  })
  .map(({ nodes: raws, blobs: rawBlobs, deleted, salt }) => {
    const nodes: Node[] = []
    const byRepository = new Map<number, number[]>()
    for (const [number, raw] of raws.entries()) {
      const before = byRepository.get(raw.repository) ?? []
      const pick = (n: number) => before[n % before.length] as number
      const isRefering = before.length > 0
      nodes.push({
        repository: raw.repository,
        children: raw.isIndex && isRefering ? [...new Set(raw.children.map(pick))] : [],
        subject: subjectOf(raw.subject, before),
        blobs: [...new Set(raw.blobs.map((n) => n % rawBlobs.length))],
        isTagged: raw.tagged === 0,
        review: raw.review,
        bin: raw.bin === 0 ? 'deleted' : raw.bin === 1 ? 'collected' : undefined,
        digest: digestFor(`${salt} manifest ${number}`, raw.sha512 === 0),
      })
      byRepository.set(raw.repository, [...before, number])
    }
    return {
      nodes,
      blobs: rawBlobs.map((raw, number) => ({
        ...raw,
        isYoung: raw.isYoung === 0,
        digest: digestFor(`${salt} blob ${number}`, number % 7 === 0),
      })),
      deleted: deleted < 3 ? deleted : undefined,
    }
  })

function subjectOf(raw: number | null, before: readonly number[]): number | undefined {
  if (raw === null) return undefined
  return raw % 8 === 0 ? -1 : (before[raw % before.length] ?? -1)
}

function digestFor(word: string, isLong: boolean): Digest {
  const algorithm = isLong ? 'sha512' : 'sha256'
  return `${algorithm}:${createHash(algorithm).update(word).digest('hex')}` as Digest
}

const missing = digestFor('never pushed', false)

const setManifest = query<{ repositoryId: number; digest: string; reviewAfter: number }>()(
  (db, p) =>
    db
      .updateTable('manifests')
      .set({ review_after: p.reviewAfter })
      .where('repository_id', '=', p.repositoryId)
      .where('digest', '=', p.digest),
)
const setBlob = query<{ digest: string; reviewAfter: number }>()((db, p) =>
  db.updateTable('blobs').set({ review_after: p.reviewAfter }).where('digest', '=', p.digest),
)
const setLink = query<{ digest: string; linkedAt: number }>()((db, p) =>
  db.updateTable('repository_blobs').set({ linked_at: p.linkedAt }).where('digest', '=', p.digest),
)

function timeOf(review: Review, limitAt: number): number {
  if (review === 'null') return undefined as unknown as number
  return review === 'due' ? limitAt - 1000 : limitAt + 1000
}

/** Everything lies in an otherwise empty database then, as it would at `now`. Returns the ids of the repositories. */
export async function build(
  metadata: MetadataStore,
  { nodes, blobs, deleted }: Graph,
  now: number,
): Promise<readonly number[]> {
  return metadata.write(async (tx) => {
    const ids: number[] = []
    for (const number of repositories) ids.push(await aRepository(tx, `team/r${number}`))
    for (const [number, blob] of blobs.entries()) {
      await insertBlob(tx, { ...blob, size: 10, storageKey: `blobs/${number}`, content: undefined })
      for (const link of blob.links) await linkBlob(tx, ids[link] ?? 0, blob.digest)
    }
    for (const number of nodes.keys()) await insertNode(tx, { nodes, blobs, ids, number })
    for (const [repository, digests] of binned(nodes)) {
      for (const { digest, reason } of digests) {
        const at = now - 1000
        const move = { repositoryId: ids[repository] ?? 0, digests: [digest], at, by: undefined }
        await moveToBin(tx, { ...move, reason })
      }
    }
    const limits = {
      manifest: now - delays.untaggedMs + dayMs,
      blob: now - delays.unreferencedMs + dayMs,
    }
    for (const { repository, digest, review } of nodes) {
      const reviewAfter = timeOf(review, limits.manifest)
      await tx.run(setManifest, { repositoryId: ids[repository] ?? 0, digest, reviewAfter })
    }
    for (const { digest, review, isYoung } of blobs) {
      await tx.run(setBlob, { digest, reviewAfter: timeOf(review, limits.blob) })
      await tx.run(setLink, { digest, linkedAt: isYoung ? now - 1000 : now - 30 * dayMs })
    }
    if (deleted !== undefined) {
      await hideRepository(tx, { id: ids[deleted] ?? 0, deletedBy: undefined, now: now - 1000 })
    }
    return ids
  })
}

async function aRepository(tx: Transaction, text: string): Promise<number> {
  const name = parseRepositoryName(text)
  await insertRepository(tx, { name, visibility: 'private', createdBy: undefined })
  return (await findRepository(tx, name))?.id ?? 0
}

interface Placed extends Pick<Graph, 'nodes' | 'blobs'> {
  readonly ids: readonly number[]
  readonly number: number
}

async function insertNode(tx: Transaction, { nodes, blobs, ids, number }: Placed): Promise<void> {
  const node = nodes[number] as Node
  const repositoryId = ids[node.repository] ?? 0
  const used = node.blobs.map((each) => (blobs[each] as Blob).digest)
  for (const blob of used) await linkBlob(tx, repositoryId, blob)
  const content = Buffer.from(`manifest ${number}`)
  await insertManifest(tx, {
    repositoryId,
    digest: node.digest,
    // Nobody can read it, so that what it holds tells what its children are.
    mediaType: 'application/vnd.example',
    size: content.length,
    content,
    subject: node.subject === undefined ? undefined : (nodes[node.subject]?.digest ?? missing),
    artifactType: undefined,
    annotations: undefined,
    pushedBy: undefined,
    tagged: node.isTagged,
    blobs: used,
    children: node.children.map((child) => (nodes[child] as Node).digest),
  })
  if (!node.isTagged) return
  const tag = parseTag(`t${number}`)
  await setTag(tx, { repositoryId, tag, digest: node.digest, updatedBy: undefined })
}

/** The numbers of those that go to the bin, the last first: no index that stays holds one of them. */
export function numbersInBin(nodes: readonly Node[]): ReadonlySet<number> {
  const gone = new Set<number>()
  for (let number = nodes.length - 1; number >= 0; number -= 1) {
    const isHeld = nodes.some(({ children }, each) => !gone.has(each) && children.includes(number))
    if (nodes[number]?.bin !== undefined && !isHeld) gone.add(number)
  }
  return gone
}

function binned(nodes: readonly Node[]) {
  const moves = new Map<number, { digest: Digest; reason: 'deleted' | 'collected' }[]>()
  for (const number of numbersInBin(nodes)) {
    const { repository, digest, bin } = nodes[number] as Node
    if (bin === undefined) continue
    moves.set(repository, [...(moves.get(repository) ?? []), { digest, reason: bin }])
  }
  return moves
}
