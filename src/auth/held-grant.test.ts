import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { actions, type GrantedAction } from './action.ts'
import { decide, type RepositoryRecord } from './authorize.ts'
import {
  findGrant,
  findGrantOnPlace,
  holdGrants,
  readHeldGrants,
  type AskedRepository,
  type HeldGrant,
} from './held-grant.ts'
import type { Identity } from './identity.ts'
import { narrowness, parsePlace } from './place.ts'
import { asked, grants, isIn, now, place } from './test-support/places.ts'

const action = fc.constantFrom(...actions)

/** Whether this one grant allows it: all that a grant means, in a few words. */
function allows(grant: HeldGrant, wanted: GrantedAction, { name, id }: AskedRepository): boolean {
  const isOver = grant.expiresAt !== undefined && grant.expiresAt <= now
  const isOther = grant.repositoryId !== undefined && grant.repositoryId !== id
  return grant.actions.includes(wanted) && isIn(grant.place, name) && !isOver && !isOther
}

function whoHolds(held: readonly HeldGrant[], admin = false): Identity {
  const common = { kind: 'principal', principalKind: 'user', provider: 'local' } as const
  return { ...common, id: 7, name: 'ann', admin, grants: held }
}

const visibility = fc.constantFrom('private' as const, 'internal' as const, 'public' as const)

function recordOf(
  { name, id }: { readonly name: RepositoryRecord['name']; readonly id: number | undefined },
  visible: RepositoryRecord['visibility'],
): RepositoryRecord | undefined {
  return id === undefined ? undefined : { id, name, visibility: visible }
}

suite('held grants', () => {
  test('the union of grants allows exactly what one of them allows, and the narrowest counts', () => {
    fc.assert(
      fc.property(grants, action, asked, (held, wanted, repository) => {
        const those = held.filter((grant) => allows(grant, wanted, repository))
        const found = findGrant(held, wanted, repository, now)
        assert.equal(found !== undefined, those.length > 0)
        if (found === undefined) return
        assert.ok(those.includes(found))
        const narrowest = Math.min(...those.map((grant) => narrowness(grant.place)))
        assert.equal(narrowness(found.place), narrowest)
        const alike = those.filter((grant) => narrowness(grant.place) === narrowest)
        assert.equal(found.id, Math.min(...alike.map(({ id }) => id)))
      }),
      { numRuns: 1000 },
    )
  })

  test('the decision is that of the union, and else of the repository’s visibility', () => {
    fc.assert(
      fc.property(grants, action, asked, visibility, (held, wanted, repository, visible) => {
        const facts = { repository: recordOf(repository, visible) }
        const permission = {
          action: wanted,
          resource: { type: 'repository', name: repository.name },
        } as const
        const isGranted = held.some((grant) => allows(grant, wanted, repository))
        const isSeen = wanted === 'pull' && repository.id !== undefined && visible !== 'private'
        const decision = decide(whoHolds(held), permission, facts, now)
        assert.equal(decision.allowed, isGranted || isSeen)
        assert.equal(decision.allowed && decision.grant !== undefined, isGranted)
        assert.equal(decide(whoHolds(held, true), permission, facts, now).allowed, true)
      }),
      { numRuns: 1000 },
    )
  })

  test('taking a grant away never widens, and giving one never narrows', () => {
    const resource = fc.oneof(
      asked.map(({ name }) => ({ type: 'repository' as const, name })),
      fc.record({
        type: fc.constant('place' as const),
        place,
        giving: fc.subarray([...actions]),
      }),
      fc.constant({ type: 'installation' as const }),
      fc.constant({ type: 'robots' as const }),
    )
    fc.assert(
      fc.property(grants, fc.nat(), action, resource, (held, index, wanted, on) => {
        const less = held.filter((_, position) => position !== index % Math.max(held.length, 1))
        const facts = { repository: undefined }
        const permission = { action: wanted, resource: on }
        const before = decide(whoHolds(held), permission, facts, now).allowed
        const after = decide(whoHolds(less), permission, facts, now).allowed
        assert.ok(before || !after)
      }),
      { numRuns: 1000 },
    )
  })

  test('nobody hands on what they do not have on the whole of the place', () => {
    fc.assert(
      fc.property(grants, place, fc.subarray([...actions]), asked, (held, on, giving, { name }) => {
        const permission = {
          action: 'admin',
          resource: { type: 'place', place: on, giving },
        } as const
        if (!decide(whoHolds(held), permission, { repository: undefined }, now).allowed) return
        if (!isIn(on, name)) return
        // Bound to whichever repository has that name: those of others by that name are gone.
        const unbound = held.map((grant) => ({ ...grant, repositoryId: undefined }))
        for (const each of ['admin', ...giving] as const) {
          assert.ok(unbound.some((grant) => allows(grant, each, { name, id: undefined })))
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('a repository made again under an old name is another one', () => {
    const record = {
      place: parsePlace('web/app'),
      actions: ['pull'] as const,
      expiresAt: undefined,
    }
    const held = holdGrants([{ ...record, id: 1, repositoryId: 5 }])
    assert.equal(findGrant(held, 'pull', { name: 'web/app', id: 5 }, now)?.id, 1)
    assert.equal(findGrant(held, 'pull', { name: 'web/app', id: 6 }, now), undefined)
    assert.equal(findGrant(held, 'pull', { name: 'web/app', id: undefined }, now), undefined)
  })

  test('a grant ends at its moment, on a place too', () => {
    const record = {
      place: parsePlace('web/'),
      actions: ['admin'] as const,
      repositoryId: undefined,
    }
    const held = holdGrants([{ ...record, id: 1, expiresAt: now }])
    const web = { place: parsePlace('web/'), repositoryId: undefined }
    const repository = { name: 'web/app', id: 1 }
    assert.equal(findGrant(held, 'admin', repository, now - 1)?.id, 1)
    assert.equal(findGrant(held, 'admin', repository, now), undefined)
    assert.equal(findGrantOnPlace(held, 'admin', web, now - 1)?.id, 1)
    assert.equal(findGrantOnPlace(held, 'admin', web, now), undefined)
  })

  test('a row that cannot be read grants nothing', () => {
    const row = { id: 1, repositoryId: undefined, actions: 'pull,all', expiresAt: undefined }
    const rows = [
      { ...row, placeKind: 'namespace', place: 'web/' },
      { ...row, placeKind: 'installation', place: 'web/' },
      { ...row, placeKind: 'glob', place: 'web/app' },
      { ...row, placeKind: 'everything', place: '%' },
    ]
    const held = readHeldGrants(rows)
    assert.deepEqual(
      held.map(({ place: on, actions: given }) => [on.text, given]),
      [['web/', ['pull']]],
    )
  })
})
