import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { admitExternal } from './external-login.ts'
import { addUser, openWorld } from './test-support/world.ts'

suite('somebody whom a provider vouches for', () => {
  const identityOf = (name: string, provider: 'ldap:corp' | 'oidc:corp' = 'ldap:corp') => ({
    decidesAdmin: false,
    identity: {
      provider,
      subject: `subject of ${name}`,
      name,
      groups: [],
      admin: false,
    },
  })

  test('is found again by provider and subject, and never takes the name of another', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const other = await admitExternal(world.metadata, identityOf('ann'))
    assert.notEqual(other.id, ann.id)
    assert.equal(other.name, 'ann.corp')
    assert.equal((await admitExternal(world.metadata, identityOf('ann'))).id, other.id)
  })

  test('bears no name that means something else', async () => {
    await using world = await openWorld()
    for (const [wished, name] of [
      ['token', 'token.corp'],
      ['anonymous', 'anonymous.corp'],
      ['signed-in', 'signed-in.corp'],
      ['oidc', 'oidc.corp'],
      ['bob', 'bob'],
    ] as const) {
      assert.equal((await admitExternal(world.metadata, identityOf(wished))).name, name)
    }
  })
})
