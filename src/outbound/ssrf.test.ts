import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createOutbound } from './outbound.ts'
import { OutboundError } from './outbound-error.ts'
import { attackThrough, openSsrfWorld } from './test-support/ssrf-suite.ts'
import type { SsrfWorld } from './test-support/ssrf-suite.ts'
import { ssrfTargets } from './test-support/ssrf-targets.ts'

suite('server-side request forgery', () => {
  test('there are more than eighty targets, each with a name of its own', () => {
    assert.ok(ssrfTargets.length >= 150, `only ${ssrfTargets.length}`)
    assert.equal(new Set(ssrfTargets.map(({ name }) => name)).size, ssrfTargets.length)
  })

  test('the canary counts who reaches it', async () => {
    await using world = await openSsrfWorld()
    const careless = createOutbound({ allow: [`127.0.0.1:${world.port}`] })
    assert.deepEqual(await careless.getJson(`http://127.0.0.1:${world.port}/`), {})
    assert.equal(world.connections(), 1)
  })

  test('a client that guards nothing fails the suite', async () => {
    const targets = ssrfTargets.filter(({ name }) => name === 'http://127.0.0.1:PORT/')
    assert.equal(targets.length, 1)
    await assert.rejects(
      attackThrough((url) => globalThis.fetch(url), { targets }),
      /reached the canary/,
    )
  })

  test('fetch reaches none of the targets', async () => {
    await assertRefused((url, { outbound }) => outbound.fetch(url))
  })

  test('fetch reaches none of the targets when redirects are followed', async () => {
    const attempts = await assertRefused((url, { outbound }) => outbound.fetch(url), 3)
    const redirects = attempts.filter(({ target }) => target.name.startsWith('a redirect'))
    assert.ok(redirects.length > 10)
    const unfollowed = redirects.filter(({ error }) => (error as OutboundError).kind === 'redirect')
    assert.deepEqual(
      unfollowed.map(({ target }) => target.name),
      ['a redirect to a long chain'],
    )
  })

  test('fetch with a Request and a body reaches none of the targets', async () => {
    const targets = ssrfTargets.filter(({ name }) => !name.includes('@') && name !== '')
    const send = async (url: string, { outbound }: SsrfWorld) => {
      if (!URL.canParse(url) || new URL(url).username !== '') throw new TypeError('no Request')
      return await outbound.fetch(new Request(url, { method: 'POST', body: 'x' }))
    }
    await attackThrough(send, { targets, redirects: 3 })
  })

  test('getJson reaches none of the targets', async () => {
    await assertRefused((url, { outbound }) => outbound.getJson(url))
  })

  test('a name is resolved once for each request, and the connection goes to that answer', async () => {
    await using world = await openSsrfWorld()
    const url = `http://rebinding.ssrf.test:${world.port}/`
    await assert.rejects(world.outbound.fetch(url), { kind: 'unreachable' })
    assert.equal(world.timesResolved('rebinding.ssrf.test'), 1)
    await assert.rejects(world.outbound.fetch(url), { kind: 'refused-address' })
    assert.equal(world.timesResolved('rebinding.ssrf.test'), 2)
    assert.equal(world.connections(), 0)
  })

  test('no name is asked for whose URL is bad already', async () => {
    await using world = await openSsrfWorld()
    for (const url of ['ftp://loopback.ssrf.test/', 'https://a:b@loopback.ssrf.test/']) {
      await assert.rejects(world.outbound.fetch(url), { kind: 'bad-url' })
    }
    assert.equal(world.timesResolved('loopback.ssrf.test'), 0)
  })
})

async function assertRefused(
  attempt: Parameters<typeof attackThrough>[0],
  redirects = 0,
): ReturnType<typeof attackThrough> {
  const attempts = await attackThrough(attempt, { redirects })
  for (const { target, error } of attempts) {
    assert.ok(error instanceof OutboundError, target.name)
    assert.match(error.message, /^[A-Zh].+: .+\. .+\.$/, target.name)
    assert.doesNotMatch(error.message, /secret/, target.name)
    if (error.kind !== 'redirect') assert.doesNotMatch(error.message, /meta-data/, target.name)
  }
  return attempts
}
