// Repositories.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

export const repository = z
  .object({
    name: f.repositoryName,
    visibility: f.visibility,
    description: f.description,
    tags: z.int().describe('How many there are'),
    manifests: z.int().describe('How many there are'),
    bytes: z.int().describe('Of all that it holds, each content counted once'),
    createdAt: f.time,
    pushedAt: f.time.optional().describe('Of the last push; absent: there was none'),
  })
  .meta({ id: 'Repository' })

const deletedRepository = z
  .object({
    name: f.repositoryName,
    visibility: f.visibility,
    description: f.description,
    tags: z.int().describe('How many there are'),
    manifests: z.int().describe('How many there are'),
    bytes: z.int().describe('Of all blobs in it, each counted once'),
    deletedAt: f.time,
    deletedBy: f.principalName.optional(),
    purgedAfter: f.time.optional().describe('Until then it can be restored'),
  })
  .meta({ id: 'DeletedRepository' })

const name = f.repositoryName

export const repositories = {
  'repositories.list': operation({
    method: 'GET',
    path: '/repositories',
    summary: 'List the repositories that one may pull from',
    input: z.strictObject({
      ...f.pageInput,
      namespace: f.componentName.optional().describe('Only those in this namespace'),
      visibility: f.visibility.optional().describe('Only those of this visibility'),
    }),
    output: f.pageOf(repository),
    status: 200,
  }),
  'repositories.create': operation({
    method: 'POST',
    path: '/repositories',
    summary: 'Make a repository before its first push',
    input: z.strictObject({
      name,
      visibility: f.visibility.optional().describe('As the namespace has it, when left out'),
      description: f.description.default(''),
    }),
    output: repository,
    status: 201,
    versioned: true,
  }),
  'repositories.show': operation({
    method: 'GET',
    path: '/repositories/{name...}',
    summary: 'Show a repository',
    input: z.strictObject({ name }),
    output: repository,
    status: 200,
    versioned: true,
  }),
  'repositories.change': operation({
    method: 'PATCH',
    path: '/repositories/{name...}',
    summary: 'Change who may see a repository, or its description',
    description: 'What is left out stays.',
    input: z.strictObject({
      name,
      visibility: f.visibility.optional(),
      description: f.description.optional(),
    }),
    output: repository,
    status: 200,
    versioned: true,
  }),
  'repositories.remove': operation({
    method: 'DELETE',
    path: '/repositories/{name...}',
    summary: 'Remove a repository with all its tags and images',
    description: 'It can be restored for a while (keep.deleted), and its name can be used at once.',
    input: z.strictObject({ name }),
    output: f.nothing,
    status: 204,
    versioned: true,
  }),
  'repositories.deleted': operation({
    method: 'GET',
    path: '/deleted-repositories',
    summary: 'List the repositories that were removed and can be restored',
    description: 'Those whose names one administers.',
    input: z.strictObject(f.pageInput),
    output: f.pageOf(deletedRepository),
    status: 200,
  }),
  'repositories.restore': operation({
    method: 'POST',
    path: '/deleted-repositories/restore',
    summary: 'Bring back the repository of this name that was removed last',
    description:
      'With its tags, images and those of its grants whose holders are still there and that have not come to their end.',
    input: z.strictObject({ name }),
    output: z
      .object({ repository, grants: z.int(), grantsEnded: z.int() })
      .meta({ id: 'RepositoryRestored' }),
    status: 200,
  }),
}
