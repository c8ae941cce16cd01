import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTeam } from '../../access/teams.ts'
import { createToken, revokeToken } from '../../access/tokens.ts'
import { findTeam } from '../../metadata/teams.ts'
import { setMember } from '../../metadata/team-members.ts'
import { insertGrant } from '../../metadata/grants.ts'
import { anApp, ask } from '../test-support/app.ts'
import { addSecondFactor } from '../test-support/second-factor.ts'
import { users } from '../test-support/users.ts'
import { aVisitor } from '../test-support/visitor.ts'

const operator = { id: undefined, name: 'operator' }

test('whoever looks at their account sees what they may do, and their tokens', async (t) => {
  const app = await anApp(t)
  const { metadata, ids, authenticator } = app
  const alice = { id: ids.alice, name: 'alice' }
  await createTeam(app, operator, { name: 'web' })
  const { id: teamId } = (await findTeam(metadata, 'web')) ?? { id: 0 }
  await metadata.write(async (tx) => {
    await setMember(tx, {
      teamId,
      principalId: ids.alice,
      source: 'local',
      maintainer: false,
      addedBy: undefined,
    })
    for (const [holder, place] of [
      [{ kind: 'team', id: teamId }, 'web/'],
      [{ kind: 'signed-in' }, 'base/'],
    ] as const) {
      await insertGrant(tx, {
        holder,
        placeKind: 'namespace',
        place,
        repositoryId: undefined,
        actions: 'pull,push',
        reason: '',
        grantedBy: undefined,
        expiresAt: Date.now() + 60_000,
      })
    }
  })
  await createToken(app, alice, { name: '<b>laptop</b>' })
  const revoked = await createToken(app, alice, { name: 'old', scopes: ['web/app:pull'] })
  await revokeToken(app, alice, { id: revoked.id })
  await createToken(app, { id: ids.bob, name: 'bob' }, { name: 'token of bob' })
  authenticator.forgetPrincipal(ids.alice)
  const visitor = aVisitor(app)
  await visitor.signIn('alice', users.alice.password)
  const { status, text, headers } = await visitor.open('/account')
  assert.equal(status, 200)
  assert.equal(headers['cache-control'], 'no-store')
  const plain = text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')
  for (const shown of [
    'alice/ owner your own',
    'web/ pull, push through team:web · until 20',
    'base/ pull, push as everybody who is signed in',
    '&lt;b&gt;laptop&lt;/b&gt; personal token',
    'never used · ends 20',
    'all that you may do',
    'old revoked personal token',
    'web/app:reader',
    'Second factor off',
    'Administrator no',
    'Teams web',
  ]) {
    assert.ok(plain.includes(shown), `${shown} in ${plain}`)
  }
  assert.ok(!text.includes('token of bob'))
  assert.ok(!/carrel_(?:pat|session)_/.test(text), 'no secret is shown')
})

test('an administrator is told so, and whether there is a second factor', async (t) => {
  const app = await anApp(t)
  const factor = await addSecondFactor(app, app.ids.admin)
  const visitor = aVisitor(app)
  await visitor.signIn('admin', users.admin.password)
  await visitor.send('/login/code', { code: factor.code() })
  const { text } = await visitor.open('/account')
  assert.match(text, /As an administrator you may do everything/)
  assert.match(text, /Second factor<\/dt><dd>on/)
})

test('a page that is for whoever is signed in is no page for programs: they are told by a status', async (t) => {
  const app = await anApp(t)
  const answer = await ask(app, 'POST /device', { body: '{}', type: 'application/json' })
  assert.equal(answer.status, 401)
  assert.equal((await ask(app, 'HEAD /account')).status, 303)
  const wrong = await ask(app, 'GET /account', { as: 'Bearer x.y.z' })
  assert.equal(wrong.status, 401)
})
