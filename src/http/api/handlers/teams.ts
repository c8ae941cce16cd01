// /api/v1/teams and their members
import {
  addTeamMember,
  listTeamMembers,
  removeTeamMember,
  type TeamMember,
} from '../../../access/team-members.ts'
import {
  createTeam,
  editTeam,
  listTeams,
  removeTeam,
  showTeam,
  type Team,
} from '../../../access/teams.ts'
import type { Permission } from '../../../auth/authorize.ts'
import { principalId } from '../../../auth/identity.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { expecting } from '../etag.ts'
import { forgetPrincipalNamed, membersOfTeam } from '../forget-holder.ts'
import { installationAdmin, seesAll, signedIn, type Handlers } from '../handler.ts'
import { iso } from '../moment.ts'
import { pageById, pageByName } from '../page.ts'

export const teamHandlers: Handlers<OperationOf<'teams'>> = {
  'teams.list': {
    needs: signedIn,
    async run({ deps, identity, input }) {
      const own = seesAll(identity) ? undefined : principalId(identity)
      return pageByName(input, {
        fetch: async (after, limit) => listTeams(deps, { of: own, after, limit }),
        keyOf: ({ name }) => name,
        item: teamOutput,
      })
    },
  },
  'teams.create': {
    needs: installationAdmin,
    run: async ({ deps, actor, input }) => teamOutput(await createTeam(deps, actor, input)),
  },
  'teams.show': {
    needs: ({ name }) => onTeam('pull', name),
    run: async ({ deps, input }) => teamOutput(await showTeam(deps, input.name)),
  },
  'teams.change': {
    needs: ({ name }) => onTeam('admin', name),
    async run({ deps, actor, input, expect }) {
      const before = await membersOfTeam(deps, input.name)
      const team = await editTeam(deps, actor, { ...input, ...expecting(expect, teamOutput) })
      if (team.membersRemoved > 0) for (const id of before) deps.forgetPrincipal(id)
      return teamOutput(team)
    },
  },
  'teams.remove': {
    needs: installationAdmin,
    async run({ deps, actor, input: { name }, expect }) {
      const members = await membersOfTeam(deps, name)
      await removeTeam(deps, actor, { name, ...expecting(expect, teamOutput) })
      for (const id of members) deps.forgetPrincipal(id)
    },
  },
  'teams.members': {
    needs: ({ name }) => onTeam('pull', name),
    run: async ({ deps, input }) =>
      pageById(input, {
        fetch: async (after, limit) => listTeamMembers(deps, { team: input.name, after, limit }),
        keyOf: ({ id }) => id,
        item: memberOutput,
      }),
  },
  'teams.addMember': {
    needs: ({ name }) => onTeam('admin', name),
    async run({ deps, actor, input: { name: team, member, maintainer } }) {
      const added = await addTeamMember(deps, actor, { team, member, maintainer })
      deps.forgetPrincipal(added.id)
      return memberOutput(added)
    },
  },
  'teams.removeMember': {
    needs: ({ name }) => onTeam('admin', name),
    async run({ deps, actor, input: { name: team, member } }) {
      const removed = await removeTeamMember(deps, actor, { team, member })
      await forgetPrincipalNamed(deps, member)
      return removed
    },
  },
}

function onTeam(action: 'pull' | 'admin', name: string): Permission {
  return { action, resource: { type: 'team', name } }
}

function teamOutput(team: Team): OutputOf<'teams.show'> {
  const { name, description, members, groups, createdAt } = team
  return { name, description, members, groups, createdAt: iso(createdAt) }
}

function memberOutput(member: TeamMember): OutputOf<'teams.addMember'> {
  const { name, kind, maintainer, disabled, sources, addedAt } = member
  return { name, kind, maintainer, disabled, sources, addedAt: iso(addedAt) }
}
