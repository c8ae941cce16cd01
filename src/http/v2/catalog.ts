// GET /v2/_catalog: the repositories that the caller may pull, and no others.
import { listVisibleRepositories, seesEverything } from '../../auth/visible-repositories.ts'
import type { Identity } from '../../auth/identity.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { listRepositoryNames } from '../../metadata/repositories.ts'
import { jsonReply } from '../reply.ts'
import type { Routes } from '../route.ts'
import { nextLink, parsePage } from './page.ts'

export function catalogRoutes({
  metadata,
  listing,
}: {
  readonly metadata: MetadataStore
  readonly listing?: { readonly catalogMaxEntries: number | undefined } | undefined
}): Routes<'catalog'> {
  const most = listing?.catalogMaxEntries
  return {
    GET: {
      needs: () => ({ action: 'pull', resource: { type: 'catalog' } }),
      async run({ request, identity }) {
        const page = parsePage(request.query, { most, strict: most !== undefined })
        // One more than asked for tells whether there is a next page.
        const { after, limit } = page
        const found =
          limit === 0 ? [] : await namesFor(metadata, identity, { after, limit: limit + 1 })
        const shown = found.slice(0, limit)
        const last = shown.at(-1)
        const link =
          found.length > limit && last !== undefined ? nextLink('/v2/_catalog', page, last) : {}
        return jsonReply(200, { repositories: shown }, link)
      },
    },
  }
}

const everything = { all: true, internal: true, ownNamespace: undefined }

async function namesFor(
  metadata: MetadataStore,
  identity: Identity,
  place: { readonly after: string; readonly limit: number },
): Promise<readonly string[]> {
  if (seesEverything(identity)) return listRepositoryNames(metadata, everything, place)
  return (await listVisibleRepositories(metadata, identity, place)).map(({ name }) => name)
}
