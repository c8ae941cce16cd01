// The read-only switch: pushes and deletes stop, pulls and logins go on.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

const state = z
  .object({
    readOnly: z.boolean().describe('Whether pushes and deletes are refused'),
    since: f.time.optional(),
    until: f.time.optional().describe('When it ends by itself; absent: it does not'),
    reason: f.reason.optional(),
    by: f.text(300).optional().describe('Name of who switched it on'),
  })
  .meta({ id: 'ReadOnly' })

export const readOnly = {
  'read-only.show': operation({
    method: 'GET',
    path: '/read-only',
    summary: 'Tell whether the installation is read-only',
    description: 'What the configuration of a single node says is not in it.',
    input: z.strictObject({}),
    output: state,
    status: 200,
  }),
  'read-only.on': operation({
    method: 'PUT',
    path: '/read-only',
    summary: 'Stop pushes and deletes, for a while or until it is switched off',
    description:
      'All nodes follow within two seconds. What was begun before is finished. When it is on already, end and reason are replaced.',
    input: z.strictObject({
      until: f.time.optional().describe('When it ends by itself'),
      reason: f.reason.optional().describe('Told to whoever pushes meanwhile'),
    }),
    output: state,
    status: 200,
  }),
  'read-only.off': operation({
    method: 'DELETE',
    path: '/read-only',
    summary: 'Take pushes and deletes again',
    input: z.strictObject({}),
    output: state,
    status: 200,
  }),
}
