// Access reviews: somebody goes through the grants of a place until a date. What is undecided then ends.
import { z } from 'zod'
import * as f from './fields.ts'
import { grant } from './grants.ts'
import { operation } from './operation.ts'

export const accessReview = z
  .object({
    id: f.id,
    name: f.text(200),
    where: f.place,
    owner: f.principalName.optional().describe('Who decides'),
    createdAt: f.time,
    createdBy: f.principalName.optional(),
    dueAt: f.time,
    closedAt: f.time.optional(),
    items: z.int().describe('How many grants it is about'),
    open: z.int().describe('How many of them are undecided'),
  })
  .meta({ id: 'AccessReview' })

const decision = z
  .enum(['keep', 'remove', 'shrink'])
  .describe('shrink: take away the actions that nobody ever used')

export const accessReviewItem = z
  .object({
    grantId: f.id,
    snapshot: grant.describe('The grant as it was when the review began'),
    current: grant.optional().describe('As it is now; absent: it is gone'),
    decision: decision.optional(),
    decidedAt: f.time.optional(),
    decidedBy: f.principalName.optional(),
    note: f.reason,
  })
  .meta({ id: 'AccessReviewItem' })

const id = f.pathId('review')

export const accessReviews = {
  'access-reviews.list': operation({
    method: 'GET',
    path: '/access-reviews',
    summary: 'List access reviews',
    description: 'Administrators see all, others those that they own.',
    input: z.strictObject({
      open: f.queryFlag().optional().describe('Only those that are not closed'),
      ...f.pageInput,
    }),
    output: f.pageOf(accessReview),
    status: 200,
  }),
  'access-reviews.create': operation({
    method: 'POST',
    path: '/access-reviews',
    summary: 'Begin an access review',
    input: z.strictObject({
      name: f.text(200).min(1).describe('For people, such as Spring 2027'),
      where: f.place.default('*').describe('Grants on this place and on all within it'),
      owner: f.principalName.describe('The user who decides'),
      dueAt: f.time.describe('What is undecided then ends'),
    }),
    output: accessReview,
    status: 201,
    versioned: true,
  }),
  'access-reviews.show': operation({
    method: 'GET',
    path: '/access-reviews/{id}',
    summary: 'Show an access review',
    input: z.strictObject({ id }),
    output: accessReview,
    status: 200,
    versioned: true,
  }),
  'access-reviews.items': operation({
    method: 'GET',
    path: '/access-reviews/{id}/items',
    summary: 'List the grants of an access review with what was decided',
    input: z.strictObject({
      id,
      undecided: f.queryFlag().optional().describe('Only those that are'),
      ...f.pageInput,
    }),
    output: f.pageOf(accessReviewItem),
    status: 200,
  }),
  'access-reviews.decide': operation({
    method: 'PUT',
    path: '/access-reviews/{id}/items/{grantId}',
    summary: 'Decide about a grant; it is done at once',
    input: z.strictObject({
      id,
      grantId: f.pathId('grant'),
      decision,
      note: f.reason.default(''),
    }),
    output: accessReviewItem,
    status: 200,
  }),
  'access-reviews.close': operation({
    method: 'POST',
    path: '/access-reviews/{id}/close',
    summary: 'Close an access review: what is undecided ends, and the evidence is signed',
    input: z.strictObject({ id }),
    output: accessReview,
    status: 200,
  }),
  'access-reviews.evidence': operation({
    method: 'GET',
    path: '/access-reviews/{id}/evidence',
    summary: 'What was decided, signed, of a review that is closed',
    input: z.strictObject({
      id,
      format: z.enum(['json', 'csv']).default('json').describe('In which form'),
    }),
    output: z
      .object({
        format: z.enum(['json', 'csv']),
        content: z.string().describe('The document, byte for byte as it was signed'),
        signature: f.text(1000).describe('Ed25519 over the content, in base64url'),
        keyId: f.text(200).describe('Which key signed it'),
        publicKey: f.text(1000).describe('That key, as JWK'),
      })
      .meta({ id: 'AccessReviewEvidence' }),
    status: 200,
  }),
}
