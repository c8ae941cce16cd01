// Namespaces: the first part of repositories' names.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

export const namespace = z
  .object({
    name: f.componentName,
    description: f.description,
    defaultVisibility: f.visibility.describe('Of repositories that a first push makes in it'),
    repositories: z.int().describe('How many there are'),
    createdAt: f.time,
    owners: z
      .array(f.subject)
      .optional()
      .describe('Who administers it by a grant on the whole of it; not in lists'),
  })
  .meta({ id: 'Namespace' })

const name = f.componentName

export const namespaces = {
  'namespaces.list': operation({
    method: 'GET',
    path: '/namespaces',
    summary: 'List namespaces',
    description: 'Administrators see all, others those in which they have a grant.',
    input: z.strictObject(f.pageInput),
    output: f.pageOf(namespace),
    status: 200,
  }),
  'namespaces.create': operation({
    method: 'POST',
    path: '/namespaces',
    summary: 'Make a namespace',
    input: z.strictObject({
      name,
      description: f.description.default(''),
      defaultVisibility: f.visibility.default('private'),
      owner: f.subject.optional().describe('Who gets the role owner in it: user:NAME or team:NAME'),
    }),
    output: namespace,
    status: 201,
    versioned: true,
  }),
  'namespaces.show': operation({
    method: 'GET',
    path: '/namespaces/{name}',
    summary: 'Show a namespace',
    input: z.strictObject({ name }),
    output: namespace,
    status: 200,
    versioned: true,
  }),
  'namespaces.change': operation({
    method: 'PATCH',
    path: '/namespaces/{name}',
    summary: 'Change a namespace',
    description: 'What is left out stays.',
    input: z.strictObject({
      name,
      description: f.description.optional(),
      defaultVisibility: f.visibility.optional(),
    }),
    output: namespace,
    status: 200,
    versioned: true,
  }),
  'namespaces.remove': operation({
    method: 'DELETE',
    path: '/namespaces/{name}',
    summary: 'Remove a namespace that has no repositories, and its grants',
    input: z.strictObject({ name }),
    output: f.nothing,
    status: 204,
    versioned: true,
  }),
}
