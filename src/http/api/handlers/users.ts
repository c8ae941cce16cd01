// /api/v1/users
import { removeTotp } from '../../../access/totp-account.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import {
  changeUser,
  createUser,
  listSomeUsers,
  removeUser,
  setPassword,
  showUser,
  type User,
} from '../../../installation/users.ts'
import { listTeamsOf } from '../../../metadata/team-members.ts'
import { expecting } from '../etag.ts'
import { given } from '../given.ts'
import { installationAdmin, ownAccount, type Handlers } from '../handler.ts'
import { iso, times } from '../moment.ts'
import { checkOwnPassword } from '../own-password.ts'
import { pageByName } from '../page.ts'
import { ProblemError } from '../problem-error.ts'

export const userHandlers: Handlers<OperationOf<'users'>> = {
  'users.list': {
    needs: installationAdmin,
    run: async ({ deps: { metadata }, input }) =>
      pageByName(input, {
        fetch: async (after, limit) => listSomeUsers(metadata, { after, limit }),
        keyOf: ({ name }) => name,
        item: userOutput,
      }),
  },
  'users.create': {
    needs: installationAdmin,
    run: async ({ deps, actor, input }) => userOutput(await createUser(deps, actor, input)),
  },
  'users.show': {
    needs: installationAdmin,
    run: async ({ deps: { metadata }, input }) =>
      metadata.read(async (reader) => {
        const user = await showUser(reader, input.name)
        const teams = await listTeamsOf(reader, user.id)
        return { ...userOutput(user), teams: teams.slice(0, mostTeams).map(({ name }) => name) }
      }),
  },
  'users.change': {
    needs: installationAdmin,
    async run({ deps, actor, input, expect }) {
      const changed = await changeUser(deps, actor, { ...input, ...expecting(expect, userOutput) })
      deps.forgetPrincipal(changed.id)
      return userOutput(changed)
    },
  },
  'users.remove': {
    needs: installationAdmin,
    async run({ deps, actor, input, expect }) {
      const { name } = input
      const removed = await removeUser(deps, actor, { name, ...expecting(expect, userOutput) })
      deps.forgetPrincipal(removed.id)
    },
  },
  'users.password': {
    needs: ({ name }, identity) =>
      identity.kind === 'principal' && identity.name === name ? ownAccount() : installationAdmin(),
    async run({ deps, actor, identity, input }) {
      const { name, password, current } = input
      if (identity.kind === 'principal' && identity.name === name) {
        const address = actor.address ?? ''
        await checkOwnPassword(deps, identity, { path: 'current', password: current, address })
      }
      const { id } = await showUser(deps.metadata, name)
      await setPassword(deps, actor, { name, password })
      deps.forgetPrincipal(id)
    },
  },
  'users.stopTotp': {
    needs: installationAdmin,
    async run({ deps, actor, identity, input: { name } }) {
      const { id } = await showUser(deps.metadata, name)
      // A browser that was left open, or a token, is not enough for that.
      if (identity.kind === 'principal' && identity.id === id) {
        throw new ProblemError('denied', 'Your own second factor is switched off with a code.')
      }
      await removeTotp(deps, actor, id)
      deps.forgetPrincipal(id)
    },
  },
}

const mostTeams = 500

export function userOutput(user: User): OutputOf<'users.show'> {
  const { name, admin, disabled, provider, createdAt, displayName, lastSeenAt } = user
  const { secondFactor: totp } = user
  return {
    name,
    ...given({ displayName }),
    provider,
    admin,
    disabled,
    totp,
    createdAt: iso(createdAt),
    ...times({ lastSeenAt }),
  }
}
