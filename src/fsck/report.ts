// What fsck says. Kinds of problems are words for programs and do not change.

export type ProblemKind =
  /** The database itself is damaged. */
  | 'database-damaged'
  /** Rows that belong to nothing. */
  | 'orphan-rows'
  /** A tag without its manifest. */
  | 'tag-broken'
  /** The bytes of a manifest are not those of its digest. */
  | 'manifest-damaged'
  /** A manifest whose bytes are right and that cannot be understood. */
  | 'manifest-unreadable'
  /** What a manifest needs is not in its repository; `digest` is what is missing. */
  | 'content-missing'
  /** What a manifest needs is there, of another size than the manifest says; `digest` is the content. */
  | 'content-size'
  /** The database does not know that a manifest needs something, so nothing protects it; `digest` is the manifest. */
  | 'reference-missing'
  /** A repository has a blob that the installation does not. */
  | 'link-broken'
  /** No object where the blob should lie. */
  | 'blob-missing'
  /** An object of another size. */
  | 'blob-size'
  /** Other bytes than those of the digest. */
  | 'blob-damaged'
  /** The storage does not give the bytes. */
  | 'blob-unreadable'
  /** What a deleted manifest needs to be restored is nowhere any more; `digest` is what is missing. */
  | 'deleted-content-missing'

export interface Problem {
  readonly kind: ProblemKind
  readonly digest?: string
  /** Repository, or repository:tag. */
  readonly name?: string
  readonly message: string
}

export interface Progress {
  readonly phase: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'items'
}

export interface Report {
  readonly ok: boolean
  /** Whether every byte of every blob was read; else they were counted. */
  readonly deep: boolean
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
  /** Of all manifests and blobs that were read. */
  readonly bytes: number
  /** Blobs that were set aside so that a push brings them back, or brought back at once. */
  readonly repaired: number
  readonly problems: readonly Problem[]
  /** What is worth knowing and is no damage. */
  readonly notes: readonly string[]
}

/** Enough to see what is going on; a storage that was not mounted must not fill the memory. */
export const mostProblems = 10_000

export class Findings {
  readonly problems: Problem[] = []
  readonly notes: string[] = []
  #left = 0

  add(problem: Problem): void {
    if (this.problems.length < mostProblems) this.problems.push(problem)
    else this.#left += 1
  }

  note(sentence: string): void {
    this.notes.push(sentence)
  }

  /** In an order that does not depend on what was read first. */
  sorted(): readonly Problem[] {
    if (this.#left > 0) this.note(`There are ${this.#left} more problems that are not listed.`)
    this.#left = 0
    return this.problems.toSorted((a, b) => compare(sortKey(a), sortKey(b)))
  }
}

function sortKey({ kind, name = '', digest = '' }: Problem): string {
  return `${kind}\0${name}\0${digest}`
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** A count with its word: `1 blob`, `3 blobs`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
