// carrel login, whoami and logout against a server that was really started: by the browser, by a token, by a password
// with a second factor, and with a certificate that this machine does not know.
import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { totpCode, totpStep } from '../src/auth/totp.ts'
import { findProgram } from './clients/programs.ts'
import { runProgram, startDaemon, waitUntil, type Environment } from './support/processes.ts'
import { startRegistry, withoutSettings, type StartedRegistry } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const carrel = fileURLToPath(new URL('../carrel', import.meta.url))

describe('carrel login', () => {
  const stack = new AsyncDisposableStack()
  let registry: StartedRegistry
  let folder: string
  let count = 0

  before(async () => {
    folder = stack.use(await temporaryFolder('login')).path
    registry = stack.use(await startRegistry({ tls: 'own-authority' }))
  })
  after(async () => stack.disposeAsync())

  /** Somebody who has never signed in. */
  function aHome(more: Environment = {}) {
    count += 1
    const home = join(folder, `home-${count}`)
    return {
      home,
      env: { ...withoutSettings(process.env), HOME: home, XDG_CONFIG_HOME: '', ...more },
    }
  }

  async function run(line: string, env: Environment, input?: string) {
    // In a session of its own, so that there is no terminal to ask, whoever runs the tests.
    const args = ['--wait', carrel, ...line.split(' ')]
    return runProgram('setsid', args, { env, ...(input !== undefined && { input }) })
  }

  const hosts = async (home: string) =>
    JSON.parse(await readFile(join(home, '.config/carrel/hosts.json'), 'utf8')) as Record<
      string,
      { token: string; user: string; ca?: string }
    >

  /** As a browser on this machine: its requests need no certificate. */
  async function ask(path: string, { body, cookie = '' }: { body?: object; cookie?: string } = {}) {
    return fetch(`http://127.0.0.1:${registry.port}${path}`, {
      redirect: 'manual',
      headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json', cookie },
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    })
  }

  async function statusWith(token: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}` }
    const address = `http://127.0.0.1:${registry.port}/api/v1/account`
    return (await fetch(address, { headers })).status
  }

  /** Signs in at the page and gives the answer to the code that the program shows. */
  async function answerDevice(code: string, answer: 'agree' | 'refuse'): Promise<void> {
    const { user, password } = registry
    const signedIn = await ask('/login', { body: { user, password } })
    assert.equal(signedIn.status, 200)
    const [cookie = ''] = signedIn.headers.getSetCookie()
    assert.match(
      cookie,
      /^carrel=carrel_session_\w+; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/,
    )
    const [pair = ''] = cookie.split(';')
    const page = await (await ask(`/device?code=${code}`, { cookie: pair })).text()
    assert.match(page, /Let this program in\?/)
    const answered = await ask('/device', { cookie: pair, body: { code, answer } })
    assert.equal(answered.status, 200, await answered.text())
  }

  async function startLogin(env: Environment) {
    const args = ['login', registry.host, '--ca-file', registry.caFile]
    const logFile = join(folder, `log-${count}`)
    const login = await startDaemon(carrel, args, { env, logFile })
    const shown = () => /type {2}([A-Z]{4}-[A-Z]{4})\n/.exec(login.log())?.[1]
    await waitUntil('carrel login did not show a code', () => shown() !== undefined)
    return { login, code: shown() ?? '' }
  }

  test('goes by any browser, and keeps a token for its owner alone until it signs out', async () => {
    const { home, env } = aHome()
    const { login, code } = await startLogin(env)
    await using _ = login
    assert.ok(login.log().includes(`Open  https://${registry.host}/device\n`))
    assert.ok(login.log().includes(`https://${registry.host}/device?code=${code}\n`))
    await answerDevice(code, 'agree')
    assert.equal((await login.ended).code, 0, login.log())
    assert.match(login.log(), /signed in to https:\/\/127\.0\.0\.1:\d+ as admin, until 20/)
    assert.match(login.log(), /may do everything, as an administrator/)
    const file = join(home, '.config/carrel/hosts.json')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const origin = `https://${registry.host}`
    const { token = '', user } = (await hosts(home))[origin] ?? {}
    assert.match(token, /^carrel_pat_/)
    assert.equal(user, 'admin')
    assert.equal((await run('whoami', env)).stdout, `${origin}\tadmin\n`)
    // The authority was kept too: later commands need not be told.
    const asked = await run(`whoami --host ${origin} --json`, env)
    assert.equal(asked.code, 0, asked.stderr)
    const account = JSON.parse(asked.stdout) as { name: string; token: { id: number } }
    assert.equal(account.name, 'admin')
    assert.ok(account.token.id > 0)
    assert.match((await run(`token ls --host ${origin}`, env)).stdout, /carrel login on /)
    assert.equal(await statusWith(token), 200)
    const out = await run(`logout ${registry.host}`, env)
    assert.deepEqual([out.code, out.stderr], [0, `signed out of ${origin}\n`])
    assert.deepEqual(await hosts(home), {})
    await waitUntil('the token went on to work', async () => (await statusWith(token)) === 401)
    assert.equal((await run(`logout ${registry.host}`, env)).code, 3)
    const nobody = await run(`whoami --host ${origin} --ca ${registry.caFile}`, env)
    assert.equal(nobody.code, 4)
  })

  test('stays out when somebody refuses', async () => {
    const { home, env } = aHome()
    const { login, code } = await startLogin(env)
    await using _ = login
    await answerDevice(code, 'refuse')
    assert.equal((await login.ended).code, 4)
    assert.match(login.log(), /error: you are not signed in\n {2}why: The sign-in was refused\.\n/)
    await assert.rejects(hosts(home))
  })

  test('takes a token that there is, after asking whether it is good', async () => {
    const { home, env } = aHome({ NODE_EXTRA_CA_CERTS: registry.caFile })
    const made = await fetch(`http://127.0.0.1:${registry.port}/api/v1/tokens`, {
      method: 'POST',
      headers: { authorization: registry.authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'by hand', scopes: ['web/:pull'] }),
    })
    const { secret } = (await made.json()) as { secret: string }
    for (const wrong of ['carrel_pat_x', '', 'two\nlines', 'with blanks']) {
      const refused = await run(`login ${registry.host} --token-stdin`, env, wrong)
      assert.notEqual(refused.code, 0, wrong)
      assert.ok(wrong === '' || !refused.output.includes(wrong), 'what came in is not said')
    }
    await assert.rejects(hosts(home))
    const done = await run(`login ${registry.host} --token-stdin --json`, env, `${secret}\n`)
    assert.equal(done.code, 0, done.stderr)
    const said = JSON.parse(done.stdout) as { host: string; name: string }
    assert.deepEqual([said.host, said.name], [`https://${registry.host}`, 'admin'])
    assert.equal((await hosts(home))[said.host]?.token, secret)
    const out = await run(`logout ${registry.host}`, env)
    assert.equal(out.code, 0, out.stderr)
    assert.deepEqual(await hosts(home), {})
  })

  test('takes name and password, and asks for the code of a second factor at the terminal', async (t) => {
    const { home, env } = aHome()
    const line = `login ${registry.host} --ca-file ${registry.caFile} --user admin`
    const wrong = await run(`${line} --password-stdin`, env, 'wrong')
    assert.equal(wrong.code, 4)
    assert.match(wrong.stderr, /why: The user name or the password is wrong/)
    const right = await run(`${line} --password-stdin`, env, `${registry.password}\n`)
    assert.equal(right.code, 0, right.stderr)
    assert.match((await hosts(home))[`https://${registry.host}`]?.token ?? '', /^carrel_pat_/)

    const [recovery = ''] = await switchSecondFactorOn(env)
    const alone = await run(`${line} --password-stdin`, env, registry.password)
    assert.equal(alone.code, 4)
    assert.match(alone.stderr, /the account has a second factor, and there is no terminal/)
    if (findProgram('script') === undefined) {
      t.diagnostic('there is no script(1), which gives a program a terminal')
      return
    }
    const { home: other, env: terminal } = aHome()
    const typed = `${registry.password}\r${recovery}\r`
    const args = ['-qec', `${carrel} ${line}`, '/dev/null']
    const asked = await runProgram('script', args, { env: terminal, input: typed })
    assert.equal(asked.code, 0, asked.output)
    assert.match(asked.output, /Code of your second factor/)
    assert.match((await hosts(other))[`https://${registry.host}`]?.token ?? '', /^carrel_pat_/)
  })

  /** By whoever signed in from there. Returns the recovery codes. */
  async function switchSecondFactorOn(env: Environment): Promise<readonly string[]> {
    const line = `user totp on --host https://${registry.host}`
    const begun = await run(line, env)
    assert.equal(begun.code, 0, begun.stderr)
    assert.match(begun.stderr, /otpauth:\/\/totp\//)
    const secret = /secret for the app: ([A-Z2-7]+)/.exec(begun.stderr)?.[1] ?? ''
    const bits = Array.from(secret, (sign) =>
      'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(sign).toString(2).padStart(5, '0'),
    )
    const bytes = bits.join('').match(/.{8}/g) ?? []
    const key = Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 2))
    assert.notEqual((await run(`${line} --code 000000x`, env)).code, 0)
    const on = await run(`${line} --code ${totpCode(key, totpStep(Date.now()))}`, env)
    assert.equal(on.code, 0, on.stderr)
    return on.stdout.trimEnd().split('\n')
  }

  test('says how to trust a certificate that is not known', async () => {
    const { env } = aHome()
    const refused = await run(`login ${registry.host}`, env)
    assert.equal(refused.code, 7)
    assert.match(refused.stderr, /comes from an authority that is not known here/)
    assert.ok(refused.stderr.includes(`curl -fsSo ca.crt http://${registry.host}/ca.crt`))
    assert.match(refused.stderr, /--ca-file ca\.crt/)
    const elsewhere = await run('login 127.0.0.1:1', env)
    assert.equal(elsewhere.code, 7)
    assert.match(elsewhere.stderr, /nothing listens there/)
  })

  test('is refused where it contradicts itself', async () => {
    const { env } = aHome()
    for (const line of [
      'login',
      'login x.example --web --token-stdin',
      'login x.example --password-stdin',
      'login http://x.example',
      'login x.example --user ann',
    ]) {
      assert.equal((await run(line, env)).code, 2, line)
    }
  })
})
