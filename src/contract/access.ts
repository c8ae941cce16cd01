// Why somebody may do something, or may not.
import { z } from 'zod'
import * as f from './fields.ts'
import { grant } from './grants.ts'
import { operation } from './operation.ts'

const asked = z
  .enum(['pull', 'push', 'overwrite', 'delete', 'decide', 'admin', 'create'])
  .describe('What would be done')

const way = z.object({
  kind: z
    .enum(['grant', 'administrator', 'visibility', 'disabled', 'nothing'])
    .describe('What allows it, or what was looked at when nothing does'),
  message: f.text(1000).describe('The same as a sentence'),
  via: f.subject.optional().describe('Who holds the grant, when it is not the one asked about'),
  grant: grant.optional(),
})

export const explanation = z
  .object({
    who: f.subject,
    repository: f.repositoryName,
    action: asked,
    exists: z
      .boolean()
      .optional()
      .describe('Whether there is a repository of that name; absent when you may not see that'),
    allowed: z.boolean(),
    because: f.text(1000).describe('Why, as a sentence'),
    by: z
      .enum(['grant', 'administrator', 'visibility'])
      .optional()
      .describe('What counts as used when it is done'),
    grantId: f.id.optional().describe('The grant that counts as used'),
    ways: z
      .array(way)
      .max(500)
      .describe('Every way that leads there; or what was looked at, when none does'),
    needed: z
      .array(
        z.object({
          where: f.place,
          role: f.roleOrActions,
          command: f.text(1000).describe('The line to type'),
        }),
      )
      .max(10)
      .describe('Grants that would allow it, the narrowest first'),
    fix: f.text(1000).optional().describe('The line to type so that it is allowed'),
    memberships: z
      .array(
        z.object({
          team: f.componentName,
          maintainer: z.boolean(),
          sources: z.array(f.text(100)).max(50),
        }),
      )
      .describe('Teams of the one who is asked about'),
  })
  .meta({ id: 'Explanation' })

export const access = {
  'access.explain': operation({
    method: 'GET',
    path: '/access/explain',
    summary: 'Explain whether somebody may do something to a repository, and why',
    description: 'About oneself, or about anybody on a repository that one administers.',
    input: z.strictObject({
      who: f.subject,
      repository: f.repositoryName,
      action: asked,
    }),
    output: explanation,
    status: 200,
  }),
}
