// Fills an installation before its server starts, through the functions that the server itself uses:
// a hundred thousand pushes would take longer than everything that is measured.
import { openMetadata } from '../../src/compose-stores.ts'
import { Secret } from '../../src/config/secret.ts'
import type { MetadataStore, Transaction } from '../../src/metadata/metadata-store.ts'
import { findRepository, insertRepository } from '../../src/metadata/repositories.ts'
import { setTag } from '../../src/metadata/tags.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/reference.ts'
import { pushManifest } from '../../src/registry/push-manifest.ts'
import { manifestType } from './registry-calls.ts'
import type { Installation } from './subjects/subject.ts'

/** Rows in one transaction. */
const batch = 5000

export async function seed(
  { dataDir, metadataUrl }: Installation,
  work: (metadata: MetadataStore) => Promise<void>,
): Promise<void> {
  await using metadata = await openMetadata(
    {
      dataDir,
      metadata:
        metadataUrl === undefined
          ? { dialect: 'sqlite' }
          : { dialect: 'postgres', url: new Secret(metadataUrl) },
    },
    { migrate: true },
  )
  await work(metadata)
}

/** What is filled, and what ends the filling early. */
export interface Seeding {
  readonly metadata: MetadataStore
  readonly interrupted: AbortSignal
}

/** Repositories with nothing in them. */
export async function seedRepositories(seeding: Seeding, count: number): Promise<void> {
  await inBatches(seeding, count, async (tx, index) => {
    const name = parseRepositoryName(repositoryName(index))
    await insertRepository(tx, { name, visibility: 'internal', createdBy: undefined })
  })
}

/** In the order in which they are listed. */
export function repositoryName(index: number): string {
  const team = Math.floor(index / 1000)
  return `team-${String(team).padStart(4, '0')}/service-${String(index).padStart(7, '0')}`
}

/** A repository with one manifest and many tags of it. */
export async function seedTags(seeding: Seeding, repository: string, count: number): Promise<void> {
  const { metadata } = seeding
  const name = parseRepositoryName(repository)
  await metadata.write(async (tx) =>
    insertRepository(tx, { name, visibility: 'internal', createdBy: undefined }),
  )
  const repositoryId = (await findRepository(metadata, name))?.id
  if (repositoryId === undefined) throw new Error(`${repository} is not there after its making`)
  const { digest } = await pushManifest(metadata, {
    repositoryId,
    reference: { kind: 'tag', tag: parseTag(tagName(0)) },
    tags: [],
    contentType: manifestType,
    bytes: emptyArtifact(repository),
    name: 'seed',
    pusher: { id: undefined, name: 'seed', address: '127.0.0.1' },
  })
  await inBatches(seeding, count, async (tx, index) => {
    await setTag(tx, { repositoryId, tag: parseTag(tagName(index)), digest, updatedBy: undefined })
  })
}

export function tagName(index: number): string {
  return `v1.0.${String(index).padStart(7, '0')}`
}

async function inBatches(
  { metadata, interrupted }: Seeding,
  count: number,
  one: (tx: Transaction, index: number) => Promise<void>,
): Promise<void> {
  for (let first = 0; first < count; first += batch) {
    interrupted.throwIfAborted()
    await metadata.write(async (tx) => {
      for (let index = first; index < Math.min(first + batch, count); index += 1) {
        await one(tx, index)
      }
    })
  }
}

/** A manifest that needs no blob to be pushed: that of the empty object is always there. */
function emptyArtifact(repository: string): Buffer {
  const object = Buffer.from('{}')
  const empty = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: digestOf(object),
    size: object.length,
  }
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      artifactType: 'application/vnd.example.bench',
      config: empty,
      layers: [empty],
      annotations: { repository },
    }),
  )
}
