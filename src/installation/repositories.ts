// Repositories as their operators see them: one function for each thing that is done to them.
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import {
  findRepository,
  insertRepository,
  updateRepository,
  type RepositoryRow,
  type Visibility,
} from '../metadata/repositories.ts'
import {
  findRepositoryStatistics,
  listRepositoryStatistics,
  type RepositoryStatistics,
} from '../metadata/statistics.ts'
import { OciError } from '../oci/errors.ts'
import { isRepositoryName, parseRepositoryName, type RepositoryName } from '../oci/reference.ts'
import { removeRepository as removeRepositoryById } from '../registry/delete.ts'
import { Refusal } from './refusal.ts'

export interface RepositoryChanges {
  readonly visibility?: Visibility
  readonly description?: string
}

const repositoriesAtOnce = 500
const longestDescription = 1000

/** In ASCII order. */
export async function listRepositories(
  metadata: MetadataStore,
): Promise<readonly RepositoryStatistics[]> {
  const all: RepositoryStatistics[] = []
  for (let after = ''; ;) {
    const page = await listRepositoryStatistics(metadata, { after, limit: repositoriesAtOnce })
    all.push(...page)
    const last = page.at(-1)
    if (last === undefined) return all
    after = last.name
  }
}

/** @throws {Refusal} exists, invalid */
export async function createRepository(
  metadata: MetadataStore,
  repository: {
    readonly name: string
    readonly visibility: Visibility
    readonly description: string
  },
): Promise<RepositoryStatistics> {
  const { visibility, description } = repository
  const name = requireRepositoryName(repository.name)
  requireDescription(description)
  const isNew = await metadata.write(async (tx) =>
    insertRepository(tx, { name, visibility, description, createdBy: undefined }),
  )
  if (isNew) return showRepository(metadata, name)
  throw new Refusal('exists', `there is a repository ${name} already`, {
    fix: `carrel repo edit ${name} --visibility ${visibility}`,
  })
}

/** @throws {Refusal} not-found */
export async function showRepository(
  metadata: MetadataStore,
  name: string,
): Promise<RepositoryStatistics> {
  const found = isRepositoryName(name) ? await findRepositoryStatistics(metadata, name) : undefined
  if (found === undefined) throw noSuchRepository(name)
  return found
}

/** @throws {Refusal} not-found, invalid */
export async function editRepository(
  metadata: MetadataStore,
  name: string,
  changes: RepositoryChanges,
): Promise<RepositoryStatistics> {
  if (changes.description !== undefined) requireDescription(changes.description)
  await metadata.write(async (tx) => {
    const { id, visibility, description } = await requireRepository(tx, name)
    await updateRepository(tx, { id, visibility, description, ...changes })
  })
  return showRepository(metadata, name)
}

/** With all tags, manifests and links. @throws {Refusal} not-found */
export async function removeRepository(metadata: MetadataStore, name: string): Promise<void> {
  const { id } = await requireRepository(metadata, name)
  await removeRepositoryById(metadata, id)
}

/** @throws {Refusal} not-found */
export async function requireRepository(reader: Reader, name: string): Promise<RepositoryRow> {
  const found = isRepositoryName(name) ? await findRepository(reader, name) : undefined
  if (found === undefined) throw noSuchRepository(name)
  return found
}

function noSuchRepository(name: string): Refusal {
  return new Refusal('not-found', `there is no repository ${name}`)
}

function requireRepositoryName(name: string): RepositoryName {
  try {
    return parseRepositoryName(name)
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    const shown = JSON.stringify(name.slice(0, 100))
    throw new Refusal('invalid', `${shown} cannot be the name of a repository`, {
      why: error.message,
      cause: error,
    })
  }
}

function requireDescription(description: string): void {
  if (description.length > longestDescription) {
    throw new Refusal('invalid', 'the description is too long', {
      why: `it has ${description.length} characters, and ${longestDescription} is the most`,
    })
  }
  // oxlint-disable-next-line no-control-regex -- it is shown in terminals and is one line
  if (!/[\u0000-\u001f\u007f-\u009f]/.test(description) && description.isWellFormed()) return
  throw new Refusal('invalid', 'the description is not one line of text', {
    why: 'it has line breaks or other control characters',
  })
}
