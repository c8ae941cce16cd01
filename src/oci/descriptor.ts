// What points to content: image-spec v1.1 descriptor.md.

import type { Digest } from './digest.ts'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** In bytes: a safe integer, not negative. */
  readonly size: number
}
