// Users: people and machines that sign in with a password or through a sign-in provider.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

export const user = z
  .object({
    name: f.principalName,
    displayName: f.displayName.optional(),
    provider: f
      .text(100)
      .describe('Who knows the password: local, htpasswd, or oidc:NAME, ldap:NAME'),
    admin: z.boolean().describe('Whether the user administers the whole installation'),
    disabled: z.boolean().describe('Whether the user is kept from signing in'),
    totp: z.boolean().describe('Whether a second factor is asked for at sign-in'),
    createdAt: f.time,
    lastSeenAt: f.time.optional().describe('When the user last signed in; absent: never'),
    teams: z
      .array(f.componentName)
      .optional()
      .describe('Those that the user is in, at most 500; not in lists'),
  })
  .meta({ id: 'User' })

export const users = {
  'users.list': operation({
    method: 'GET',
    path: '/users',
    summary: 'List users',
    input: z.strictObject(f.pageInput),
    output: f.pageOf(user),
    status: 200,
  }),
  'users.create': operation({
    method: 'POST',
    path: '/users',
    summary: 'Make a user',
    description:
      'The namespace that bears the name belongs to the user, unless somebody else has it.',
    input: z.strictObject({
      name: f
        .text(255)
        .min(1)
        .describe('Lower-case letters and digits, with single . _ - between them'),
      password: f.password.describe('At least 12 characters, and none of the well-known ones'),
      admin: z.boolean().default(false).describe('Administers the whole installation'),
      displayName: f.displayName.optional(),
    }),
    output: user,
    status: 201,
    versioned: true,
  }),
  'users.show': operation({
    method: 'GET',
    path: '/users/{name}',
    summary: 'Show a user',
    input: z.strictObject({ name: f.principalName }),
    output: user,
    status: 200,
    versioned: true,
  }),
  'users.change': operation({
    method: 'PATCH',
    path: '/users/{name}',
    summary: 'Disable or enable a user, change rights or the displayed name',
    description: 'What is left out stays. The last administrator who can sign in stays one.',
    input: z.strictObject({
      name: f.principalName,
      admin: z.boolean().optional().describe('Administers the whole installation'),
      disabled: z.boolean().optional().describe('Kept from signing in; tokens stop too'),
      displayName: f.displayName.nullable().optional().describe('null: none'),
    }),
    output: user,
    status: 200,
    versioned: true,
  }),
  'users.remove': operation({
    method: 'DELETE',
    path: '/users/{name}',
    summary: 'Remove a user',
    description:
      'Grants, tokens and sessions of the user end. What the user pushed stays; the namespace is then nobody’s.',
    input: z.strictObject({ name: f.principalName }),
    output: f.nothing,
    status: 204,
    versioned: true,
  }),
  'users.password': operation({
    method: 'PUT',
    path: '/users/{name}/password',
    summary: 'Set the password of a user',
    description:
      'Who sets their own gives the present one too. Sessions that began with the old password end.',
    input: z.strictObject({
      name: f.principalName,
      password: f.password.describe('The new password'),
      current: f.password.optional().describe('The present password, when it is one’s own'),
    }),
    output: f.nothing,
    status: 204,
  }),
  'users.stopTotp': operation({
    method: 'DELETE',
    path: '/users/{name}/totp',
    summary: 'Switch the second factor of a user off',
    description:
      'For whoever has lost the device and the recovery codes. One’s own is switched off with a code.',
    input: z.strictObject({ name: f.principalName }),
    output: f.nothing,
    status: 204,
  }),
}
