// /api/v1/repositories
import { listVisibleRepositories, seesEverything } from '../../../auth/visible-repositories.ts'
import { decide, type Action, type Permission } from '../../../auth/authorize.ts'
import type { ItemOf, OperationOf, OutputOf } from '../../../contract/operations.ts'
import {
  createRepository,
  editRepository,
  removeRepository,
  restoreRepository,
  showRepository,
} from '../../../installation/repositories.ts'
import {
  listDeletedRepositories,
  type DeletedRepository,
} from '../../../metadata/deleted-repositories.ts'
import type { RepositoryRow } from '../../../metadata/repositories.ts'
import {
  findRepositoryStatistics,
  listRepositoryStatistics,
  type RepositoryStatistics,
} from '../../../metadata/statistics.ts'
import {
  isRepositoryName,
  parseRepositoryName,
  type RepositoryName,
} from '../../../oci/reference.ts'
import { expecting } from '../etag.ts'
import { signedIn, type ApiCall, type Handlers } from '../handler.ts'
import { given } from '../given.ts'
import { iso, times } from '../moment.ts'
import { pageById, pageByName, type Page } from '../page.ts'

export const repositoryHandlers: Handlers<OperationOf<'repositories'>> = {
  'repositories.list': { needs: signedIn, run: listOfRepositories },
  'repositories.create': {
    needs: ({ name, visibility = 'private' }) => {
      const creating = onRepository('create', name)
      // Who else may pull is for those who administer.
      return visibility === 'private'
        ? creating
        : { allOf: [creating, onRepository('admin', name)] }
    },
    run: async ({ deps, actor, input }) =>
      repositoryOutput(await createRepository(deps, actor, input)),
  },
  'repositories.show': {
    locate: async (_, { name }) => onKnown('pull', name),
    run: async ({ deps: { metadata }, input }) =>
      repositoryOutput(await showRepository(metadata, input.name)),
  },
  'repositories.change': {
    locate: async (_, { name }) => onKnown('admin', name),
    run: async ({ deps, actor, input, expect }) =>
      repositoryOutput(
        await editRepository(deps, actor, { ...input, ...expecting(expect, settingsOutput) }),
      ),
  },
  'repositories.remove': {
    locate: async (_, { name }) => onKnown('admin', name),
    run: async ({ deps, actor, input: { name }, expect }) =>
      removeRepository(deps, actor, { name, ...expecting(expect, settingsOutput) }),
  },
  'repositories.deleted': { needs: signedIn, run: listOfDeleted },
  'repositories.restore': {
    locate: async (_, { name }) => onKnown('admin', name),
    async run({ deps, actor, input: { name } }) {
      const { repository, ...counts } = await restoreRepository(deps, actor, name)
      return { repository: repositoryOutput(repository), ...counts }
    },
  },
}

/** Those whose names the caller administers: what was granted on the repository itself is gone with it. */
async function listOfDeleted({
  deps: { metadata, collection },
  identity,
  input,
}: ApiCall<'repositories.deleted'>): Promise<OutputOf<'repositories.deleted'>> {
  const mayRestore = (name: RepositoryName) =>
    decide(identity, onRepository('admin', name), { repository: undefined }).allowed
  const keptMs = collection?.keep.deletedMs ?? Infinity
  return pageById<DeletedRepository, ItemOf<'repositories.deleted'>>(input, {
    fetch: async (after, limit) => listDeletedRepositories(metadata, { after, limit }),
    keyOf: ({ id }) => id,
    item: ({ name, visibility, description, tags, manifests, bytes, deletedAt, deletedBy }) =>
      mayRestore(name)
        ? {
            name,
            visibility,
            description,
            tags,
            manifests,
            bytes,
            deletedAt: iso(deletedAt),
            ...given({ deletedBy }),
            ...times({ purgedAfter: Number.isFinite(keptMs) ? deletedAt + keptMs : undefined }),
          }
        : undefined,
  })
}

/** @throws {OciError} NAME_INVALID */
export function onRepository(action: Action, name: string): Permission {
  return { action, resource: { type: 'repository', name: parseRepositoryName(name) } }
}

/** Of a repository that is there already; undefined for a name that none can have. */
export function onKnown(action: Action, name: string): Permission | undefined {
  return isRepositoryName(name) ? onRepository(action, name) : undefined
}

type RepositoryOutput = OutputOf<'repositories.show'>

async function listOfRepositories({
  deps: { metadata },
  identity,
  input,
}: ApiCall<'repositories.list'>): Promise<Page<RepositoryOutput>> {
  const { namespace } = input
  const isWanted = ({ visibility }: RepositoryRow) =>
    input.visibility === undefined || visibility === input.visibility
  if (seesEverything(identity)) {
    return pageByName<RepositoryStatistics, RepositoryOutput>(input, {
      fetch: within(namespace, async (page) => listRepositoryStatistics(metadata, page)),
      keyOf: ({ name }) => name,
      item: (row) => (isWanted(row) ? repositoryOutput(row) : undefined),
    })
  }
  const page = await pageByName<RepositoryRow, RepositoryRow>(input, {
    fetch: within(namespace, async (place) => listVisibleRepositories(metadata, identity, place)),
    keyOf: ({ name }) => name,
    item: (row) => (isWanted(row) ? row : undefined),
  })
  const items: RepositoryOutput[] = []
  for (const { name } of page.items) {
    const statistics = await findRepositoryStatistics(metadata, name)
    // It may have been removed since.
    if (statistics !== undefined) items.push(repositoryOutput(statistics))
  }
  return { ...page, items }
}

/** Of a list by name, the part that lies in the namespace, if there is one. */
function within<Row extends { readonly name: string }>(
  namespace: string | undefined,
  list: (page: { readonly after: string; readonly limit: number }) => Promise<readonly Row[]>,
): (after: string, limit: number) => Promise<readonly Row[]> {
  if (namespace === undefined) return async (after, limit) => list({ after, limit })
  const first = `${namespace}/`
  // '0' is the character after '/'.
  const end = `${namespace}0`
  return async (after, limit) => {
    const rows = await list({ after: after > first ? after : first, limit })
    return rows.filter(({ name }) => name < end)
  }
}

/** What is decided about a repository, and so what its entity tag is made of. */
function settingsOutput({ name, visibility, description, createdAt }: RepositoryRow) {
  return { name, visibility, description, createdAt: iso(createdAt) }
}

function repositoryOutput(repository: RepositoryStatistics): RepositoryOutput {
  const { tags, manifests, bytes, pushedAt } = repository
  return { ...settingsOutput(repository), tags, manifests, bytes, ...times({ pushedAt }) }
}
