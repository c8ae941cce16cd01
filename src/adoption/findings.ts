// What a look at a volume of registry:2 finds. Kinds are words for programs and do not change.

export type FindingKind =
  /** A repository directory with nothing in it that could be pulled: its images were deleted, or never finished. */
  | 'ghost'
  /** A repository whose name no registry accepts, or is too long for this one. */
  | 'name-refused'
  /** Content that a manifest needs and that is not there. */
  | 'blob-lost'
  /** Content of another size than its manifest says, and of another digest than its name. */
  | 'blob-damaged'
  /** A tag that does not lead to a manifest. */
  | 'tag-broken'
  /** An index that holds manifests which are not there. */
  | 'index-broken'
  /** A manifest that the repository has, and whose bytes are not there. */
  | 'manifest-lost'
  /** A manifest whose bytes are not those of its digest. */
  | 'manifest-damaged'
  /** A manifest that this registry does not store, such as one of schema 1. */
  | 'manifest-skipped'
  /** Content of another size than a manifest says, and of the right digest. */
  | 'size-differs'
  /** A link file that is empty or cut short; its path says what it meant. */
  | 'link-repaired'
  /** A link to content that is gone and that no manifest needs. */
  | 'link-dangling'
  /** What a delete or an unfinished write leaves: folders without a link, temporary files. */
  | 'leftover'
  /** An upload that was never finished. */
  | 'upload'
  /** Content that no repository has. */
  | 'orphan'
  /** Content that a repository has and that no manifest needs. */
  | 'unneeded'
  /** What registry:2 never writes: symbolic links, files where folders should be. It is not looked at. */
  | 'odd'

/** Something that registry:2 says it has can not be served, here or there. */
const lossKinds: ReadonlySet<FindingKind> = new Set<FindingKind>([
  'name-refused',
  'blob-lost',
  'blob-damaged',
  'tag-broken',
  'index-broken',
  'manifest-lost',
  'manifest-damaged',
  'manifest-skipped',
])

export interface Finding {
  readonly kind: FindingKind
  /** Repository, repository:tag, or a path in the volume. */
  readonly name?: string
  readonly digest?: string
  readonly bytes?: number
  readonly message: string
}

export interface FindingSummary {
  readonly count: number
  readonly bytes: number
  /** The first ones. */
  readonly examples: readonly Omit<Finding, 'kind'>[]
}

const mostExamples = 100

/** Counts all, and keeps a few of each kind. */
export class FindingCounter {
  readonly #kinds = new Map<
    FindingKind,
    { count: number; bytes: number; readonly examples: Omit<Finding, 'kind'>[] }
  >()

  add(finding: Finding): void {
    const { kind, ...example } = finding
    const { bytes = 0 } = example
    const found = this.#kinds.get(kind) ?? { count: 0, bytes: 0, examples: [] }
    this.#kinds.set(kind, found)
    found.count += 1
    found.bytes += bytes
    if (found.examples.length < mostExamples) found.examples.push(example)
  }

  count(...kinds: readonly FindingKind[]): number {
    return this.#sum(kinds, ({ count }) => count)
  }

  bytes(...kinds: readonly FindingKind[]): number {
    return this.#sum(kinds, ({ bytes }) => bytes)
  }

  #sum(kinds: readonly FindingKind[], of: (summary: FindingSummary) => number): number {
    let sum = 0
    for (const kind of kinds) {
      const found = this.#kinds.get(kind)
      if (found !== undefined) sum += of(found)
    }
    return sum
  }

  get losses(): number {
    return this.count(...lossKinds)
  }

  /** Kinds of which there are any. */
  summaries(): Readonly<Partial<Record<FindingKind, FindingSummary>>> {
    return Object.fromEntries(this.#kinds)
  }
}
