// What a rebuild says. Kinds of findings are words for programs and do not change.

export type FindingKind =
  /** A segment of the journal is damaged or of a newer version; what it told is not used. */
  | 'segment-damaged'
  /** A segment belongs to another installation. */
  | 'segment-foreign'
  /** No base of the journal is whole: what was there before the segments that are left is not known. */
  | 'base-missing'
  /** Nothing says what this repository was called. */
  | 'repository-unnamed'
  /** The bytes in the journal are not those of the manifest's digest. */
  | 'manifest-damaged'
  /** The tag pointed to a manifest of which nothing is left, and was left out. */
  | 'tag-lost'
  /** A manifest needs a blob that is not there; pushing it again heals it. */
  | 'blob-missing'
  /** An object has other bytes than its name says. */
  | 'blob-damaged'
  /** An index holds a manifest of which nothing is left. */
  | 'child-missing'
  /** A manifest's bytes are right and cannot be understood, so what it needs is not protected. */
  | 'manifest-unreadable'

export interface Finding {
  readonly kind: FindingKind
  /** Repository, repository:tag, or the key of an object. */
  readonly name?: string
  readonly digest?: string
  readonly message: string
}

const mostFindings = 10_000

export class Findings {
  readonly all: Finding[] = []
  #left = 0

  add(finding: Finding): void {
    if (this.all.length < mostFindings) this.all.push(finding)
    else this.#left += 1
  }

  /** How many were not kept. */
  get left(): number {
    return this.#left
  }
}

export interface Progress {
  readonly phase: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'items'
}

export type OnProgress = (progress: Progress) => void
