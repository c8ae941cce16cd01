// Repositories with tags for tests of commands.
import type { TestApi } from '../../http/api/test-support/api.ts'
import { insertBlob, linkBlob } from '../../metadata/blobs.ts'
import { findPrincipalByName } from '../../metadata/principals.ts'
import { findRepository, insertRepository } from '../../metadata/repositories.ts'
import { digestOf, type Digest } from '../../oci/digest.ts'
import { ociManifest } from '../../oci/media-types.ts'
import { parseRepositoryName, parseTag } from '../../oci/reference.ts'
import { pushManifest } from '../../registry/push-manifest.ts'

export interface AddedRepository {
  /** Of the one manifest that all tags point to. */
  readonly digest: Digest
  /** Of the manifest and its config. */
  readonly bytes: number
}

/** Pushed by ann. */
export async function addRepository(
  { metadata }: Pick<TestApi, 'metadata'>,
  text: string,
  tags: readonly string[] = [],
): Promise<AddedRepository> {
  const name = parseRepositoryName(text)
  const digest = digestOf(Buffer.from('{}'))
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest, size: 3_600_000 }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [config] }))
  const { size } = config
  const repositoryId = await metadata.write(async (tx) => {
    await insertRepository(tx, { name, visibility: 'private', createdBy: undefined })
    const made = await findRepository(tx, name)
    if (made === undefined) throw new Error(`the repository ${name} was not made`)
    if (tags.length > 0) {
      await insertBlob(tx, { digest, size, storageKey: 'key', content: undefined })
      await linkBlob(tx, made.id, digest)
    }
    return made.id
  })
  const [first, ...others] = tags.map(parseTag)
  if (first !== undefined) {
    const ann = await findPrincipalByName(metadata, 'ann')
    await pushManifest(metadata, {
      repositoryId,
      reference: { kind: 'tag', tag: first },
      tags: others,
      contentType: ociManifest,
      bytes,
      name,
      pusher: { id: ann?.id, name: 'ann', address: '127.0.0.1' },
    })
  }
  return { digest: digestOf(bytes), bytes: size + bytes.length }
}
