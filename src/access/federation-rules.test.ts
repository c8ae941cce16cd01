import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { findPrincipalByName, insertPrincipal } from '../metadata/principals.ts'
import { grantsOfPrincipal } from '../metadata/grants.ts'
import { listRules, showRule, type NewFederationRule } from './federation-rules.ts'
import { addRule, audience, openTrust } from './test-support/trust.ts'
import { addUser, auditOf, refusal } from './test-support/world.ts'

suite('a trust rule', () => {
  test('is a principal with the grants that were asked for', async () => {
    await using trust = await openTrust()
    const scopes = ['web/app:pull,push', 'team/:reader']
    const rule = await addRule(trust, 'main', { scopes })
    assert.deepEqual(
      [rule.kind, rule.issuer, rule.audience, rule.claims, rule.grants, rule.disabled],
      [
        'github',
        trust.issuer.issuer,
        audience,
        { repository: 'acme/app', ref: 'refs/heads/main' },
        2,
        false,
      ],
    )
    const row = await findPrincipalByName(trust.metadata, 'main')
    assert.deepEqual([row?.kind, row?.provider, row?.id], ['federated', 'federation', rule.id])
    assert.equal((await grantsOfPrincipal(trust.metadata, rule.id)).length, 2)
    assert.deepEqual(await showRule(trust.deps, 'main'), rule)
    assert.deepEqual(await listRules(trust.deps, { after: 0, limit: 9 }), [rule])
    assert.match(rule.warnings.join(), /repository_id/)
    assert.equal((await auditOf(trust, 'federation.added'))[0]?.subject, 'federated:main')
  })

  test('that would trust anybody is refused', async () => {
    await using trust = await openTrust()
    for (const claims of [
      {},
      { repository: '*' },
      { repository: '*/app' },
      { ref: 'refs/heads/main' },
      { aud: 'x' },
      { repository: ['acme/app', '**'] },
    ]) {
      const made = addRule(trust, 'main', { claims })
      await assert.rejects(made, refusal('invalid', /cannot be made/, /./), JSON.stringify(claims))
    }
    assert.equal(await findPrincipalByName(trust.metadata, 'main'), undefined)
    assert.equal(trust.issuer.server.requests.length, 0, 'nobody was asked')
  })

  test('is made only when its issuer gives its keys, and calls itself that', async () => {
    await using trust = await openTrust()
    const make = async (more: Partial<NewFederationRule>) => addRule(trust, 'main', more)
    const useless = refusal('invalid', /could not be verified/, /./)
    trust.issuer.discovery = { issuer: 'https://other.example.com' }
    await assert.rejects(make({}), useless)
    trust.issuer.discovery = {}
    trust.issuer.keys = { keys: [] }
    await assert.rejects(make({}), useless)
    trust.issuer.isDown = true
    await assert.rejects(make({}), useless)
    await assert.rejects(make({ issuer: 'http://192.168.7.7' }), useless)
    await assert.rejects(make({ issuer: 'file:///etc/passwd' }), useless)
    const missing = make({ kind: 'kubernetes', issuer: undefined })
    await assert.rejects(missing, refusal('invalid', /who signs/))
    assert.deepEqual(await listRules(trust.deps, { after: 0, limit: 9 }), [])
  })

  test('has a name that nobody else has', async () => {
    await using trust = await openTrust()
    await addUser(trust, 'ann')
    await trust.metadata.write((tx) =>
      insertPrincipal(tx, { name: 'ci', provider: 'robot', kind: 'robot' }),
    )
    await assert.rejects(addRule(trust, 'ann'), refusal('exists', /a user ann/))
    await assert.rejects(addRule(trust, 'ci'), refusal('exists', /a robot ci/))
    await assert.rejects(addRule(trust, 'oidc'), refusal('invalid', /name of a trust rule/))
    await assert.rejects(addRule(trust, 'A'), refusal('invalid', /name of a trust rule/))
    await addRule(trust, 'main')
    await assert.rejects(addRule(trust, 'main'), refusal('exists', /a trust rule main/))
    const audience_ = addRule(trust, 'two', { audience: 'a b' })
    await assert.rejects(audience_, refusal('invalid', /audience/))
  })
})
