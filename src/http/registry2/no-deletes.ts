// storage.delete.enabled of registry:2, which is off unless somebody has switched it on.
import { OciError } from '../../oci/errors.ts'
import type { RouteTable } from '../route.ts'

/** The routes with every DELETE of content refused, after it was decided who asks. Uploads can still be cancelled. */
export function withoutDeletes(routes: RouteTable): RouteTable {
  const { manifest, blob } = routes
  return {
    ...routes,
    manifest: { ...manifest, ...(manifest.DELETE && { DELETE: refusing(manifest.DELETE) }) },
    blob: { ...blob, ...(blob.DELETE && { DELETE: refusing(blob.DELETE) }) },
  }
}

function refusing<R extends { run(call: never): Promise<unknown> }>(route: R): R {
  return {
    ...route,
    async run() {
      throw new OciError('UNSUPPORTED', {
        message:
          'This registry deletes nothing over this API: storage.delete.enabled is not set in its configuration. ' +
          'Its operator sets REGISTRY_STORAGE_DELETE_ENABLED=true, or deletes with carrel tag rm.',
      })
    },
  }
}
