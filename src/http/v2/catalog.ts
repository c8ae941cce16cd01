// GET /v2/_catalog: the repositories that the caller may pull, and no others.
import type { Identity } from '../../auth/identity.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { listRepositoryNames, type CatalogFilter } from '../../metadata/repositories.ts'
import { jsonReply } from '../reply.ts'
import type { Routes } from '../route.ts'
import { nextLink, parsePage } from './page.ts'

export function catalogRoutes({
  metadata,
}: {
  readonly metadata: MetadataStore
}): Routes<'catalog'> {
  return {
    GET: {
      needs: () => ({ action: 'pull', resource: { type: 'catalog' } }),
      async run({ request, identity }) {
        const page = parsePage(request.query)
        // One more than asked for tells whether there is a next page.
        const { after, limit } = page
        const found =
          limit === 0
            ? []
            : await listRepositoryNames(metadata, filterOf(identity), { after, limit: limit + 1 })
        const shown = found.slice(0, limit)
        const last = shown.at(-1)
        const link =
          found.length > limit && last !== undefined ? nextLink('/v2/_catalog', page, last) : {}
        return jsonReply(200, { repositories: shown }, link)
      },
    },
  }
}

/** The same rules as auth/authorize.ts has for pulling, as a filter; catalog.test.ts holds them together. */
export function filterOf(identity: Identity): CatalogFilter {
  if (identity.kind === 'open') return { all: true, internal: true, ownNamespace: undefined }
  if (identity.kind === 'anonymous') {
    return { all: false, internal: false, ownNamespace: undefined }
  }
  return { all: identity.admin, internal: true, ownNamespace: identity.name }
}
