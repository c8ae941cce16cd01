// What the cases of the metadata contract are made of, and the small facts that they are told with.
import { randomBytes } from 'node:crypto'
import { insertBlob, linkBlob } from '../blobs.ts'
import { insertManifest, type NewManifest } from '../manifests.ts'
import type { MetadataStore, Transaction } from '../metadata-store.ts'
import { insertPrincipal, findPrincipalByName } from '../principals.ts'
import { findRepository, insertRepository, type Visibility } from '../repositories.ts'
import { setTag } from '../tags.ts'
import type { StoreAddress } from '../test-support/store-address.ts'
import { digestOf, type Digest } from '../../oci/digest.ts'
import { parseRepositoryName, parseTag, type RepositoryName } from '../../oci/reference.ts'

/** `address` opens the same database again. */
export type Case = readonly [
  title: string,
  run: (store: MetadataStore, address: StoreAddress) => Promise<void>,
]

/** A digest that this word stands for. */
export function digest(word: string): Digest {
  return digestOf(Buffer.from(word))
}

export function name(text: string): RepositoryName {
  return parseRepositoryName(text)
}

/** A name that nobody has used. */
export function newName(): RepositoryName {
  return name(`team/${randomBytes(8).toString('hex')}`)
}

/** Makes a repository and returns its id. */
export async function aRepository(
  tx: Transaction,
  text: string,
  visibility: Visibility = 'private',
): Promise<number> {
  await insertRepository(tx, { name: name(text), visibility, createdBy: undefined })
  const repository = await findRepository(tx, name(text))
  if (repository === undefined) throw new Error(`the repository ${text} was not made`)
  return repository.id
}

/** A blob of a few bytes in its row, linked to the repositories. */
export async function aBlob(
  tx: Transaction,
  word: string,
  ...repositoryIds: readonly number[]
): Promise<Digest> {
  const content = Buffer.from(word)
  const blob = { digest: digest(word), size: content.length, storageKey: undefined, content }
  await insertBlob(tx, blob)
  for (const id of repositoryIds) await linkBlob(tx, id, blob.digest)
  return blob.digest
}

export async function aManifest(
  tx: Transaction,
  repositoryId: number,
  word: string,
  more: Partial<NewManifest> = {},
): Promise<Digest> {
  const content = Buffer.from(word)
  await insertManifest(tx, {
    repositoryId,
    digest: digest(word),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: content.length,
    content,
    subject: undefined,
    artifactType: undefined,
    annotations: undefined,
    pushedBy: undefined,
    tagged: false,
    blobs: [],
    children: [],
    ...more,
  })
  return digest(word)
}

export async function aTag(
  tx: Transaction,
  repositoryId: number,
  tag: string,
  target: Digest,
): Promise<void> {
  await setTag(tx, { repositoryId, tag: parseTag(tag), digest: target, updatedBy: undefined })
}

/** Makes a local user and returns its id. */
export async function aUser(tx: Transaction, userName: string, admin = false): Promise<number> {
  const user = { name: userName, provider: 'local', admin, passwordHash: 'hash' } as const
  await insertPrincipal(tx, user)
  const principal = await findPrincipalByName(tx, userName)
  if (principal === undefined) throw new Error(`the user ${userName} was not made`)
  return principal.id
}

/** Rows of node:sqlite have no prototype. */
export function plain<T>(rows: readonly T[]): T[] {
  return rows.map((row) => ({ ...row }))
}
