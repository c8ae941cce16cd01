// /api/v1/namespaces
import {
  createNamespace,
  editNamespace,
  removeNamespace,
  showNamespace,
  type Namespace,
  type NamespaceWithOwners,
} from '../../../access/namespaces.ts'
import { requirePlace } from '../../../access/grants.ts'
import { placesOverlap } from '../../../access/review-places.ts'
import { listNamespaces } from '../../../access/namespace-list.ts'
import type { Permission } from '../../../auth/authorize.ts'
import { isExpired, type HeldGrant } from '../../../auth/held-grant.ts'
import type { Identity } from '../../../auth/identity.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { expecting } from '../etag.ts'
import { installationAdmin, seesAll, signedIn, type Handlers } from '../handler.ts'
import { iso } from '../moment.ts'
import { pageByName } from '../page.ts'

export const namespaceHandlers: Handlers<OperationOf<'namespaces'>> = {
  'namespaces.list': {
    needs: signedIn,
    async run({ deps, identity, input }) {
      const heldBy = seesAll(identity) ? undefined : grantsOf(identity)
      return pageByName(input, {
        fetch: async (after, limit) => listNamespaces(deps, { heldBy, after, limit }),
        keyOf: ({ name }) => name,
        item: namespaceOutput,
      })
    },
  },
  'namespaces.create': {
    needs: installationAdmin,
    run: async ({ deps, actor, input }) => ownedOutput(await createNamespace(deps, actor, input)),
  },
  'namespaces.show': {
    locate: async (_, { name }, identity) =>
      seesAll(identity) || holdsSomethingIn(identity, name) ? signedIn() : undefined,
    run: async ({ deps, input }) => ownedOutput(await showNamespace(deps, input.name)),
  },
  'namespaces.change': {
    needs: ({ name }) => onNamespace(name),
    run: async ({ deps, actor, input, expect }) =>
      ownedOutput(
        await editNamespace(deps, actor, { ...input, ...expecting(expect, ownedOutput) }),
      ),
  },
  'namespaces.remove': {
    needs: installationAdmin,
    async run({ deps, actor, input: { name }, expect }) {
      await removeNamespace(deps, actor, { name, ...expecting(expect, ownedOutput) })
    },
  },
}

function onNamespace(name: string): Permission {
  const place = requirePlace(`${name}/`)
  return { action: 'admin', resource: { type: 'place', place, giving: [] } }
}

/** As in the list: whoever was given something in it may know whose it is. */
function holdsSomethingIn(identity: Identity, name: string): boolean {
  const namespace = requirePlace(`${name}/`)
  const now = Date.now()
  return grantsOf(identity).some(
    (grant) => !isExpired(grant, now) && placesOverlap(grant.place, namespace),
  )
}

function grantsOf(identity: Identity): readonly HeldGrant[] {
  return identity.kind === 'principal' ? identity.grants : []
}

function namespaceOutput(namespace: Namespace): OutputOf<'namespaces.show'> {
  const { name, description, defaultVisibility, repositories, createdAt } = namespace
  return { name, description, defaultVisibility, repositories, createdAt: iso(createdAt) }
}

function ownedOutput(namespace: NamespaceWithOwners): OutputOf<'namespaces.show'> {
  return { ...namespaceOutput(namespace), owners: namespace.owners }
}
