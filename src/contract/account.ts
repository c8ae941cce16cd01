// One's own account.
import { z } from 'zod'
import * as f from './fields.ts'
import { grant } from './grants.ts'
import { operation } from './operation.ts'

export const account = z
  .object({
    name: f.principalName,
    kind: z
      .enum(['user', 'robot', 'federated', 'operator'])
      .describe('operator: whoever runs commands on the machine itself'),
    displayName: f.displayName.optional(),
    provider: f.text(100).optional().describe('Who knows the password'),
    admin: z.boolean(),
    teams: z.array(f.componentName).describe('At most 500'),
    grants: z
      .array(grant)
      .describe('One’s own, those of one’s teams and those of everybody; at most 500'),
    totp: z.boolean().describe('Whether a second factor is asked for at sign-in'),
    token: z
      .object({
        id: f.id,
        scopes: f.scopes.optional(),
        expiresAt: f.time.optional(),
      })
      .optional()
      .describe('The token that this request came with'),
  })
  .meta({ id: 'Account' })

const code = z
  .string()
  .regex(/^\d{6}$/)
  .describe('The six digits that the app shows')

export const accounts = {
  'account.show': operation({
    method: 'GET',
    path: '/account',
    summary: 'Who am I, and what may I do',
    input: z.strictObject({}),
    output: account,
    status: 200,
  }),
  'account.password': operation({
    method: 'PUT',
    path: '/account/password',
    summary: 'Change one’s own password',
    input: z.strictObject({
      current: f.password.describe('The present password'),
      password: f.password.describe('The new one'),
    }),
    output: f.nothing,
    status: 204,
  }),
}

export const totp = {
  'totp.start': operation({
    method: 'POST',
    path: '/account/totp',
    summary: 'Begin to use a second factor',
    description: 'Nothing changes until a code was confirmed.',
    input: z.strictObject({}),
    output: z.object({
      secret: f.text(100).describe('For the app, in base32'),
      uri: f.text(500).describe('The same as an otpauth: address, for a QR code'),
    }),
    status: 200,
  }),
  'totp.confirm': operation({
    method: 'POST',
    path: '/account/totp/confirm',
    summary: 'Switch the second factor on',
    input: z.strictObject({ code }),
    output: z.object({
      recoveryCodes: z
        .array(f.text(100))
        .max(50)
        .describe('Each works once in place of a code. They are shown this once'),
    }),
    status: 200,
  }),
  'totp.stop': operation({
    method: 'POST',
    path: '/account/totp/off',
    summary: 'Switch the second factor off',
    input: z.strictObject({ code: f.text(100).min(1).describe('A code, or a recovery code') }),
    output: f.nothing,
    status: 204,
  }),
}
