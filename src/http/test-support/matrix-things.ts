// What the people of the matrices have besides rights: sessions, access reviews, a trust rule. And a database that can
// be kept from changing, so that a request that is allowed shows it and leaves everything as it was.
import { startSession } from '../../access/sessions.ts'
import { insertReview, insertReviewItems } from '../../metadata/access-reviews.ts'
import { insertFederationRule } from '../../metadata/federation.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { StorageUnavailableError } from '../../oci/errors.ts'
import type { TestApp } from './app.ts'
import type { Caller } from './matrix-model.ts'
import type { Things } from './matrix-operation.ts'
import { requirePerson, type World } from './matrix-people.ts'

export interface Switch {
  isFrozen: boolean
}

/** While it is frozen, every write is answered as if the disk were broken, before it begins. */
export function freezable(freeze: Switch): (store: MetadataStore) => MetadataStore {
  return (store) => ({
    dialect: store.dialect,
    all: async (query, parameters) => store.all(query, parameters),
    one: async (query, parameters) => store.one(query, parameters),
    read: async (work) => store.read(work),
    async write(work, options) {
      if (freeze.isFrozen) throw new StorageUnavailableError('Nothing is written now.')
      return store.write(work, options)
    },
    maintain: async () => store.maintain(),
    [Symbol.asyncDispose]: async () => store[Symbol.asyncDispose](),
  })
}

export async function makeThings(
  { metadata }: TestApp,
  world: World,
  callers: readonly Caller[],
): Promise<Things> {
  const { people, grants } = world
  const sessions: Record<string, number> = {}
  for (const name of ['alice', 'mallory']) {
    const actor = { id: requirePerson(people, name).id, name }
    const { id } = await startSession({ metadata }, actor, { userAgent: 'test' })
    sessions[name] = id
  }
  const tokens: Record<string, number> = {}
  for (const name of ['alice', 'mallory', 'robot-owner', 'robot-mallory']) {
    const own = callers.find((one) => one.holder?.name === name && one.tokenId !== undefined)
    if (own?.tokenId !== undefined) tokens[name] = own.tokenId
  }
  const reviews: Record<string, number> = {}
  const reviewed = [
    ['alice', 'alice/', 'robot alice/'],
    ['mallory', 'mallory/', 'mallory mallory/'],
    ['bob', 'web/', 'crew web/'],
  ] as const
  await metadata.write(async (tx) => {
    for (const [name, place, grant] of reviewed) {
      const owner = requirePerson(people, name).id
      const dueAt = Date.now() + 86_400_000
      const review = { name, ownerId: owner, place, createdBy: owner, dueAt }
      const id = await insertReview(tx, review)
      reviews[name] = id
      const grantId = grants.get(grant) ?? 0
      const snapshot = JSON.stringify({ snapshot: snapshotOf(grantId, place) })
      await insertReviewItems(tx, id, [{ grantId, snapshot }])
    }
    await insertFederationRule(tx, {
      principalId: requirePerson(people, 'job').id,
      kind: 'github',
      issuer: 'https://token.actions.githubusercontent.com',
      audience: 'test',
      claims: '{"repository":"acme/shop"}',
      jwksUrl: undefined,
      createdAt: Date.now(),
      createdBy: undefined,
    })
  })
  return { tokens, sessions, reviews, grants }
}

function snapshotOf(id: number, where: string) {
  return {
    id,
    who: 'user:mallory',
    where,
    actions: ['pull'],
    reason: '',
    grantedAt: 0,
    actionsUsed: [],
    waiting: false,
    changedAt: 0,
    flags: [],
  }
}
