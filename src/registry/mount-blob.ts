// Makes a blob of one repository visible in another without moving a byte.
// Spec: distribution-spec spec.md#mounting-a-blob-from-another-repository, end-11.
import type { Digest } from '../oci/digest.ts'
import { linkBlob, linkedBlobSize } from '../metadata/blobs.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { reviewBlob } from '../metadata/reviews.ts'

/** The caller may pull from `from`. Returns false when the blob is not there. */
export async function mountBlob(
  metadata: MetadataStore,
  mount: { readonly digest: Digest; readonly from: number; readonly to: number },
): Promise<boolean> {
  const { digest, from, to } = mount
  const size = await linkedBlobSize(metadata, from, digest)
  if (size === undefined) return false
  return metadata.write(async (tx) => {
    if ((await linkedBlobSize(tx, from, digest)) === undefined) return false
    await linkBlob(tx, to, digest)
    await reviewBlob(tx, digest)
    return true
  })
}
