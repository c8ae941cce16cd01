// /api/v1/robots. Whoever administers some place makes robots for it, and looks after those.
import { permissionsToGive, readFirstGrants } from '../../../access/first-grants.ts'
import {
  changeRobot,
  createRobot,
  listRobots,
  removeRobot,
  rotateRobot,
  showRobot,
  type Robot,
} from '../../../access/robots.ts'
import { principalId } from '../../../auth/identity.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { expecting } from '../etag.ts'
import { given } from '../given.ts'
import { installationAdmin, ownAccount, seesAll, type Handlers } from '../handler.ts'
import { expiryOf, iso, times } from '../moment.ts'
import { ofPrincipal } from '../of-principal.ts'
import { pageById } from '../page.ts'
import { tokenOutput } from './tokens.ts'

export const robotHandlers: Handlers<OperationOf<'robots'>> = {
  'robots.list': {
    needs: () => ({ anyOf: [ownAccount(), installationAdmin()] }),
    async run({ deps, identity, input }) {
      const createdBy = seesAll(identity) ? undefined : principalId(identity)
      return pageById(input, {
        fetch: async (after, limit) => listRobots(deps, { createdBy, after, limit }),
        keyOf: ({ id }) => id,
        item: robotOutput,
      })
    },
  },
  'robots.create': {
    needs: ({ scopes = [] }) => ({
      allOf: [
        { action: 'admin', resource: { type: 'robots' } },
        ...permissionsToGive(readFirstGrants(scopes)),
      ],
    }),
    async run({ deps, actor, input: { expiresAt, ...asked } }) {
      const ends = given({ expiresAt: expiryOf(expiresAt) })
      const { secret, ...made } = await createRobot(deps, actor, { ...asked, ...ends })
      return { ...robotOutput(made), secret }
    },
  },
  'robots.show': {
    needs: ({ name }) => ofPrincipal(name),
    run: async ({ deps, input }) => robotOutput(await showRobot(deps, input.name)),
  },
  'robots.change': {
    needs: ({ name }) => ofPrincipal(name),
    async run({ deps, actor, identity, input, expect }) {
      const expected = expecting(expect, robotOutput)
      const changed = await changeRobot(deps, actor, { ...input, identity, ...expected })
      deps.forgetPrincipal(changed.id)
      return robotOutput(changed)
    },
  },
  'robots.rotate': {
    needs: ({ name }) => ofPrincipal(name),
    async run({ deps, actor, identity, input: { name, graceSeconds, expiresAt } }) {
      const graceMs = graceSeconds === undefined ? undefined : graceSeconds * 1000
      const rotation = { name, identity, graceMs, expiresAt: expiryOf(expiresAt) }
      const { secret, ...rotated } = await rotateRobot(deps, actor, rotation)
      if (rotated.token !== undefined) deps.forgetToken?.(rotated.token.id)
      return { ...robotOutput(rotated), secret }
    },
  },
  'robots.remove': {
    needs: ({ name }) => ofPrincipal(name),
    async run({ deps, actor, input: { name }, expect }) {
      const { id } = await showRobot(deps, name)
      await removeRobot(deps, actor, { name, ...expecting(expect, robotOutput) })
      deps.forgetPrincipal(id)
    },
  },
}

function robotOutput(robot: Robot): OutputOf<'robots.show'> {
  const { name, description, disabled, grants, createdAt, createdBy, lastSeenAt, token } = robot
  return {
    name,
    description,
    disabled,
    grants,
    createdAt: iso(createdAt),
    ...given({ createdBy: createdBy?.name }),
    ...times({ lastSeenAt }),
    ...given({ token: token && tokenOutput(token) }),
  }
}
