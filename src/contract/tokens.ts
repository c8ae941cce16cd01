// Tokens: what people and robots give to programs instead of a password. They narrow their bearer's rights.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

const tokenSecret = z.object({
  slot: z.int(),
  state: z
    .enum(['current', 'replaced', 'ended'])
    .describe('replaced: it works until nobody has used it for 24 hours, or until endsAt'),
  createdAt: f.time,
  lastUsedAt: f.time.optional(),
  replacedAt: f.time.optional(),
  endsAt: f.time.optional(),
})

export const token = z
  .object({
    id: f.id,
    kind: z
      .enum(['personal', 'robot', 'login'])
      .describe('login: made by carrel token login, for a client'),
    name: f.text(100),
    for: f.subject.describe('Whose it is: user:NAME or robot:NAME'),
    scopes: f.scopes.optional().describe('Absent: all that its bearer may do'),
    createdAt: f.time,
    createdBy: f.principalName.optional(),
    expiresAt: f.time.optional().describe('Absent: it does not end by itself'),
    revokedAt: f.time.optional(),
    lastUsedAt: f.time.optional().describe('Absent: never'),
    lastUsedFrom: f.address.optional(),
    state: z.enum(['active', 'expired', 'revoked']),
    secrets: z
      .array(tokenSecret)
      .max(20)
      .describe('One, or two for a while after a rotation: the one that was replaced first'),
  })
  .meta({ id: 'Token' })

export const tokenWithSecret = token.extend({ secret: f.secret }).meta({ id: 'NewToken' })

/** What every rotation takes. */
export const rotation = {
  graceSeconds: z
    .int()
    .min(0)
    .max(366 * 86_400)
    .optional()
    .describe('How long the old secret works on at most: 14 days when left out; 0 ends it at once'),
  expiresAt: f.expiry
    .optional()
    .describe('When the new secret ends; as long again as before when left out'),
}

export const tokens = {
  'tokens.list': operation({
    method: 'GET',
    path: '/tokens',
    summary: 'List tokens',
    description:
      'One’s own, when it is not said whose. Administrators may leave nobody out with all=true.',
    input: z.strictObject({
      for: f.subject.optional(),
      all: f.queryFlag().optional().describe('Of everybody'),
      ...f.pageInput,
    }),
    output: f.pageOf(token),
    status: 200,
  }),
  'tokens.create': operation({
    method: 'POST',
    path: '/tokens',
    summary: 'Make a token',
    description: 'A token with scopes can do what they say, as far as its bearer can.',
    input: z.strictObject({
      for: f.subject.optional().describe('Whose it is, such as user:ann; one’s own when left out'),
      name: f.text(100).min(1).describe('What it is for'),
      kind: z
        .enum(['personal', 'login'])
        .default('personal')
        .describe('login: for clients that keep it in a file; for 12 hours, and for images alone'),
      scopes: f.scopes.optional().describe('Left out: all that its bearer may do'),
      expiresAt: f.expiry
        .optional()
        .describe('When it ends; in 90 days when left out, never for null'),
    }),
    output: tokenWithSecret,
    status: 201,
    versioned: true,
  }),
  'tokens.show': operation({
    method: 'GET',
    path: '/tokens/{id}',
    summary: 'Show a token',
    input: z.strictObject({ id: f.pathId('token') }),
    output: token,
    status: 200,
    versioned: true,
  }),
  'tokens.rotate': operation({
    method: 'POST',
    path: '/tokens/{id}/rotate',
    summary: 'Give a token a new secret',
    description:
      'The old secret works on until nobody has used it for 24 hours, or until the grace is over.',
    input: z.strictObject({
      id: f.pathId('token'),
      ...rotation,
    }),
    output: tokenWithSecret,
    status: 200,
    versioned: true,
  }),
  'tokens.revoke': operation({
    method: 'DELETE',
    path: '/tokens/{id}',
    summary: 'End a token at once',
    input: z.strictObject({ id: f.pathId('token') }),
    output: f.nothing,
    status: 204,
    versioned: true,
  }),
}
