// /api/v1/tags
import { Refusal } from '../../../access/refusal.ts'
import { decide } from '../../../auth/authorize.ts'
import type { OperationOf } from '../../../contract/operations.ts'
import { requireRepository } from '../../../installation/repositories.ts'
import { removeTag, restoreImage, restoreTag } from '../../../installation/tags.ts'
import { listTagStatistics } from '../../../metadata/statistics.ts'
import { listTagChanges } from '../../../metadata/tag-changes.ts'
import { isTag, type Tag } from '../../../oci/reference.ts'
import { given } from '../given.ts'
import type { ApiCall, Handlers } from '../handler.ts'
import { iso } from '../moment.ts'
import { pageById, pageByName } from '../page.ts'
import { onKnown, onRepository } from './repositories.ts'

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
  'tags.history': {
    locate: async (_, { repository }) => onKnown('pull', repository),
    async run({ deps: { metadata }, input }) {
      const { id } = await requireRepository(metadata, input.repository)
      const tag = input.tag === undefined ? undefined : tagOf(input.tag)
      return pageById(input, {
        // From the latest to the first: the page's key is the last one seen.
        fetch: async (after, limit) =>
          listTagChanges(metadata, id, { tag, limit, ...(after > 0 && { before: after }) }),
        keyOf: (change) => change.id,
        item: ({ tag: name, digest, before, changedAt, changedBy }) => ({
          tag: name,
          at: iso(changedAt),
          ...given({ digest, before, by: changedBy }),
        }),
      })
    },
  },
  'tags.restore': {
    // More is asked for when the tag is moved, or the image has to come back.
    locate: async (_, { repository }) => onKnown('push', repository),
    run: async (call) => restored(call),
  },
}

export const imageHandlers: Handlers<OperationOf<'images'>> = {
  'images.restore': {
    async locate(_, { repository }) {
      const [deleting, pushing] = [onKnown('delete', repository), onKnown('push', repository)]
      return deleting && pushing && { allOf: [deleting, pushing] }
    },
    async run({ deps, actor, input: { repository, digest } }) {
      const { tags, tagsElsewhere } = await restoreImage(deps, actor, { repository, digest })
      return { digest, tags, tagsElsewhere }
    },
  },
}

function tagOf(text: string): Tag {
  if (isTag(text)) return text
  throw new Refusal('invalid', `${JSON.stringify(text.slice(0, 100))} cannot be a tag`)
}

async function restored({ deps, identity, actor, input }: ApiCall<'tags.restore'>) {
  const { metadata, watch } = deps
  const repository = await requireRepository(metadata, input.repository)
  const wanted = (action: 'overwrite' | 'delete') => onRepository(action, repository.name)
  const moving = decide(identity, wanted('overwrite'), { repository })
  const undoing = decide(identity, wanted('delete'), { repository })
  const done = await restoreTag(deps, actor, {
    ...input,
    keepTags: moving.allowed ? undefined : moving.message,
    keepDeleted: undoing.allowed ? undefined : undoing.message,
  })
  const address = actor.address ?? ''
  // The rights count as used when they were.
  if (done.changed && done.before !== undefined && moving.allowed) {
    watch?.allowed({ identity, wanted: wanted('overwrite'), address }, moving)
  }
  if (done.imageRestored && undoing.allowed) {
    watch?.allowed({ identity, wanted: wanted('delete'), address }, undoing)
  }
  const { digest, before, changed, imageRestored } = done
  return { tag: input.tag, digest, changed, imageRestored, ...given({ before }) }
}
