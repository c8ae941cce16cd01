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

const tagChange = z
  .object({
    tag: f.tagName,
    digest: f.text(200).optional().describe('What it points to since; absent: it was deleted'),
    before: f
      .text(200)
      .optional()
      .describe('What it pointed to until then; absent: it was not there'),
    at: f.time,
    by: f.principalName.optional(),
  })
  .meta({ id: 'TagChange' })

const digest = f.text(200).min(1).describe('Of an image, such as sha256:…')

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
  'tags.history': operation({
    method: 'GET',
    path: '/tag-changes',
    summary: 'Tell what the tags of a repository pointed to, the latest change first',
    input: z.strictObject({ repository, tag: f.tagName.optional(), ...f.pageInput }),
    output: f.pageOf(tagChange),
    status: 200,
  }),
  'tags.restore': operation({
    method: 'POST',
    path: '/tags/{tag}/restore',
    summary: 'Let a tag point to what it did before',
    description:
      'Without a digest: to what it was before its last change, or before it was deleted. An image that was deleted comes ' +
      'back with it. That needs push; overwrite when the tag is there; delete when the image has to come back.',
    input: z.strictObject({ tag: f.tagName, repository, digest: digest.optional() }),
    output: z
      .object({
        tag: f.tagName,
        digest,
        before: digest.optional(),
        changed: z.boolean().describe('False: it pointed there already'),
        imageRestored: z.boolean().describe('The image was in the recycle bin'),
      })
      .meta({ id: 'TagRestored' }),
    status: 200,
  }),
}

export const images = {
  'images.restore': operation({
    method: 'POST',
    path: '/images/{digest}/restore',
    summary: 'Bring a deleted image back',
    description: 'With those of its tags whose names are free. That needs delete and push.',
    input: z.strictObject({ digest, repository }),
    output: z
      .object({
        digest,
        tags: z.array(f.tagName).describe('That point to it again'),
        tagsElsewhere: z.array(f.tagName).describe('That point to another image by now'),
      })
      .meta({ id: 'ImageRestored' }),
    status: 200,
  }),
}
