// When something is to be reviewed, for tests whose clock stands still.
import { query } from '../../metadata/query.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TestRegistry } from './registry.ts'

export const day = 24 * 60 * 60 * 1000

const blobDue = query<{ digest: string }>()((db, p) =>
  db.selectFrom('blobs').select('review_after as due').where('digest', '=', p.digest),
)
const manifestDue = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select('review_after as due')
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

/** In days since 1970; undefined: there is no review to come. */
export async function blobReview(
  { metadata }: TestRegistry,
  digest: Digest,
): Promise<number | undefined> {
  return daysOf((await metadata.one(blobDue, { digest }))?.due)
}

export async function manifestReview(
  { metadata, here }: TestRegistry,
  digest: Digest,
  repositoryId = here,
): Promise<number | undefined> {
  return daysOf((await metadata.one(manifestDue, { repositoryId, digest }))?.due)
}

function daysOf(due: number | null | undefined): number | undefined {
  return due === null || due === undefined ? undefined : due / day
}
