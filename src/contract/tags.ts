// Tags of a repository. Pushing is what makes one, so there is nothing here to do that.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

export const tag = z
  .object({
    name: f.tagName,
    digest: f.text(200).describe('Of the manifest that it names'),
    mediaType: f.text(255).describe('Of that manifest'),
    bytes: z.int().describe('Of the manifest and all that it names and that is kept here'),
    updatedAt: f.time,
    updatedBy: f.principalName.optional().describe('Who moved it last'),
  })
  .meta({ id: 'Tag' })

const repository = f.repositoryName.describe('The repository, such as team/app')

export const tags = {
  'tags.list': operation({
    method: 'GET',
    path: '/tags',
    summary: 'List the tags of a repository',
    input: z.strictObject({ repository, ...f.pageInput }),
    output: f.pageOf(tag),
    status: 200,
  }),
  'tags.remove': operation({
    method: 'DELETE',
    path: '/tags/{tag}',
    summary: 'Remove a tag',
    description: 'The image stays, and can be pulled by its digest.',
    input: z.strictObject({ repository, tag: f.tagName }),
    output: f.nothing,
    status: 204,
  }),
}
