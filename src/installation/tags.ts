// Tags as their operators see them.
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { isTag } from '../oci/reference.ts'
import { removeTag as removeTagOf } from '../registry/delete.ts'
import type { Actor } from '../access/actor.ts'
import { Refusal } from '../access/refusal.ts'
import { requireRepository } from './repositories.ts'

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
