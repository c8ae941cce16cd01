import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'

import { createApi } from '../../http/api/api.ts'
import { inProcessTransport } from '../../http/api/in-process.ts'
import { anApi } from '../../http/api/test-support/api.ts'
import { createOutbound } from '../../outbound/outbound.ts'
import { createIdTokenVerifier } from '../../sign-on/id-token.ts'
import { forge, makeKey, startTestIssuer } from '../../sign-on/test-support/id-token-issuer.ts'
import { createWorld, runCli, type RunOptions } from '../test-support.ts'
import { aFolder } from '../test-support/api-world.ts'

const audience = 'https://registry.example.com'

async function aFederationWorld(t: TestContext) {
  const app = await anApi(t)
  const key = await makeKey('ES256', 'one')
  const issuer = await startTestIssuer(key)
  t.after(async () => issuer[Symbol.asyncDispose]())
  const outbound = createOutbound({ allow: ['127.0.0.1'], timeoutMs: 5000 })
  const api = createApi({
    metadata: app.metadata,
    passwords: { hash: async () => '', verify: async () => false },
    forgetPrincipal: () => undefined,
    audience: () => audience,
    idTokens: createIdTokenVerifier({ outbound }),
  })
  const transport = inProcessTransport(api, { kind: 'operator' })
  const openApi = async () => ({ transport, close: async () => undefined })
  const composition = { ...createWorld().composition, openApi }
  const now = Math.floor(Date.now() / 1000)
  const token = (more: object = {}) =>
    forge(key, {
      iss: issuer.issuer,
      aud: audience,
      sub: 'repo:acme/app',
      repository: 'acme/app',
      ref: 'refs/heads/main',
      iat: now,
      exp: now + 300,
      ...more,
    })
  return {
    issuer: issuer.issuer,
    token,
    run: async (line: string, options: RunOptions = {}) =>
      runCli(line.split(' '), composition, options),
  }
}

const claims = '--claim repository=acme/app --claim ref=refs/heads/main'

suite('carrel federation', () => {
  test('add trusts jobs by their claims, and says what to do next', async (t) => {
    const { run, issuer } = await aFederationWorld(t)
    const added = await run(
      `federation add main --kind github --issuer ${issuer} ${claims} --scope web/app:pull,push`,
    )
    assert.deepEqual([added.code, added.stdout], [0, ''], added.stderr)
    assert.match(added.stderr, /^warning: Names can be given up/)
    assert.match(added.stderr, /made trust rule main with 1 grant\njobs ask for a token with/)
    const either = `federation add tags --kind github --issuer ${issuer} --claim repository_id=74`
    const json = await run(`${either} --claim ref=refs/tags/v* --claim ref=refs/heads/x --json`)
    const rule = JSON.parse(json.stdout) as { claims: object; grants: number }
    assert.deepEqual(rule.claims, {
      repository_id: '74',
      ref: ['refs/tags/v*', 'refs/heads/x'],
    })
    const listed = await run('federation ls')
    assert.match(
      listed.stdout,
      /^main\tgithub\thttp:\S+\thttps:\/\/registry\.example\.com\trepository=acme\/app ref=refs\/heads\/main\tactive\t1\t\ntags\t/,
    )
  })

  test('says what is wrong with a rule, and makes none', async (t) => {
    const { run, issuer } = await aFederationWorld(t)
    const base = `federation add main --issuer ${issuer}`
    const cases: readonly (readonly [line: string, code: number, words: RegExp])[] = [
      [`${base} ${claims}`, 2, /--kind/],
      [`${base} --kind jenkins ${claims}`, 2, /must be one of: github, gitlab/],
      [`${base} --kind github --claim repository`, 2, /no claim with a value/],
      [`${base} --kind github`, 1, /cannot be made[\s\S]*trusts everybody/],
      [`${base} --kind github --claim ref=refs/heads/main`, 1, /does not say who is meant/],
      [`${base}/x --kind github ${claims}`, 1, /could not be verified[\s\S]*--jwks-url/],
      [`${base} --kind github ${claims} --scope web/app:fly`, 1, /fly/],
    ]
    for (const [line, code, words] of cases) {
      const said = await run(line)
      assert.equal(said.code, code, `${line}: ${said.stderr}`)
      assert.match(said.stderr, words, line)
    }
    assert.match((await run('federation ls')).stderr, /no trust rules yet/)
  })

  test('test exits with 0 for a token that a rule takes, and with 4 otherwise', async (t) => {
    const { run, issuer, token } = await aFederationWorld(t)
    await run(`federation add main --kind github --issuer ${issuer} ${claims}`)
    const folder = await aFolder(t)
    await writeFile(join(folder, 'job.jwt'), `${token()}\n`)
    const good = await run('federation test job.jwt', { cwd: folder })
    assert.deepEqual([good.code, good.stdout], [0, 'main\taccepted\n'], good.stderr)
    assert.match(good.stderr, /it signs in as main/)
    const other = token({ ref: 'refs/heads/dev' })
    for (const line of ['federation test', 'federation test -', 'federation test --rule main']) {
      const bad = await run(line, { input: `${other}\n` })
      assert.equal(bad.code, 4, line)
      assert.match(
        bad.stdout,
        /^main\trefused\tref is refs\/heads\/dev, wanted: refs\/heads\/main\n$/,
      )
    }
    const json = await run('federation test --json', { input: other })
    assert.equal((JSON.parse(json.stdout) as { accepted: boolean }).accepted, false)
    const elsewhere = await run('federation test', { input: token({ iss: 'https://other' }) })
    assert.equal(elsewhere.code, 4)
    assert.match(elsewhere.stderr, /No trust rule is for the issuer/)
    assert.equal((await run('federation test', { input: 'not-a-token' })).code, 4)
    assert.equal((await run('federation test', { input: '' })).code, 2)
    assert.equal((await run('federation test', { input: 'x y' })).code, 2)
    assert.equal((await run('federation test nothing.jwt', { cwd: folder })).code, 2)
    const mistyped = await run('federation test --rule mian', { input: token() })
    assert.equal(mistyped.code, 3)
    assert.match(mistyped.stderr, /did you mean main\?/)
  })

  test('disable, enable and rm', async (t) => {
    const { run, issuer, token } = await aFederationWorld(t)
    await run(`federation add main --kind github --issuer ${issuer} ${claims} --scope web/:pull`)
    assert.equal((await run('federation disable main')).stderr, 'disabled trust rule main\n')
    const tested = await run('federation test', { input: token() })
    assert.deepEqual([tested.code, tested.stdout], [4, 'main\trefused\tthe rule is disabled\n'])
    assert.equal((await run('federation enable main')).code, 0)
    assert.equal((await run('federation rm main')).code, 2)
    const removed = await run('federation rm main --yes --json')
    assert.deepEqual(JSON.parse(removed.stdout), { name: 'main', removed: true })
    assert.equal((await run('federation rm main --yes')).code, 3)
  })
})
