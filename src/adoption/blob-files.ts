// Every `data` file of a volume: its size, its time, and what has been learnt of it. A volume may have a million of them,
// so an entry is a name in a map and a few numbers in arrays.
import type { Digest } from '../oci/digest.ts'
import type { Finding } from './findings.ts'
import { mapAhead } from './in-parallel.ts'
import type { ScanPool } from './scan-pool.ts'

export const flags = {
  /** A manifest of some repository. */
  manifest: 1,
  /** A manifest needs it as a blob. */
  needed: 2,
  /** A repository has it. */
  linked: 4,
  /** Its bytes were read and are those of its digest. */
  verified: 8,
  /** They are not. */
  damaged: 16,
  /** Not to be taken away, though no manifest that was understood needs it. */
  kept: 32,
  /** For whoever adopts: the database has it. */
  noted: 64,
} as const

export type Flag = (typeof flags)[keyof typeof flags]

export class BlobFiles {
  readonly #indexes = new Map<string, number>()
  #sizes = new Float64Array(1024)
  #times = new Float64Array(1024)
  #flags = new Uint8Array(1024)
  #bytes = 0

  add(digest: Digest, size: number, modifiedAt: number): void {
    const index = this.#indexes.size
    if (index === this.#sizes.length) this.#grow()
    this.#indexes.set(digest, index)
    this.#sizes[index] = size
    this.#times[index] = modifiedAt
    this.#bytes += size
  }

  #grow(): void {
    const length = 2 * this.#sizes.length
    const sizes = new Float64Array(length)
    const times = new Float64Array(length)
    const marks = new Uint8Array(length)
    sizes.set(this.#sizes)
    times.set(this.#times)
    marks.set(this.#flags)
    this.#sizes = sizes
    this.#times = times
    this.#flags = marks
  }

  get count(): number {
    return this.#indexes.size
  }

  get bytes(): number {
    return this.#bytes
  }

  find(digest: Digest): { readonly size: number; readonly modifiedAt: number } | undefined {
    const index = this.#indexes.get(digest)
    if (index === undefined) return undefined
    return { size: this.#sizes[index] ?? 0, modifiedAt: this.#times[index] ?? 0 }
  }

  mark(digest: Digest, flag: Flag): void {
    const index = this.#indexes.get(digest)
    if (index !== undefined) this.#flags[index] = (this.#flags[index] ?? 0) | flag
  }

  has(digest: Digest, flag: Flag): boolean {
    const index = this.#indexes.get(digest)
    return index !== undefined && ((this.#flags[index] ?? 0) & flag) !== 0
  }

  digests(): IterableIterator<Digest> {
    return this.#indexes.keys() as IterableIterator<Digest>
  }
}

export interface BlobWalk {
  readonly find: (finding: Finding) => void
  /** Of 256 folders. */
  readonly onShard: (done: number, total: number) => void
}

const shardsAhead = 16
const emptyDigest = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

export async function scanBlobs(
  tree: string,
  pool: ScanPool,
  { find, onShard }: BlobWalk,
): Promise<BlobFiles> {
  const files = new BlobFiles()
  const { shards, findings } = await pool.run({ kind: 'shards', tree })
  findings.forEach(find)
  let done = 0
  const found = mapAhead(shards, shardsAhead, async (shard) =>
    pool.run({ kind: 'shard', tree, shard }),
  )
  for await (const one of found) {
    for (const [index, digest] of one.digests.entries()) {
      const size = one.sizes[index] ?? 0
      files.add(digest, size, one.times[index] ?? 0)
      if (size === 0 && digest !== emptyDigest) files.mark(digest, flags.damaged)
    }
    one.findings.forEach(find)
    done += 1
    onShard(done, shards.length)
  }
  return files
}
