// Robots: accounts of programs. A robot signs in with its one secret; grants say what it may do.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'
import { rotation, token } from './tokens.ts'

export const robot = z
  .object({
    name: f.principalName,
    description: f.displayName.describe('What it is for'),
    disabled: z.boolean(),
    grants: z.int().describe('How many of its own it has'),
    createdAt: f.time,
    createdBy: f.principalName.optional(),
    lastSeenAt: f.time.optional().describe('Absent: it never signed in'),
    token: token.optional().describe('What it signs in with; absent when it has none'),
  })
  .meta({ id: 'Robot' })

export const robotWithSecret = robot.extend({ secret: f.secret }).meta({ id: 'NewRobot' })

const name = f.principalName

export const robots = {
  'robots.list': operation({
    method: 'GET',
    path: '/robots',
    summary: 'List robots',
    description: 'Administrators see all, others those that they made.',
    input: z.strictObject(f.pageInput),
    output: f.pageOf(robot),
    status: 200,
  }),
  'robots.create': operation({
    method: 'POST',
    path: '/robots',
    summary: 'Make a robot',
    input: z.strictObject({
      name,
      description: f.displayName.default('').describe('What it is for'),
      scopes: f.scopes.optional().describe('What it may do from the start: each becomes a grant'),
      expiresAt: f.expiry
        .optional()
        .describe('When its secret ends; in 90 days when left out, never for null'),
    }),
    output: robotWithSecret,
    status: 201,
    versioned: true,
  }),
  'robots.show': operation({
    method: 'GET',
    path: '/robots/{name}',
    summary: 'Show a robot',
    input: z.strictObject({ name }),
    output: robot,
    status: 200,
    versioned: true,
  }),
  'robots.change': operation({
    method: 'PATCH',
    path: '/robots/{name}',
    summary: 'Disable or enable a robot, or change its description',
    description: 'What is left out stays.',
    input: z.strictObject({
      name,
      disabled: z.boolean().optional().describe('Kept from signing in'),
      description: f.displayName.optional(),
    }),
    output: robot,
    status: 200,
    versioned: true,
  }),
  'robots.rotate': operation({
    method: 'POST',
    path: '/robots/{name}/rotate',
    summary: 'Give a robot a new secret',
    description:
      'The old secret works on until nobody has used it for 24 hours, or until the grace is over.',
    input: z.strictObject({
      name,
      ...rotation,
    }),
    output: robotWithSecret,
    status: 200,
  }),
  'robots.remove': operation({
    method: 'DELETE',
    path: '/robots/{name}',
    summary: 'Remove a robot with its secrets and grants',
    input: z.strictObject({ name }),
    output: f.nothing,
    status: 204,
    versioned: true,
  }),
}
