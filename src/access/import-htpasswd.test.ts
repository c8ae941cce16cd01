import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCheckPassword } from '../auth/check-password.ts'
import { verifyPassword } from '../auth/password-hash.ts'
import { listGrants } from '../metadata/grant-rows.ts'
import { findPrincipalByName, insertPrincipal, listPrincipals } from '../metadata/principals.ts'
import { aRepository } from '../metadata/suite-cases/case.ts'
import { aDirectory } from '../auth/test-support/identities.ts'
import { recordOf } from '../installation/principal-directory.ts'
import { importHtpasswd } from './import-htpasswd.ts'
import { addUser, auditOf, openWorld, operator, refusal } from './test-support/world.ts'

/** Of the password "badmin"; the same hash under the three names that programs give it. */
const tail = '05$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC'

const file = `# users
ann:$2y$${tail}
bob:$2a$${tail}
eve:$2b$${tail}
old:$apr1$lTs2kJtI$y4bDGVuqVFn4.KGZ5JvPS/
sha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=
plain:secret
dear:$2y$17$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC
Upper:$2y$${tail}
AWS:$2y$${tail}
admin:$2y$${tail}
there:$2y$${tail}
robot:$2y$${tail}
`

test('users of an htpasswd file become local users that own their namespace; others are named with the reason', async () => {
  await using world = await openWorld()
  await addUser(world, 'there')
  await world.metadata.write((tx) =>
    insertPrincipal(tx, { name: 'robot', kind: 'robot', provider: 'robot' }),
  )
  const { users, imported } = await importHtpasswd(world, operator, file)
  assert.equal(imported, true)
  assert.deepEqual(
    users.map(({ name, outcome }) => `${name} ${outcome}`),
    [
      'ann added',
      'bob added',
      'eve added',
      'old refused',
      'sha refused',
      'plain refused',
      'dear refused',
      'Upper refused',
      'AWS refused',
      'admin refused',
      'there exists',
      'robot refused',
    ],
  )
  const why = new Map(users.map(({ name, reason }) => [name, reason ?? '']))
  assert.match(why.get('old') ?? '', /MD5/)
  assert.match(why.get('sha') ?? '', /SHA-1/)
  assert.match(why.get('plain') ?? '', /neither bcrypt nor another/)
  assert.match(why.get('dear') ?? '', /cost outside of 4 to 15/)
  assert.match(why.get('Upper') ?? '', /lower-case/)
  assert.match(why.get('admin') ?? '', /first administrator/)
  assert.match(why.get('there') ?? '', /with a password of Carrel/)
  assert.match(why.get('robot') ?? '', /There is a robot/)
  const local = await listPrincipals(world.metadata, { after: '', limit: 99 })
  assert.deepEqual(
    local.map(({ name, provider, admin }) => `${name} ${provider} ${admin}`),
    ['ann local false', 'bob local false', 'eve local false', 'there local false'],
  )
  const grants = await listGrants(world.metadata, { place: 'ann/' }, { after: 0, limit: 9 })
  assert.equal(grants[0]?.actions, 'pull,push,overwrite,delete,decide,admin')
  assert.equal((await auditOf(world, 'user.created')).length, 3)
  assert.ok(!JSON.stringify(users).includes('$2'), 'no hash is shown')
})

test('whoever is imported signs in with the old password, and with no other', async () => {
  await using world = await openWorld()
  await importHtpasswd(world, operator, file)
  const check = createCheckPassword({
    principals: {
      ...aDirectory,
      findByName: async (name: string) => {
        const row = await findPrincipalByName(world.metadata, name)
        return row && recordOf(world.metadata, row)
      },
    },
    passwords: { verify: async (password, hash) => verifyPassword(password, hash) },
    warn: (message) => assert.fail(message),
  })
  const client = { address: '127.0.0.1' } as unknown as Parameters<typeof check>[2]
  for (const name of ['ann', 'bob', 'eve']) {
    const found = await findPrincipalByName(world.metadata, name)
    assert.equal((await check(name, 'badmin', client))?.principalId, found?.id)
    assert.equal(await check(name, 'other', client), undefined)
  }
  assert.equal(await check('old', 'badmin', client), undefined)
})

test('a second import leaves everybody as they are, and a dry run makes nobody', async () => {
  await using world = await openWorld()
  const dry = await importHtpasswd(world, operator, `ann:$2y$${tail}`, { dryRun: true })
  assert.deepEqual(dry, {
    users: [{ name: 'ann', outcome: 'added', reason: undefined }],
    imported: false,
  })
  assert.equal(await findPrincipalByName(world.metadata, 'ann'), undefined)
  await importHtpasswd(world, operator, `ann:$2y$${tail}`)
  const before = await findPrincipalByName(world.metadata, 'ann')
  const again = await importHtpasswd(world, operator, `ann:$2y$10$${tail.slice(3)}`)
  assert.equal(again.users[0]?.outcome, 'exists')
  assert.deepEqual(await findPrincipalByName(world.metadata, 'ann'), before)
})

test('a namespace with repositories in it is not handed to whoever bears its name', async () => {
  await using world = await openWorld()
  await world.metadata.write((tx) => aRepository(tx, 'ann/app'))
  const { users } = await importHtpasswd(world, operator, `ann:$2y$${tail}`)
  assert.equal(users[0]?.outcome, 'added')
  assert.match(users[0]?.reason ?? '', /namespace ann already/)
  assert.deepEqual(await listGrants(world.metadata, {}, { after: 0, limit: 9 }), [])
})

test('a line that is not user:hash is told by its number, and nobody is made', async () => {
  await using world = await openWorld()
  const run = importHtpasswd(world, operator, `ann:$2y$${tail}\nsecret-without-colon\n`)
  await assert.rejects(run, refusal('invalid', /no htpasswd file/, /^line 2 is not user:hash$/))
  assert.equal(await findPrincipalByName(world.metadata, 'ann'), undefined)
})
