// Sessions: sign-ins that are still good.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

export const session = z
  .object({
    id: f.id,
    kind: z
      .enum(['web', 'refresh', 'device'])
      .describe('A browser, an identity token of docker, or a device that waits for a yes'),
    for: f.subject.optional(),
    current: z.boolean().describe('Whether this very request belongs to it'),
    createdAt: f.time,
    lastSeenAt: f.time,
    expiresAt: f.time,
    address: f.address.optional(),
    userAgent: f.text(500).optional(),
  })
  .meta({ id: 'Session' })

export const sessions = {
  'sessions.list': operation({
    method: 'GET',
    path: '/sessions',
    summary: 'List sessions, one’s own when it is not said whose',
    input: z.strictObject({ for: f.subject.optional(), ...f.pageInput }),
    output: f.pageOf(session),
    status: 200,
  }),
  'sessions.end': operation({
    method: 'DELETE',
    path: '/sessions/{id}',
    summary: 'End a session',
    input: z.strictObject({ id: f.pathId('session') }),
    output: f.nothing,
    status: 204,
  }),
  'sessions.endAll': operation({
    method: 'DELETE',
    path: '/sessions',
    summary: 'End all sessions, one’s own when it is not said whose',
    input: z.strictObject({ for: f.subject.optional() }),
    output: z.object({ ended: z.int().describe('How many there were') }),
    status: 200,
  }),
}
