// Teams: principals that share grants. Maintainers change who is in a team.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

export const teamGroup = z.strictObject({
  provider: f.text(100).min(1).describe('A sign-in provider, such as oidc:corp or ldap:corp'),
  group: f.text(300).min(1).describe('The name of a group there'),
})

export const team = z
  .object({
    name: f.componentName,
    description: f.description,
    members: z.int().describe('How many there are'),
    groups: z
      .array(teamGroup)
      .max(50)
      .describe('Whoever is in one of these groups joins at sign-in, and leaves when no longer'),
    createdAt: f.time,
  })
  .meta({ id: 'Team' })

export const teamMember = z
  .object({
    name: f.principalName,
    kind: z.enum(['user', 'robot', 'federated']),
    maintainer: z.boolean().describe('Whether the member may change who is in the team'),
    disabled: z.boolean().describe('Kept from signing in, or expired'),
    sources: z
      .array(f.text(100))
      .max(50)
      .describe('local (by hand), and sign-in providers whose groups put the member here'),
    addedAt: f.time,
  })
  .meta({ id: 'TeamMember' })

const name = f.componentName

export const teams = {
  'teams.list': operation({
    method: 'GET',
    path: '/teams',
    summary: 'List teams',
    description: 'Administrators see all, others the teams that they are in.',
    input: z.strictObject(f.pageInput),
    output: f.pageOf(team),
    status: 200,
  }),
  'teams.create': operation({
    method: 'POST',
    path: '/teams',
    summary: 'Make a team',
    input: z.strictObject({
      name,
      description: f.description.default(''),
      groups: z
        .array(teamGroup)
        .max(50)
        .optional()
        .describe('Whoever is in one of these groups joins at sign-in'),
    }),
    output: team,
    status: 201,
    versioned: true,
  }),
  'teams.show': operation({
    method: 'GET',
    path: '/teams/{name}',
    summary: 'Show a team',
    input: z.strictObject({ name }),
    output: team,
    status: 200,
    versioned: true,
  }),
  'teams.change': operation({
    method: 'PATCH',
    path: '/teams/{name}',
    summary: 'Change a team',
    description: 'What is left out stays.',
    input: z.strictObject({
      name,
      description: f.description.optional(),
      groups: z
        .array(teamGroup)
        .max(50)
        .optional()
        .describe('All of them, in place of those of now'),
    }),
    output: team,
    status: 200,
    versioned: true,
  }),
  'teams.remove': operation({
    method: 'DELETE',
    path: '/teams/{name}',
    summary: 'Remove a team and its grants',
    input: z.strictObject({ name }),
    output: f.nothing,
    status: 204,
    versioned: true,
  }),
  'teams.members': operation({
    method: 'GET',
    path: '/teams/{name}/members',
    summary: 'List who is in a team',
    input: z.strictObject({ name, ...f.pageInput }),
    output: f.pageOf(teamMember),
    status: 200,
  }),
  'teams.addMember': operation({
    method: 'PUT',
    path: '/teams/{name}/members/{member}',
    summary: 'Put somebody into a team, or change whether they maintain it',
    input: z.strictObject({
      name,
      member: f.principalName,
      maintainer: z.boolean().default(false).describe('May change who is in the team'),
    }),
    output: teamMember,
    status: 200,
  }),
  'teams.removeMember': operation({
    method: 'DELETE',
    path: '/teams/{name}/members/{member}',
    summary: 'Take somebody out of a team',
    input: z.strictObject({ name, member: f.principalName }),
    output: z.object({
      sources: z
        .array(f.text(100))
        .max(50)
        .describe('Sign-in providers whose groups keep the member here still'),
    }),
    status: 200,
  }),
}
