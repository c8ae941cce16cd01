// The operations of the management API on what has an id or belongs to somebody: grants, tokens, robots, sessions, access
// reviews. What a request names is the caller's own, somebody else's, or not there.
import { roleRights, rights } from './matrix-model.ts'
import {
  account,
  administrator,
  all,
  any,
  grant,
  makingRobots,
  missing,
  place,
  review,
  self,
  signedIn,
  type AskedGrant,
  type Need,
} from './matrix-needs.ts'
import { nobody, notFound, type Rows, type Things } from './matrix-operation.ts'

const noId = 987_654
/** Whoever sees everything is told that there is none. */
const noSuchId = {
  need: (...asked: Parameters<Need>) => (administrator(...asked) === 'ran' ? 'ran' : '404 hidden'),
  yes: [404, 503],
} as const

const someGrants: Readonly<Record<string, AskedGrant>> = {
  'robot alice/': { place: 'alice/', rights: roleRights.writer, holder: 'robot' },
  'mallory mallory/': { place: 'mallory/', rights, holder: 'mallory' },
  'crew web/': { place: 'web/', rights, holder: 'crew' },
  'reader-by-repository alice/private': {
    place: 'alice/private',
    rights: ['pull'],
    holder: 'reader-by-repository',
  },
  'owner-by-glob w?b/**': { place: 'w?b/**', rights, holder: 'owner-by-glob' },
  'owner-by-installation *': { place: '*', rights, holder: 'owner-by-installation' },
  'signed-in commons/members-*': {
    place: 'commons/members-*',
    rights: roleRights.writer,
    holder: undefined,
  },
}

export function grantRows({ grants }: Things) {
  const ids = Object.entries(someGrants).map(([key, one]) => ({ id: grants.get(key), one }))
  const toGive = [
    ['alice/', 'owner', rights],
    ['alice/', 'admin', ['admin']],
    ['alice/private', 'reader', ['pull']],
    ['alice/private', 'pull,push', ['pull', 'push']],
    ['alice/missing', 'reader', ['pull']],
    ['alice/*', 'writer', roleRights.writer],
    ['web/', 'delete', ['delete']],
    ['web/internal', 'maintainer', roleRights.maintainer],
    ['mallory/', 'reader', ['pull']],
    ['nowhere/', 'reader', ['pull']],
    ['root-private', 'reader', ['pull']],
    ['/', 'reader', ['pull']],
    ['*', 'reader', ['pull']],
  ] as const
  return {
    'grants.list': [
      { input: {}, need: signedIn },
      { input: { where: 'alice/', neverUsed: 'true' }, need: signedIn },
    ],
    'grants.create': toGive.map(([where, actions, given]) => ({
      input: { who: 'user:bob', where, actions },
      need: place(where, given),
    })),
    'grants.show': [
      ...ids.map(({ id, one }) => ({ input: { id }, need: grant(one, 'see') })),
      { input: { id: noId }, ...noSuchId },
    ],
    'grants.change': [
      ...ids.map(({ id, one }) => ({ input: { id, reason: 'x' }, need: grant(one, 'change') })),
      ...ids.map(({ id, one }) => ({
        input: { id, actions: 'owner' },
        need: grant({ ...one, rights }, 'change'),
      })),
      { input: { id: noId, reason: 'x' }, ...noSuchId },
    ],
    'grants.remove': [
      ...ids.map(({ id, one }) => ({ input: { id }, need: grant(one, 'change') })),
      { input: { id: noId }, ...noSuchId },
    ],
  } satisfies Partial<Rows>
}

export function tokenRows({ tokens }: Things) {
  const ids = Object.entries(tokens).map(([owner, id]) => ({ id, need: account(owner) }))
  const about = ['user:alice', 'user:mallory', 'robot:robot-owner', 'robot:robot-mallory']
  const whose = about.map((who) => ({ who, need: account(who.slice(who.indexOf(':') + 1)) }))
  return {
    'tokens.list': [
      { input: {}, need: self, operator: 'ran' as const },
      ...whose.map(({ who, need }) => ({ input: { for: who }, need })),
      { input: { for: `user:${nobody}` }, need: missing, yes: notFound },
      { input: { all: 'true' }, need: administrator },
    ],
    'tokens.create': [
      { input: { name: 'x' }, need: self, operator: 'ran' as const },
      ...whose.map(({ who, need }) => ({ input: { for: who, name: 'x' }, need })),
      { input: { for: `user:${nobody}`, name: 'x' }, need: missing, yes: notFound },
    ],
    'tokens.show': [
      ...ids.map(({ id, need }) => ({ input: { id }, need })),
      { input: { id: noId }, ...noSuchId },
    ],
    'tokens.rotate': [
      ...ids.map(({ id, need }) => ({ input: { id }, need })),
      { input: { id: noId }, ...noSuchId },
    ],
    'tokens.revoke': [
      ...ids.map(({ id, need }) => ({ input: { id }, need })),
      { input: { id: noId }, ...noSuchId },
    ],
  } satisfies Partial<Rows>
}

const robots = ['robot', 'robot-owner', 'robot-mallory']
const noRobot = { input: { name: nobody }, need: missing }
/** A name, but of somebody who is no robot. */
const userAsRobot = { input: { name: 'alice' }, need: account('alice') }

export const robotRows = {
  'robots.list': [{ input: {}, need: any(self, administrator), operator: 'ran' as const }],
  'robots.create': [
    { input: { name: 'new' }, need: makingRobots },
    {
      input: { name: 'new', scopes: ['alice/:writer'] },
      need: all(makingRobots, place('alice/', roleRights.writer)),
    },
    {
      input: { name: 'new', scopes: ['alice/private:pull', 'web/:pull'] },
      need: all(makingRobots, place('alice/private', ['pull']), place('web/', ['pull'])),
    },
    {
      input: { name: 'new', scopes: ['*:owner'] },
      need: all(makingRobots, place('*', rights)),
    },
  ],
  'robots.show': [
    ...robots.map((name) => ({ input: { name }, need: account(name) })),
    { ...userAsRobot, yes: notFound },
    { ...noRobot, yes: notFound },
  ],
  'robots.change': [
    ...robots.map((name) => ({ input: { name, disabled: false }, need: account(name) })),
    { ...userAsRobot, input: { name: 'alice', disabled: true } },
    { ...noRobot, input: { name: nobody, disabled: true } },
  ],
  'robots.rotate': [
    ...robots.map((name) => ({ input: { name }, need: account(name) })),
    userAsRobot,
    noRobot,
  ],
  'robots.remove': [
    ...robots.map((name) => ({ input: { name }, need: account(name) })),
    { ...userAsRobot, yes: notFound },
    { ...noRobot, yes: notFound },
  ],
} satisfies Partial<Rows>

export function sessionRows({ sessions }: Things) {
  return {
    'sessions.list': [
      { input: {}, need: self },
      { input: { for: 'user:alice' }, need: account('alice') },
      { input: { for: 'user:mallory' }, need: account('mallory') },
      { input: { for: `user:${nobody}` }, need: missing, yes: notFound },
    ],
    'sessions.end': [
      ...Object.entries(sessions).map(([owner, id]) => ({ input: { id }, need: account(owner) })),
      { input: { id: noId }, ...noSuchId },
    ],
    'sessions.endAll': [
      { input: {}, need: self },
      { input: { for: 'user:mallory' }, need: account('mallory') },
      { input: { for: 'robot:robot-owner' }, need: account('robot-owner') },
    ],
  } satisfies Partial<Rows>
}

const inAWeek = new Date(Date.now() + 7 * 86_400_000).toISOString()

export function reviewRows({ reviews, grants }: Things) {
  const asked = [
    { id: reviews['alice'], owner: 'alice', place: 'alice/', grantId: grants.get('robot alice/') },
    {
      id: reviews['mallory'],
      owner: 'mallory',
      place: 'mallory/',
      grantId: grants.get('mallory mallory/'),
    },
    // Somebody decides who has nothing there.
    { id: reviews['bob'], owner: 'bob', place: 'web/', grantId: grants.get('crew web/') },
  ]
  const seen = asked.map(({ id, ...one }) => ({ input: { id }, need: review(one, 'see') }))
  const newReview = { name: 'x', owner: 'bob', dueAt: inAWeek }
  return {
    'access-reviews.list': [
      { input: {}, need: any(self, administrator), operator: 'ran' as const },
    ],
    'access-reviews.create': [
      { input: { ...newReview, where: 'alice/' }, need: place('alice/', rights) },
      { input: { ...newReview, where: 'web/' }, need: place('web/', rights) },
      { input: newReview, need: place('*', rights) },
    ],
    'access-reviews.show': [...seen, { input: { id: noId }, ...noSuchId }],
    'access-reviews.items': [...seen, { input: { id: noId }, ...noSuchId }],
    'access-reviews.decide': [
      ...asked.map(({ id, grantId, ...one }) => ({
        input: { id, grantId, decision: 'remove' },
        need: review(one, 'decide'),
      })),
      { input: { id: noId, grantId: 1, decision: 'remove' }, ...noSuchId },
    ],
    'access-reviews.close': [...seen, { input: { id: noId }, ...noSuchId }],
    'access-reviews.evidence': [
      ...seen.map((row) => ({ ...row, yes: [404, 422] })),
      { input: { id: noId }, ...noSuchId },
    ],
  } satisfies Partial<Rows>
}
