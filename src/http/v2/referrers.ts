// GET /v2/<name>/referrers/<digest> (end-12): always 200 and complete, also for a digest or a repository that nothing
// is known of. Spec: distribution-spec v1.1 spec.md#listing-referrers.
import { listReferrers, type Referrer } from '../../metadata/manifests.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { ociIndex } from '../../oci/media-types.ts'
import { jsonReply } from '../reply.ts'
import type { Routes } from '../route.ts'
import { onRepository } from './repository-permission.ts'

export function referrerRoutes({
  metadata,
}: {
  readonly metadata: MetadataStore
}): Routes<'referrers'> {
  return {
    GET: {
      needs: onRepository('pull'),
      async run({ request, target, repository }) {
        const all =
          repository === undefined
            ? []
            : await listReferrers(metadata, repository.id, target.digest)
        // Several artifactType parameters mean any of them.
        const types = request.query.getAll('artifactType')
        const wanted = types.length === 0 ? all : all.filter((one) => isOf(one, types))
        return jsonReply(
          200,
          { schemaVersion: 2, mediaType: ociIndex, manifests: wanted.map(descriptorOf) },
          {
            'content-type': ociIndex,
            ...(types.length > 0 && { 'oci-filters-applied': 'artifactType' }),
          },
        )
      },
    },
  }
}

function isOf(referrer: Referrer, types: readonly string[]): boolean {
  return referrer.artifactType !== undefined && types.includes(referrer.artifactType)
}

function descriptorOf({ mediaType, digest, size, artifactType, annotations }: Referrer): unknown {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations: JSON.parse(annotations) as unknown }),
  }
}
