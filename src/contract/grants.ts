// Grants: who may do what where, with when and by whom it was given, and when it was last used.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

const grantFlag = z.enum([
  'never-used',
  'unused',
  'broader-than-used',
  'no-expiry',
  'disabled-holder',
])

export const grant = z
  .object({
    id: f.id,
    who: f.subject,
    where: f.place,
    actions: f.actions,
    role: z
      .enum(['reader', 'writer', 'maintainer', 'owner'])
      .optional()
      .describe('The role that has exactly these actions'),
    reason: f.reason,
    grantedAt: f.time,
    grantedBy: f
      .text(300)
      .optional()
      .describe('Absent when it was a command on the machine; #7 when the giver is gone'),
    expiresAt: f.time.optional().describe('Absent: it does not end by itself'),
    lastUsedAt: f.time.optional().describe('Absent: nobody used it yet'),
    actionsUsed: f.actions.describe('Those of its actions that were ever used'),
    waiting: z
      .boolean()
      .describe('It is for a repository that is not there yet, and holds once there is one'),
    changedAt: f.time,
    flags: z
      .array(grantFlag)
      .max(10)
      .describe(
        'What is worth a look: never-used; unused (for 90 days); broader-than-used (with actions that nobody used); ' +
          'no-expiry; disabled-holder',
      ),
  })
  .meta({ id: 'Grant' })

/** The filters of an access review. */
export const grantFilters = {
  who: f.subject.optional(),
  where: f.place.optional().describe('Grants on this place and on all within it'),
  unusedDays: f
    .queryNumber(1, 36_500)
    .optional()
    .describe('Neither used nor given in that many days'),
  neverUsed: f.queryFlag().optional().describe('Not used since they were given'),
  broaderThanUsed: f
    .queryFlag()
    .optional()
    .describe('Used, but with actions that nobody ever used'),
  noExpiry: f.queryFlag().optional().describe('That do not end by themselves'),
  disabledHolder: f.queryFlag().optional().describe('Whose holder is kept from signing in'),
}

export const grants = {
  'grants.list': operation({
    method: 'GET',
    path: '/grants',
    summary: 'List grants, all or those that are worth a look',
    description:
      'Administrators see all, others their own and those of places that they administer. Several filters: grants that ' +
      'match each of them.',
    input: z.strictObject({ ...grantFilters, ...f.pageInput }),
    output: f.pageOf(grant),
    status: 200,
  }),
  'grants.create': operation({
    method: 'POST',
    path: '/grants',
    summary: 'Let somebody do something somewhere',
    description: 'Nobody can hand on what they do not have themselves.',
    input: z.strictObject({
      who: f.subject,
      where: f.place,
      actions: f.roleOrActions,
      expiresAt: f.time.optional().describe('When it ends; it does not when left out'),
      reason: f.reason.default(''),
    }),
    output: grant,
    status: 201,
    versioned: true,
  }),
  'grants.show': operation({
    method: 'GET',
    path: '/grants/{id}',
    summary: 'Show a grant',
    input: z.strictObject({ id: f.pathId('grant') }),
    output: grant,
    status: 200,
    versioned: true,
  }),
  'grants.change': operation({
    method: 'PATCH',
    path: '/grants/{id}',
    summary: 'Change what a grant allows, or when it ends',
    description: 'What is left out stays. Who and where never change: make another grant for that.',
    input: z.strictObject({
      id: f.pathId('grant'),
      actions: f.roleOrActions.optional(),
      shrinkToUsed: z
        .literal(true)
        .optional()
        .describe('Take away the actions that nobody ever used; not together with actions'),
      expiresAt: f.expiry.optional(),
      reason: f.reason.optional(),
    }),
    output: grant,
    status: 200,
    versioned: true,
  }),
  'grants.remove': operation({
    method: 'DELETE',
    path: '/grants/{id}',
    summary: 'Take a right away',
    input: z.strictObject({ id: f.pathId('grant') }),
    output: f.nothing,
    status: 204,
    versioned: true,
  }),
}
