// The tag under which clients list referrers at registries without the referrers API:
// distribution-spec spec.md#referrers-tag-schema, with the lengths that main adds.

import { algorithmOf, encodedOf } from './digest.ts'
import type { Digest } from './digest.ts'
import type { Tag } from './reference.ts'

const maxEncodedLength = 64

/** `sha256-<hex>`; of a sha512 only the first 64 digits. Both algorithms' names are short. */
export function referrersTag(subject: Digest): Tag {
  return `${algorithmOf(subject)}-${encodedOf(subject).slice(0, maxEncodedLength)}` as Tag
}
