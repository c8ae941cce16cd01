// Repositories as their operators see them: one function for each thing that is done to them.
import type { Actor } from '../access/actor.ts'
import { Refusal } from '../access/refusal.ts'
import { appendAudit } from '../metadata/audit.ts'
import { queueForJournal } from '../metadata/journal-queue.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { defaultVisibilityFor, insertNamespace } from '../metadata/namespaces.ts'
import {
  findRepository,
  insertRepository,
  updateRepository,
  type RepositoryRow,
  type Visibility,
} from '../metadata/repositories.ts'
import { findRepositoryStatistics, type RepositoryStatistics } from '../metadata/statistics.ts'
import { OciError } from '../oci/errors.ts'
import {
  isRepositoryName,
  namespaceOf,
  parseRepositoryName,
  type RepositoryName,
} from '../oci/reference.ts'
import { removeRepository as removeRepositoryById } from '../registry/delete.ts'
import { restoreRepository as restoreRepositoryOf } from '../registry/restore-repository.ts'

export interface RepositoriesDeps {
  readonly metadata: MetadataStore
}

export interface RepositoryChanges {
  readonly visibility?: Visibility | undefined
  readonly description?: string | undefined
  readonly expect?: ((current: RepositoryRow) => void) | undefined
}

const longestDescription = 1000

/** Private where nothing says otherwise. @throws {Refusal} exists, invalid */
export async function createRepository(
  { metadata }: RepositoriesDeps,
  actor: Actor,
  repository: {
    readonly name: string
    /** As its namespace has it, when left out. */
    readonly visibility?: Visibility | undefined
    readonly description: string
  },
): Promise<RepositoryStatistics> {
  const { description } = repository
  const name = requireRepositoryName(repository.name)
  requireDescription(description)
  await metadata.write(async (tx) => {
    const namespace = namespaceOf(name)
    if (namespace !== undefined) await insertNamespace(tx, { name: namespace, createdBy: actor.id })
    const visibility = repository.visibility ?? (await defaultVisibilityFor(tx, name))
    const isNew = await insertRepository(tx, { name, visibility, description, createdBy: actor.id })
    if (!isNew) {
      throw new Refusal('exists', `there is a repository ${name} already`, {
        fix: `carrel repo edit ${name} --visibility ${visibility}`,
      })
    }
    const { id } = await requireRepository(tx, name)
    await queueForJournal(tx, [{ kind: 'repository', repositoryId: id }])
    const detail = { visibility }
    await appendAudit(tx, { event: 'repository.created', actor, subject: name, detail })
  })
  return showRepository(metadata, name)
}

/** @throws {Refusal} not-found */
export async function showRepository(reader: Reader, name: string): Promise<RepositoryStatistics> {
  const found = isRepositoryName(name) ? await findRepositoryStatistics(reader, name) : undefined
  if (found === undefined) throw noSuchRepository(name)
  return found
}

/** What is left out stays. @throws {Refusal} not-found, invalid */
export async function editRepository(
  { metadata }: RepositoriesDeps,
  actor: Actor,
  { name, expect, ...changes }: RepositoryChanges & { readonly name: string },
): Promise<RepositoryStatistics> {
  if (changes.description !== undefined) requireDescription(changes.description)
  await metadata.write(async (tx) => {
    const before = await requireRepository(tx, name)
    expect?.(before)
    const { visibility = before.visibility, description = before.description } = changes
    await updateRepository(tx, { id: before.id, visibility, description })
    const detail = {
      ...(visibility !== before.visibility && { visibility, before: before.visibility }),
      ...(description !== before.description && { description }),
    }
    if (Object.keys(detail).length === 0) return
    await queueForJournal(tx, [{ kind: 'repository', repositoryId: before.id }])
    await appendAudit(tx, { event: 'repository.changed', actor, subject: name, detail })
  })
  return showRepository(metadata, name)
}

export interface RepositoryRemoval {
  readonly name: string
  readonly expect?: ((current: RepositoryRow) => void) | undefined
}

/** With all that is in it; it can be restored for a while. @throws {Refusal} not-found; whatever `expect` throws */
export async function removeRepository(
  { metadata }: RepositoriesDeps,
  actor: Actor,
  { name, expect }: RepositoryRemoval,
): Promise<void> {
  const { id } = await requireRepository(metadata, name)
  await removeRepositoryById(metadata, id, {
    async check(tx) {
      const current = await requireRepository(tx, name)
      // One of the same name may have been made since: that is not the one that was meant.
      if (current.id !== id) throw noSuchRepository(name)
      expect?.(current)
    },
    audit: { event: 'repository.removed', actor, subject: name },
  })
}

export interface RepositoryRestored {
  readonly repository: RepositoryStatistics
  readonly grants: number
  readonly grantsEnded: number
}

/** The one of this name that was removed last. @throws {Refusal} not-found, exists */
export async function restoreRepository(
  { metadata }: RepositoriesDeps,
  actor: Actor,
  name: string,
): Promise<RepositoryRestored> {
  const event = 'repository.restored'
  const outcome = isRepositoryName(name)
    ? await restoreRepositoryOf(metadata, name, { event, actor, subject: name })
    : ({ kind: 'gone' } as const)
  switch (outcome.kind) {
    case 'restored': {
      const { grants, grantsEnded } = outcome
      return { repository: await showRepository(metadata, name), grants, grantsEnded }
    }
    case 'taken':
      throw new Refusal('exists', `there is another repository ${name} by now`, {
        why: 'the removed one can come back only under its own name',
        fix: `carrel repo rm ${name}`,
      })
    case 'gone':
      throw new Refusal('not-found', `no removed repository ${name} can be restored`, {
        why: 'there was none of that name, or its time in the recycle bin is over',
        fix: 'carrel repo ls --deleted',
      })
  }
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
