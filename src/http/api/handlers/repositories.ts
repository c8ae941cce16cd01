// /api/v1/repositories
import { listVisibleRepositories } from '../../../auth/visible-repositories.ts'
import type { Action, Permission } from '../../../auth/authorize.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import {
  createRepository,
  editRepository,
  removeRepository,
  showRepository,
} from '../../../installation/repositories.ts'
import type { RepositoryRow } from '../../../metadata/repositories.ts'
import {
  findRepositoryStatistics,
  type RepositoryStatistics,
} from '../../../metadata/statistics.ts'
import { parseRepositoryName } from '../../../oci/reference.ts'
import { expecting } from '../etag.ts'
import { signedIn, type ApiCall, type Handlers } from '../handler.ts'
import { iso, times } from '../moment.ts'
import { pageByName, type Page } from '../page.ts'

export const repositoryHandlers: Handlers<OperationOf<'repositories'>> = {
  'repositories.list': { needs: signedIn, run: listOfRepositories },
  'repositories.create': {
    needs: ({ name }) => onRepository('create', name),
    run: async ({ deps, actor, input }) =>
      repositoryOutput(await createRepository(deps, actor, input)),
  },
  'repositories.show': {
    needs: ({ name }) => onRepository('pull', name),
    run: async ({ deps: { metadata }, input }) =>
      repositoryOutput(await showRepository(metadata, input.name)),
  },
  'repositories.change': {
    needs: ({ name }) => onRepository('admin', name),
    run: async ({ deps, actor, input, expect }) =>
      repositoryOutput(
        await editRepository(deps, actor, { ...input, ...expecting(expect, settingsOutput) }),
      ),
  },
  'repositories.remove': {
    needs: ({ name }) => onRepository('admin', name),
    run: async ({ deps, actor, input }) => removeRepository(deps, actor, input),
  },
}

/** @throws {OciError} NAME_INVALID */
export function onRepository(action: Action, name: string): Permission {
  return { action, resource: { type: 'repository', name: parseRepositoryName(name) } }
}

type RepositoryOutput = OutputOf<'repositories.show'>

async function listOfRepositories({
  deps: { metadata },
  identity,
  input,
}: ApiCall<'repositories.list'>): Promise<Page<RepositoryOutput>> {
  const prefix = input.namespace === undefined ? '' : `${input.namespace}/`
  // '0' is the character after '/'.
  const end = input.namespace === undefined ? undefined : `${input.namespace}0`
  const page = await pageByName(input, {
    async fetch(after, limit) {
      const from = after > prefix ? after : prefix
      const rows = await listVisibleRepositories(metadata, identity, { after: from, limit })
      return end === undefined ? rows : rows.filter(({ name }) => name < end)
    },
    keyOf: ({ name }) => name,
    item: (row) => row,
  })
  const items: RepositoryOutput[] = []
  for (const { name } of page.items) {
    const statistics = await findRepositoryStatistics(metadata, name)
    // It may have been removed since.
    if (statistics !== undefined) items.push(repositoryOutput(statistics))
  }
  return { ...page, items }
}

/** What is decided about a repository, and so what its entity tag is made of. */
function settingsOutput({ name, visibility, description, createdAt }: RepositoryRow) {
  return { name, visibility, description, createdAt: iso(createdAt) }
}

function repositoryOutput(repository: RepositoryStatistics): RepositoryOutput {
  const { tags, manifests, bytes, pushedAt } = repository
  return { ...settingsOutput(repository), tags, manifests, bytes, ...times({ pushedAt }) }
}
