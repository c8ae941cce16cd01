// Tags as their operators see them.
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { listTagStatistics, type TagStatistics } from '../metadata/statistics.ts'
import { isTag } from '../oci/reference.ts'
import { removeTag as removeTagOf } from '../registry/delete.ts'
import type { Actor } from '../access/actor.ts'
import { Refusal } from '../access/refusal.ts'
import { requireRepository } from './repositories.ts'

const tagsAtOnce = 500

/** In ASCII order. @throws {Refusal} not-found when there is no such repository */
export async function listTags(
  metadata: MetadataStore,
  repository: string,
): Promise<readonly TagStatistics[]> {
  const { id } = await requireRepository(metadata, repository)
  const all: TagStatistics[] = []
  for (let after = ''; ;) {
    const page = await listTagStatistics(metadata, id, { after, limit: tagsAtOnce })
    all.push(...page)
    const last = page.at(-1)
    if (last === undefined) return all
    after = last.name
  }
}

/** The manifest stays. @throws {Refusal} not-found */
export async function removeTag(
  { metadata }: { readonly metadata: MetadataStore },
  actor: Actor,
  { repository, tag }: { readonly repository: string; readonly tag: string },
): Promise<void> {
  const { id } = await requireRepository(metadata, repository)
  const entry = { event: 'tag.deleted', actor, subject: `${repository}:${tag}` } as const
  if (isTag(tag) && (await removeTagOf(metadata, id, tag, entry))) return
  throw new Refusal('not-found', `there is no tag ${tag} in ${repository}`)
}
