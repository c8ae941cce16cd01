// /api/v1/tags
import type { OperationOf } from '../../../contract/operations.ts'
import { requireRepository } from '../../../installation/repositories.ts'
import { removeTag } from '../../../installation/tags.ts'
import { listTagStatistics } from '../../../metadata/statistics.ts'
import { given } from '../given.ts'
import type { Handlers } from '../handler.ts'
import { iso } from '../moment.ts'
import { pageByName } from '../page.ts'
import { onKnown } from './repositories.ts'

export const tagHandlers: Handlers<OperationOf<'tags'>> = {
  'tags.list': {
    locate: async (_, { repository }) => onKnown('pull', repository),
    async run({ deps: { metadata }, input }) {
      const { id } = await requireRepository(metadata, input.repository)
      return pageByName(input, {
        fetch: async (after, limit) => listTagStatistics(metadata, id, { after, limit }),
        keyOf: ({ name }) => name,
        item: ({ name, digest, mediaType, bytes, updatedAt, updatedBy }) => ({
          name,
          digest,
          mediaType,
          bytes,
          updatedAt: iso(updatedAt),
          ...given({ updatedBy }),
        }),
      })
    },
  },
  'tags.remove': {
    locate: async (_, { repository }) => onKnown('delete', repository),
    run: async ({ deps, actor, input }) => removeTag(deps, actor, input),
  },
}
