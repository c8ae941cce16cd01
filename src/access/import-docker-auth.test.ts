import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findGrant, holdGrants } from '../auth/held-grant.ts'
import { verifyPassword } from '../auth/password-hash.ts'
import { addGrant } from './grants.ts'
import { listGrants } from '../metadata/grant-rows.ts'
import { findPrincipalByName, listPrincipals } from '../metadata/principals.ts'
import { importDockerAuth } from './import-docker-auth.ts'
import { addUser, auditOf, identityOf, openWorld, operator, refusal } from './test-support/world.ts'

/** Of the password "badmin". */
const hash = '$2y$05$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC'

/** As in the example that docker_auth comes with. */
const example = `
users:
  "root": {password: "${hash}"}
  "test": {password: "${hash}"}
  "": {}
acl:
  - match: {ip: "127.0.0.0/8"}
    actions: ["*"]
    comment: "from here"
  - match: {account: "root"}
    actions: ["*"]
  - match: {account: "test", name: "test-*"}
    actions: ["*"]
  - match: {account: "test"}
    actions: []
  - match: {account: "/.+/", name: "\${account}/*"}
    actions: ["*"]
  - match: {account: "/.+/", type: "registry", name: "catalog"}
    actions: ["*"]
  - match: {account: "/.+/"}
    actions: ["pull"]
  - match: {account: "", name: "hello-world"}
    actions: ["pull"]
  - match: {account: "/^(.+)@test.com$/", name: "\${account:1}/*"}
    actions: []
  - match: {labels: {group: VIP}}
    actions: ["push"]
  - match: {name: "\${labels:group}-shared/*"}
    actions: ["push", "pull"]
`

test('of the example of docker_auth, each entry is translated exactly or named with the reason', async () => {
  await using world = await openWorld()
  const { entries, users, imported } = await importDockerAuth(world, operator, example)
  assert.equal(imported, false)
  assert.deepEqual(
    users.map(({ name, outcome }) => `${name} ${outcome}`),
    ['root added', 'test added'],
  )
  assert.deepEqual(
    entries.map(({ entry, outcome }) => `${entry} ${outcome}`),
    [
      '1 untranslatable',
      '2 grants',
      '3 grants',
      '4 nothing',
      '5 nothing',
      '6 nothing',
      '7 untranslatable',
      '8 grants',
      '9 untranslatable',
      '10 untranslatable',
      '11 untranslatable',
    ],
  )
  assert.match(entries[0]?.reason ?? '', /does not depend on ip/)
  assert.match(entries[6]?.reason ?? '', /Entry 4 comes first .* allows less/)
  assert.match(entries[8]?.reason ?? '', /no word for the accounts/)
  assert.match(entries[9]?.reason ?? '', /does not depend on labels/)
  assert.match(entries[10]?.reason ?? '', /depends on who asks/)
  assert.match(entries[7]?.reason ?? '', /those who are signed in as well/)
})

test('nothing is imported when something cannot be, unless that is to be left out', async () => {
  await using world = await openWorld()
  await importDockerAuth(world, operator, example)
  assert.deepEqual(await listPrincipals(world.metadata, { after: '', limit: 9 }), [])
  const done = await importDockerAuth(world, operator, example, { skipUntranslatable: true })
  assert.equal(done.imported, true)
  const grants = await listGrants(world.metadata, {}, { after: 0, limit: 99 })
  assert.deepEqual(
    grants.map(({ subject, place, actions }) => {
      return `${'name' in subject ? subject.name : subject.kind} ${place} ${actions}`
    }),
    [
      'root root/ pull,push,overwrite,delete,decide,admin',
      'test test/ pull,push,overwrite,delete,decide,admin',
      'root * pull,push,overwrite,delete',
      'test test-* pull,push,overwrite,delete',
      'anonymous hello-world pull',
    ],
  )
  assert.equal((await auditOf(world, 'grant.added')).length, 3)
  const created = await auditOf(world, 'user.created')
  assert.deepEqual(
    created.map(({ subject, detail }) => `${subject} ${JSON.stringify(detail['from'])}`),
    ['root "docker_auth"', 'test "docker_auth"'],
  )
  const root = await findPrincipalByName(world.metadata, 'root')
  assert.equal(root?.admin, false)
  assert.ok(verifyPassword('badmin', root?.passwordHash ?? ''))
})

test('a dry run changes nothing', async () => {
  await using world = await openWorld()
  const text = `users: {ann: {password: "${hash}"}}\nacl: [{match: {account: ann}, actions: [pull]}]`
  const plan = await importDockerAuth(world, operator, text, { dryRun: true })
  assert.equal(plan.imported, false)
  assert.equal(plan.entries[0]?.outcome, 'grants')
  assert.ok(!JSON.stringify(plan).includes('$2y$'), 'no hash is shown')
  assert.equal(await findPrincipalByName(world.metadata, 'ann'), undefined)
  assert.equal((await importDockerAuth(world, operator, text)).imported, true)
})

test('an account that is neither in the file nor in Carrel gets no grant', async () => {
  await using world = await openWorld()
  await addUser(world, 'eve')
  const acl =
    '[{match: {account: eve, name: web/app}, actions: [pull]}, {match: {account: bob}, actions: [pull]}]'
  const { entries } = await importDockerAuth(world, operator, `acl: ${acl}`, { dryRun: true })
  assert.deepEqual(
    entries.map(({ outcome }) => outcome),
    ['grants', 'untranslatable'],
  )
  assert.match(entries[1]?.reason ?? '', /no user bob/)
})

test('a second time there is nothing left to do, and another grant of the same is a reason to stop', async () => {
  await using world = await openWorld()
  await addUser(world, 'ann')
  const text = 'acl: [{match: {account: ann, name: "web/*"}, actions: [pull, push]}]'
  const count = async () => (await listGrants(world.metadata, {}, { after: 0, limit: 99 })).length
  assert.equal((await importDockerAuth(world, operator, text)).imported, true)
  const before = await count()
  assert.equal((await importDockerAuth(world, operator, text)).imported, true)
  assert.equal(await count(), before)
  await addGrant(world, operator, { who: 'user:ann', where: 'api/app', actions: 'pull' })
  const more = 'acl: [{match: {account: ann, name: "api/app"}, actions: ["*"]}]'
  const { imported, entries } = await importDockerAuth(world, operator, more)
  assert.equal(imported, false)
  assert.match(entries[0]?.reason ?? '', /user:ann on api\/app already/)
})

test('two entries of one user on one place become one grant', async () => {
  await using world = await openWorld()
  for (const name of ['ann', 'bob', 'eve']) await addUser(world, name)
  const acl = [
    '{match: {account: "/^(ann|bob)$/", name: web/app}, actions: [pull, push]}',
    '{match: {account: "/^(ann|eve)$/", name: web/app}, actions: [pull]}',
  ]
  await importDockerAuth(world, operator, `acl: [${acl.join(', ')}]`)
  const grants = await listGrants(world.metadata, {}, { after: 0, limit: 99 })
  assert.deepEqual(
    grants.map(({ subject, actions }) => `${'name' in subject ? subject.name : ''} ${actions}`),
    ['ann pull,push,overwrite', 'bob pull,push,overwrite', 'eve pull'],
  )
})

test('the grants of an import allow what they say', async () => {
  await using world = await openWorld()
  const text = `users: {ann: {password: "${hash}"}}\nacl: [{match: {account: "/.+/", name: "/^web\\\\/.*$/"}, actions: [pull]}]`
  assert.equal((await importDockerAuth(world, operator, text)).imported, true)
  const { grants } = await identityOf(world, 'ann')
  const allows = (name: string, action: 'pull' | 'push') =>
    findGrant(holdGrants(grants), action, { name, id: undefined }, Date.now()) !== undefined
  assert.deepEqual(
    [allows('web/a/b', 'pull'), allows('web/a', 'push'), allows('webx/a', 'pull')],
    [true, false, false],
  )
})

const broken: readonly (readonly [text: string, why: RegExp])[] = [
  ['', /not a map/],
  ['users: [', /line \d+ is not YAML/],
  ['users: {}', /neither users nor an acl/],
  ['acl: 5', /acl is not a list/],
  ['acl: [{actions: [pull]}]', /entry 1 of acl has no match/],
  ['acl: [{match: {}, actions: pull}]', /no list of actions/],
  ['acl: [{match: {account: [a]}, actions: []}]', /account in entry 1 of acl is not text/],
  ['users: {ann: {password: [1]}}', /password of user "ann" is not text/],
  [
    'a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nacl: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]',
    /alias/,
  ],
]

for (const [text, why] of broken) {
  test(`${JSON.stringify(text.slice(0, 40))} is no configuration: ${String(why)}`, async () => {
    await using world = await openWorld()
    const run = importDockerAuth(world, operator, text)
    await assert.rejects(run, refusal('invalid', /no configuration of docker_auth/, why))
  })
}

test('a message about broken YAML does not quote the file', async () => {
  await using world = await openWorld()
  const text = `users:\n  ann: {password: "${hash}\nacl: [}`
  await assert.rejects(importDockerAuth(world, operator, text), (error: unknown) => {
    const { message, why } = error as Error & { why: string }
    assert.ok(!`${message} ${why}`.includes('$2y$'))
    return true
  })
})
