// Compares a restored installation with what a registry owed when the snapshot was made. It looks into the database and
// the storage themselves: no server repairs anything before.
import { openBlobs, openMetadata } from '../../src/compose-stores.ts'
import { findLinkedBlob } from '../../src/metadata/blobs.ts'
import { findManifest } from '../../src/metadata/manifests.ts'
import { findRepository } from '../../src/metadata/repositories.ts'
import { listTagNames, findTag } from '../../src/metadata/tags.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/reference.ts'
import { parseKey } from '../../src/storage/driver.ts'
import {
  createAcknowledgementLog,
  type AcknowledgementLog,
  type Expected,
  type Operation,
} from './acknowledgements.ts'
import { sha256Of } from './digest.ts'

/** What is owed at some moment between the two: what was answered by then must be there, the rest may be. */
export function expectedBetween(log: AcknowledgementLog, from: number, to: number): Expected {
  const operations: Operation[] = []
  for (const operation of log.operations()) {
    if (operation.begun > to) continue
    const isOpen = operation.ended > from && operation.outcome !== 'refused'
    operations.push(isOpen ? { ...operation, ended: Infinity, outcome: 'unknown' } : operation)
  }
  return createAcknowledgementLog({ operations }).expected()
}

const mostProblems = 10

/** Sentences; empty: everything that is owed is there, byte by byte, and no tag that is not. */
export async function compareRestored(
  dataDir: string,
  expected: Expected,
): Promise<readonly string[]> {
  await using metadata = await openMetadata(
    { dataDir, metadata: { dialect: 'sqlite' } },
    { migrate: false },
  )
  await using storage = await openBlobs(dataDir)
  const problems: string[] = []
  const ids = new Map<string, number | undefined>()
  const idOf = async (name: string): Promise<number | undefined> => {
    if (!ids.has(name))
      ids.set(name, (await findRepository(metadata, parseRepositoryName(name)))?.id)
    return ids.get(name)
  }
  const read = new Set<string>()
  for (const { repository, digest, promised } of expected.blobs) {
    if (problems.length >= mostProblems) break
    const id = await idOf(repository)
    const row = id === undefined ? undefined : await findLinkedBlob(metadata, id, digest as Digest)
    if (row === undefined) {
      if (promised) problems.push(`Acknowledged and lost: ${repository} blob ${digest}`)
      continue
    }
    if (read.has(digest)) continue
    read.add(digest)
    const bytes = row.content ?? (await contentOf(storage.blobs, row.storageKey ?? ''))
    if (sha256Of(bytes) !== digest) problems.push(`Other bytes: ${repository} blob ${digest}`)
  }
  for (const { repository, digest, promised } of expected.manifests) {
    if (problems.length >= mostProblems) break
    const id = await idOf(repository)
    const row = id === undefined ? undefined : await findManifest(metadata, id, digest as Digest)
    if (row === undefined) {
      if (promised) problems.push(`Acknowledged and lost: ${repository} manifest ${digest}`)
    } else if (sha256Of(row.content) !== digest) {
      problems.push(`Other bytes: ${repository} manifest ${digest}`)
    }
  }
  const owed = new Map<string, Set<string>>()
  for (const { repository, tag, allowed } of expected.tags) {
    owed.set(repository, (owed.get(repository) ?? new Set()).add(tag))
    const id = await idOf(repository)
    const found = id === undefined ? undefined : await findTag(metadata, id, parseTag(tag))
    const digest = found?.digest
    if (allowed.has(digest)) continue
    const may = [...allowed].map((each) => each ?? 'absent').join(' or ')
    problems.push(`${repository}:${tag} is ${digest ?? 'absent'}, and may be ${may}`)
  }
  for (const [repository, tags] of owed) {
    const id = await idOf(repository)
    if (id === undefined) continue
    for (const tag of await listTagNames(metadata, id, { after: '', limit: 1000 })) {
      if (!tags.has(tag)) problems.push(`${repository}:${tag} was never pushed`)
    }
  }
  return problems.slice(0, mostProblems)
}

async function contentOf(
  blobs: Awaited<ReturnType<typeof openBlobs>>['blobs'],
  key: string,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await blobs.open(parseKey(key))) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}
