import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createOutbound } from '../outbound/outbound.ts'
import { deletePrincipal } from '../metadata/principals.ts'
import { createIdTokenVerifier } from '../sign-on/id-token.ts'
import { makeKey } from '../sign-on/test-support/id-token-issuer.ts'
import { testFederation } from './federation-explanation.ts'
import { changeRule, removeRule } from './federation-rules.ts'
import { createFederate, forgetEndedLogins, goodForMs, type FederationDeps } from './federation.ts'
import { addRule, audience, job, openTrust, tokenOf } from './test-support/trust.ts'
import { addUser, auditOf, operator, refusal } from './test-support/world.ts'

const minute = 60_000
const start = Date.parse('2027-01-05T10:00:00Z')

const unauthorized = (words: RegExp) => (error: unknown) => {
  const { code, message } = error as { code?: string; message: string }
  return code === 'UNAUTHORIZED' && words.test(message)
}

suite('an identity token as the password', () => {
  test('opens what its rule may, and tells where the job came from', async () => {
    await using trust = await openTrust()
    const { id } = await addRule(trust, 'main')
    const login = await createFederate(trust.deps)(tokenOf(trust), 'oidc')
    assert.equal(login?.principalId, id)
    assert.deepEqual(JSON.parse(login?.provenance ?? ''), {
      rule: 'main',
      issuer: trust.issuer.issuer,
      subject: job.sub,
      repository: 'acme/app',
      ref: 'refs/heads/main',
      sha: 'c0ffee',
      run: '812',
      actor: 'ann',
    })
    assert.ok(Math.abs((login?.goodUntil ?? 0) - Date.now() - goodForMs) < minute)
    const [entry] = await auditOf(trust, 'federation.login')
    assert.deepEqual([entry?.actor.name, entry?.detail['run']], ['main', '812'])
  })

  test('that no rule is for opens nothing, and nothing is told of the rules', async () => {
    await using trust = await openTrust()
    const federate = createFederate(trust.deps)
    assert.equal(await federate(tokenOf(trust), 'oidc'), undefined, 'nobody trusts the issuer')
    assert.equal(trust.issuer.server.requests.length, 0, 'and nobody asked it')
    await addRule(trust, 'main')
    const other = federate(tokenOf(trust, { repository: 'evil/app' }), 'oidc')
    await assert.rejects(other, (error: Error) => {
      assert.ok(unauthorized(/no trust rule is for this job/)(error))
      return !/acme|refs|main/.test(error.message)
    })
    for (const password of ['', 'x', 'eyJ', 'a.b.c', `${'e'.repeat(20_000)}`]) {
      assert.equal(await federate(password, 'oidc'), undefined)
    }
  })

  test('that is forged, for somebody else, or over, opens nothing', async () => {
    await using trust = await openTrust()
    await addRule(trust, 'main')
    const federate = createFederate(trust.deps)
    const stranger = { ...trust, key: await makeKey('ES256', 'one') }
    const now = Math.floor(Date.now() / 1000)
    const cases: readonly (readonly [string, RegExp])[] = [
      [tokenOf(stranger), /not signed by its issuer/],
      [tokenOf(trust, { aud: 'https://other.example.com' }), /audience/],
      [tokenOf(trust, { iat: now - 600, exp: now - 300 }), /was good until/],
      [tokenOf(trust, { nbf: now + 300 }), /good only from/],
    ]
    for (const [token, words] of cases) {
      await assert.rejects(federate(token, 'oidc'), unauthorized(words), String(words))
      await assert.rejects(federate(token, 'oidc'), unauthorized(words), 'nor the second time')
    }
  })

  test('is taken again for an hour, though its own minutes are over, and then no more', async (t) => {
    await using trust = await openTrust()
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const { id } = await addRule(trust, 'main')
    const federate = createFederate(trust.deps)
    const token = tokenOf(trust)
    const first = await federate(token, 'oidc')
    assert.equal(first?.goodUntil, start + goodForMs)
    const late = tokenOf(trust, { jti: 'late' })
    for (const minutes of [1, 10, 59]) {
      t.mock.timers.setTime(start + minutes * minute)
      assert.deepEqual(await federate(token, 'oidc'), first, `${minutes} minutes later`)
    }
    // One that was never seen while it was good is not.
    await assert.rejects(federate(late, 'oidc'), unauthorized(/was good until/))
    t.mock.timers.setTime(start + goodForMs)
    await assert.rejects(federate(token, 'oidc'), unauthorized(/was good until/))
    assert.equal(await forgetEndedLogins(trust.deps), 1)
    await assert.rejects(federate(token, 'oidc'), unauthorized(/was good until/))
    assert.equal((await auditOf(trust, 'federation.login')).length, 1)
    assert.equal(first?.principalId, id)
  })

  test('that lives longer than an hour is looked at again after each', async (t) => {
    await using trust = await openTrust()
    t.mock.timers.enable({ apis: ['Date'], now: start })
    await addRule(trust, 'main')
    const federate = createFederate(trust.deps)
    const token = tokenOf(trust, { exp: start / 1000 + 4 * 3600 })
    await federate(token, 'oidc')
    t.mock.timers.setTime(start + 2 * goodForMs)
    assert.equal((await federate(token, 'oidc'))?.goodUntil, start + 3 * goodForMs)
  })

  test('stops with its rule: disabled, removed, or made again under the name', async (t) => {
    await using trust = await openTrust()
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const { id } = await addRule(trust, 'main')
    const federate = createFederate(trust.deps)
    const token = tokenOf(trust)
    await federate(token, 'oidc')
    await changeRule(trust.deps, operator, { name: 'main', disabled: true })
    assert.equal(await federate(token, 'oidc'), undefined)
    await changeRule(trust.deps, operator, { name: 'main', disabled: false })
    assert.equal((await federate(token, 'oidc'))?.principalId, id)
    t.mock.timers.setTime(start + 20 * minute)
    await removeRule(trust.deps, operator, { name: 'main' })
    assert.equal(await federate(token, 'oidc'), undefined)
    await addRule(trust, 'main')
    await assert.rejects(federate(token, 'oidc'), unauthorized(/was good until/))
    assert.deepEqual(
      [
        (await auditOf(trust, 'user.disabled'))[0]?.subject,
        (await auditOf(trust, 'federation.removed'))[0]?.subject,
      ],
      ['federated:main', 'federated:main'],
    )
  })

  test('that fits several rules gets the oldest, or the one that is named', async () => {
    await using trust = await openTrust()
    const zero = await addRule(trust, 'zero', { claims: { repository: 'acme/other' } })
    const one = await addRule(trust, 'one')
    const two = await addRule(trust, 'two', { claims: { repository: 'acme/*' } })
    const federate = createFederate(trust.deps)
    const token = tokenOf(trust)
    const of = async (user: string) => (await federate(token, user))?.principalId
    for (const alias of ['oidc', 'token', 'gitlab-ci-token', 'AWS']) {
      assert.equal(await of(alias), one.id, alias)
    }
    assert.equal(await of('two'), two.id)
    assert.equal(await of('oidc'), one.id)
    await assert.rejects(of('zero'), unauthorized(/no trust rule/))
    assert.ok(zero.id < one.id)
    // Neither answers for the other, also when the token is known.
    await changeRule(trust.deps, operator, { name: 'one', disabled: true })
    await assert.rejects(of('one'), unauthorized(/no trust rule/))
    assert.equal(await of('oidc'), two.id)
  })

  test('is no way to sign in as somebody else', async () => {
    await using trust = await openTrust()
    await addRule(trust, 'main')
    await addUser(trust, 'ann')
    const federate = createFederate(trust.deps)
    for (const user of ['ann', 'nobody', '', 'main ', 'MAIN', 'a\0b']) {
      await assert.rejects(federate(tokenOf(trust), user), unauthorized(/sign in as oidc/), user)
    }
    assert.equal((await auditOf(trust, 'federation.login')).length, 0)
  })

  test('is verified once for each audience, however many rules there are', async () => {
    await using trust = await openTrust()
    for (const name of ['a', 'b', 'c']) {
      await addRule(trust, name, { claims: { repository: `acme/${name}` } })
    }
    await addRule(trust, 'd', { audience: 'https://other.example.com' })
    const asked: string[] = []
    const idTokens = {
      async verify(...given: Parameters<FederationDeps['idTokens']['verify']>) {
        asked.push(given[1].audience)
        return trust.deps.idTokens.verify(...given)
      },
    }
    const federate = createFederate({ metadata: trust.metadata, idTokens })
    await assert.rejects(federate(tokenOf(trust), 'oidc'), unauthorized(/no trust rule/))
    assert.deepEqual(asked, [audience, 'https://other.example.com'])
    const token = tokenOf(trust, { repository: 'acme/b' })
    assert.notEqual(await federate(token, 'oidc'), undefined)
    assert.notEqual(await federate(token, 'oidc'), undefined)
    assert.deepEqual(asked.slice(2), [audience], 'what is known is not verified again')
  })

  test('of an issuer that cannot be asked is refused with the reason, and what is known goes on', async () => {
    await using trust = await openTrust()
    await addRule(trust, 'main')
    const federate = createFederate(trust.deps)
    const known = tokenOf(trust)
    await federate(known, 'oidc')
    trust.issuer.isDown = true
    const outbound = createOutbound({ allow: ['127.0.0.1'], timeoutMs: 5000 })
    const fresh = { metadata: trust.metadata, idTokens: createIdTokenVerifier({ outbound }) }
    const another = createFederate(fresh)
    assert.notEqual(await another(known, 'oidc'), undefined)
    const token = tokenOf(trust, { jti: 'new' })
    await assert.rejects(another(token, 'oidc'), unauthorized(/Try again in a while/))
  })

  test('whose rule goes while it is verified opens nothing', async () => {
    await using trust = await openTrust()
    const { id } = await addRule(trust, 'main')
    const idTokens = {
      async verify(...given: Parameters<FederationDeps['idTokens']['verify']>) {
        const claims = await trust.deps.idTokens.verify(...given)
        await trust.metadata.write((tx) => deletePrincipal(tx, id))
        return claims
      },
    }
    const federate = createFederate({ metadata: trust.metadata, idTokens })
    assert.equal(await federate(tokenOf(trust), 'oidc'), undefined)
  })

  test('leaves at most 4 KiB behind, and no claim that breaks a line', async () => {
    await using trust = await openTrust()
    await addRule(trust, 'main', { claims: { repository_id: '74' } })
    const long = '\u{1F4A9}\n'.repeat(2000)
    const token = tokenOf(trust, { sub: 'x'.repeat(1000), sha: long, actor: long, run_id: long })
    const login = await createFederate(trust.deps)(token, 'oidc')
    assert.ok(Buffer.byteLength(login?.provenance ?? '') <= 4096)
    assert.ok(!(login?.provenance ?? '').includes('\n'))
  })
})

suite('the explanation of an identity token', () => {
  test('says which rule takes it, or which claim differs and how', async () => {
    await using trust = await openTrust()
    await addRule(trust, 'main')
    await addRule(trust, 'release', { claims: { repository: 'acme/app', ref: 'refs/tags/*' } })
    const good = await testFederation(trust.deps, tokenOf(trust))
    assert.deepEqual([good.accepted, good.rule, good.problem], [true, 'main', undefined])
    assert.deepEqual(
      [good.issuer, good.subject, good.audience],
      [trust.issuer.issuer, job.sub, [audience]],
    )
    assert.deepEqual(
      good.rules.map(({ name, accepted }) => [name, accepted]),
      [
        ['main', true],
        ['release', false],
      ],
    )
    assert.deepEqual(good.rules[1]?.claims, [
      { name: 'repository', ok: true, expected: ['acme/app'], found: 'acme/app' },
      { name: 'ref', ok: false, expected: ['refs/tags/*'], found: 'refs/heads/main' },
    ])
    const one = await testFederation(trust.deps, tokenOf(trust), 'release')
    assert.deepEqual([one.accepted, one.rules.length], [false, 1])
    const missing = testFederation(trust.deps, tokenOf(trust), 'nothing')
    await assert.rejects(missing, refusal('not-found', /no trust rule nothing/))
    assert.equal((await auditOf(trust, 'federation.login')).length, 0, 'nobody signed in')
  })

  test('says what is wrong with the token as a whole', async () => {
    await using trust = await openTrust()
    const unknown = await testFederation(trust.deps, tokenOf(trust))
    assert.match(unknown.problem ?? '', /No trust rule is for the issuer "http:/)
    await addRule(trust, 'main')
    const stranger = { ...trust, key: await makeKey('ES256', 'one') }
    const forged = await testFederation(trust.deps, tokenOf(stranger, { ref: undefined }))
    assert.equal(forged.accepted, false)
    assert.match(forged.rules[0]?.problem ?? '', /not signed by its issuer/)
    assert.deepEqual(forged.rules[0]?.claims[1], {
      name: 'ref',
      ok: false,
      expected: ['refs/heads/main'],
      found: undefined,
    })
    await changeRule(trust.deps, operator, { name: 'main', disabled: true })
    const disabled = await testFederation(trust.deps, tokenOf(trust))
    assert.deepEqual([disabled.accepted, disabled.rules[0]?.disabled], [false, true])
    for (const text of ['', 'x', 'a.b.c', 'eyJ.eyJ.x', 'x'.repeat(20_000)]) {
      assert.match((await testFederation(trust.deps, text)).problem ?? '', /The ID token/)
    }
  })
})
