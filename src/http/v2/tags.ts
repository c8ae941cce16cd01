// GET /v2/<name>/tags/list (end-8).
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { listTagNames } from '../../metadata/tags.ts'
import { nameUnknown } from '../app.ts'
import { jsonReply } from '../reply.ts'
import type { Routes } from '../route.ts'
import { nextLink, parsePage } from './page.ts'
import { onRepository } from './repository-permission.ts'

export function tagRoutes({
  metadata,
  listing,
}: {
  readonly metadata: MetadataStore
  readonly listing?: { readonly maxTags: number | undefined } | undefined
}): Routes<'tags'> {
  return {
    GET: {
      needs: onRepository('pull'),
      async run({ request, target, repository }) {
        if (repository === undefined) throw nameUnknown(target.name)
        const page = parsePage(request.query, { most: listing?.maxTags })
        const { after, limit } = page
        const found =
          limit === 0
            ? []
            : await listTagNames(metadata, repository.id, { after, limit: limit + 1 })
        const tags = found.slice(0, limit)
        const last = tags.at(-1)
        const path = `/v2/${target.name}/tags/list`
        const link = found.length > limit && last !== undefined ? nextLink(path, page, last) : {}
        return jsonReply(200, { name: target.name, tags }, link)
      },
    },
  }
}
