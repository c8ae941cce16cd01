// Every operation of the management API with requests that reach it, and what each of them needs. What concerns things
// that have an id is in matrix-operations-ids.ts.
import {
  grantRows,
  reviewRows,
  robotRows,
  sessionRows,
  tokenRows,
} from './matrix-operations-ids.ts'
import { digestOf } from '../../oci/digest.ts'
import {
  administrator,
  all,
  any,
  explaining,
  missing,
  namespace,
  place,
  repository,
  self,
  signedIn,
  team,
  type Need,
} from './matrix-needs.ts'
import { nobody, notFound, unserved, type Rows, type Things } from './matrix-operation.ts'
import { matrixRepositories } from './matrix-people.ts'

const unknown = digestOf(Buffer.from('unknown'))

const names = matrixRepositories.map(({ name }) => name)
const statusOf = new Map(matrixRepositories.map((one) => [one.name, one.visibility]))

/** 404 where there is no such repository. */
function yesOf(name: string, status: number): readonly number[] {
  return statusOf.get(name) === 'missing' ? notFound : [status]
}

export function matrixOperations(things: Things): Rows {
  return {
    ...accountRows,
    ...userRows,
    ...teamRows,
    ...placeRows,
    ...grantRows(things),
    ...tokenRows(things),
    ...robotRows,
    ...federationRows,
    ...sessionRows(things),
    ...reviewRows(things),
    'access.explain': [
      ...['user:alice', 'user:mallory', 'robot:robot-owner', 'robot:robot-mallory'].map((who) => ({
        input: { who, repository: 'alice/private', action: 'push' },
        need: explaining(who.slice(who.indexOf(':') + 1), 'alice/private'),
      })),
      ...['signed-in', 'anonymous', 'team:crew'].map((who) => ({
        input: { who, repository: 'web/private', action: 'pull' },
        need: place('web/private'),
      })),
      {
        input: { who: `user:${nobody}`, repository: 'web/missing', action: 'pull' },
        need: any(missing, place('web/missing')),
        yes: notFound,
      },
    ],
    'collection.status': [{ input: {}, need: administrator, yes: unserved }],
    'collection.run': [{ input: {}, need: administrator, yes: unserved }],
    'collection.undo': [{ input: {}, need: administrator, yes: [503] }],
    'audit.list': [{ input: {}, need: administrator }],
    'audit.export': [{ input: {}, need: administrator, yes: [503] }],
    'audit.verify': [{ input: {}, need: administrator, yes: [200, 503] }],
    'read-only.show': [{ input: {}, need: signedIn }],
    'read-only.on': [{ input: { reason: 'a move' }, need: administrator }],
    'read-only.off': [{ input: {}, need: administrator }],
  }
}

const accountRows = {
  'account.show': [{ input: {}, need: signedIn }],
  'account.password': [
    {
      input: { current: 'not the password', password: 'a new one of good length' },
      need: self,
      yes: [400, 422],
    },
  ],
  'totp.start': [{ input: {}, need: self, yes: unserved }],
  'totp.confirm': [{ input: { code: '000000' }, need: self, yes: unserved }],
  'totp.stop': [{ input: { code: '000000' }, need: self, yes: unserved }],
} satisfies Partial<Rows>

const ownPassword: Need = (caller, world) =>
  (caller.holder.name === 'bob' ? self : administrator)(caller, world)

const userRows = {
  'users.list': [{ input: {}, need: administrator }],
  'users.create': [
    { input: { name: 'zoe', password: 'the password of zoe' }, need: administrator },
    { input: { name: 'zoe', password: 'short' }, need: administrator, yes: [422] },
  ],
  'users.show': [
    { input: { name: 'alice' }, need: administrator },
    { input: { name: nobody }, need: administrator, yes: notFound },
  ],
  'users.change': [
    { input: { name: 'alice', admin: true }, need: administrator },
    { input: { name: 'bob', disabled: true }, need: administrator },
    { input: { name: nobody, disabled: true }, need: administrator },
  ],
  'users.remove': [
    { input: { name: 'bob' }, need: administrator },
    { input: { name: nobody }, need: administrator },
  ],
  'users.password': [
    { input: { name: 'mallory', password: 'short' }, need: ofMallory, yes: [422, 400] },
    { input: { name: 'bob', password: 'short' }, need: ownPassword, yes: [422, 400] },
    { input: { name: nobody, password: 'short' }, need: administrator, yes: notFound },
  ],
  'users.stopTotp': [
    { input: { name: 'alice' }, need: administrator },
    { input: { name: nobody }, need: administrator, yes: notFound },
  ],
} satisfies Partial<Rows>

function ofMallory(...asked: Parameters<Need>) {
  return asked[0].holder.name === 'mallory' ? self(...asked) : administrator(...asked)
}

const teamRows = {
  'teams.list': [{ input: {}, need: signedIn }],
  'teams.create': [{ input: { name: 'new' }, need: administrator }],
  'teams.show': [
    { input: { name: 'crew' }, need: team('crew', 'see') },
    { input: { name: 'readers' }, need: team('readers', 'see') },
    { input: { name: nobody }, need: team(nobody, 'see'), yes: notFound },
  ],
  'teams.change': [
    { input: { name: 'crew', description: 'x' }, need: team('crew', 'change') },
    { input: { name: 'readers', groups: [] }, need: team('readers', 'change') },
    { input: { name: nobody, description: 'x' }, need: team(nobody, 'change') },
  ],
  'teams.remove': [
    { input: { name: 'crew' }, need: administrator },
    { input: { name: nobody }, need: administrator },
  ],
  'teams.members': [
    { input: { name: 'crew' }, need: team('crew', 'see') },
    { input: { name: nobody }, need: team(nobody, 'see'), yes: notFound },
  ],
  'teams.addMember': [
    { input: { name: 'crew', member: 'bob' }, need: team('crew', 'change') },
    { input: { name: 'owners', member: 'bob' }, need: team('owners', 'change') },
    { input: { name: nobody, member: 'bob' }, need: team(nobody, 'change') },
  ],
  'teams.removeMember': [
    { input: { name: 'crew', member: 'wendy' }, need: team('crew', 'change') },
    { input: { name: 'owners', member: 'wendy' }, need: team('owners', 'change') },
  ],
} satisfies Partial<Rows>

const placeRows = {
  'namespaces.list': [{ input: {}, need: signedIn }],
  'namespaces.create': [{ input: { name: 'new' }, need: administrator }],
  'namespaces.show': [
    { input: { name: 'alice' }, need: namespace('alice') },
    { input: { name: 'commons' }, need: namespace('commons') },
    { input: { name: 'nowhere' }, need: namespace('nowhere'), yes: notFound },
  ],
  'namespaces.change': [
    { input: { name: 'alice', defaultVisibility: 'public' }, need: place('alice/') },
    { input: { name: 'nowhere', defaultVisibility: 'public' }, need: place('nowhere/') },
  ],
  'namespaces.remove': [
    { input: { name: 'alice' }, need: administrator },
    { input: { name: 'nowhere' }, need: administrator },
  ],
  'repositories.list': [
    { input: {}, need: signedIn },
    { input: { namespace: 'alice' }, need: signedIn },
  ],
  'repositories.create': names.map((name) => ({ input: { name }, need: repository(name, 'push') })),
  'repositories.show': names.map((name) => ({
    input: { name },
    need: repository(name, 'pull'),
    yes: yesOf(name, 200),
  })),
  'repositories.change': names.map((name) => ({
    input: { name, visibility: 'public' },
    need: repository(name, 'admin'),
  })),
  'repositories.remove': names.map((name) => ({
    input: { name },
    need: repository(name, 'admin'),
    yes: yesOf(name, 503),
  })),
  'repositories.deleted': [{ input: {}, need: signedIn }],
  'repositories.restore': names.map((name) => ({
    input: { name },
    need: repository(name, 'admin'),
    yes: [503],
  })),
  'tags.history': names.map((name) => ({
    input: { repository: name, tag: 'v1' },
    need: repository(name, 'pull'),
    yes: yesOf(name, 200),
  })),
  'tags.restore': names.map((name) => ({
    input: { repository: name, tag: 'v1' },
    need: repository(name, 'push'),
    yes: yesOf(name, 503),
  })),
  'images.restore': names.map((name) => ({
    input: { repository: name, digest: unknown },
    need: all(repository(name, 'delete'), repository(name, 'push')),
    yes: yesOf(name, 503),
  })),
  'tags.list': names.map((name) => ({
    input: { repository: name },
    need: repository(name, 'pull'),
    yes: yesOf(name, 200),
  })),
  'tags.remove': names.map((name) => ({
    input: { repository: name, tag: 'v1' },
    need: repository(name, 'delete'),
    yes: yesOf(name, 503),
  })),
} satisfies Partial<Rows>

const claims = { repository: 'acme/shop' }

const federationRows = {
  'federation-rules.list': [{ input: {}, need: administrator }],
  'federation-rules.create': [
    { input: { name: 'new', kind: 'github', claims }, need: administrator, yes: unserved },
    {
      input: { name: 'new', kind: 'github', claims, scopes: ['alice/:pull'] },
      need: administrator,
      yes: unserved,
    },
  ],
  'federation-rules.show': [
    { input: { name: 'job' }, need: administrator },
    { input: { name: nobody }, need: administrator, yes: notFound },
  ],
  'federation-rules.change': [{ input: { name: 'job', disabled: true }, need: administrator }],
  'federation-rules.remove': [{ input: { name: 'job' }, need: administrator }],
  'federation-rules.test': [{ input: { token: 'x' }, need: administrator, yes: unserved }],
} satisfies Partial<Rows>
