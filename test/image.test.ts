// The container image: built from the Dockerfile with a real docker, then run with the very commands of registry:2's
// documentation. The base image is made on this machine; the name registry:2 is a tag on ours.
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startDockerd, type DockerEngine } from './clients/dockerd.ts'
import { importNodeBase } from './clients/node-base.ts'
import { findProgram } from './clients/programs.ts'
import { writeTinyRoot } from './clients/tiny-root.ts'
import { freePort, runOk, runProgram, waitUntil, type ProgramResult } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const programs = ['docker', 'dockerd', 'curl', 'htpasswd', 'busybox', 'ip', 'npm', 'openssl']
const missing = programs.filter((program) => findProgram(program) === undefined)
const skip = reasonToSkip()

function reasonToSkip(): string | false {
  if (process.env['CI'] === 'true') return false
  if (missing.length > 0) return `there is no ${missing.join(', ')} here`
  return process.getuid?.() === 0 ? false : 'dockerd needs root'
}

describe('the container image', { timeout: 300_000 }, () => {
  const stack = new AsyncDisposableStack()
  let engine: DockerEngine
  let folder: string
  let port: number
  let server: string

  before(
    async () => {
      if (skip !== false) return
      folder = stack.use(await temporaryFolder('image')).path
      port = await freePort()
      server = `localhost:${port}`
      const bridge = stack.use(await makeBridge()).name
      const env = {
        PATH: process.env['PATH'],
        HOME: folder,
        DOCKER_CONFIG: join(folder, '.docker'),
      }
      engine = stack.use(await startDockerd({ folder, env, bridge }))
      await importNodeBase(engine, { folder, name: 'carrel-base:test' })
      const args = ['--network', 'host', '--build-arg', 'BASE=carrel-base:test']
      const built = await engine.docker(['build', ...args, '--tag', 'registry:2', root], {
        timeoutMs: 200_000,
      })
      assert.equal(built.code, 0, built.output)
      await writeTinyRoot(join(folder, 'root.tar'))
      await docker('import', '--change', 'CMD ["sh"]', join(folder, 'root.tar'), 'ubuntu')
    },
    { timeout: 280_000 },
  )
  after(async () => stack.disposeAsync())

  const docker = async (...args: string[]): Promise<string> => {
    const { code, output } = await engine.docker(args)
    assert.equal(code, 0, `docker ${args.join(' ')}: ${output}`)
    return output.trim()
  }
  const logs = async () => (await engine.docker(['logs', 'registry'])).output
  const curl = async (...args: string[]) =>
    (await runOk('curl', ['--silent', '--show-error', '--fail', ...args])).stdout.trim()
  /** `docker run -d -p 5000:5000 … --name registry registry:2 …`, removed with its volume in the end. */
  const run = async (
    options: readonly string[],
    command: readonly string[] = [],
  ): Promise<AsyncDisposable> => {
    await docker(
      'run',
      '-d',
      '-p',
      `${port}:5000`,
      ...options,
      '--name',
      'registry',
      'registry:2',
      ...command,
    )
    return {
      async [Symbol.asyncDispose]() {
        await docker('container', 'stop', 'registry')
        await docker('container', 'rm', '-v', 'registry')
      },
    }
  }
  const ready = async () =>
    waitUntil('The registry was not ready', async () => {
      const state = await docker('inspect', '--format', '{{.State.Status}}', 'registry')
      assert.notEqual(state, 'exited', await logs())
      return (await runProgram('curl', ['-sf', `http://${server}/livez`])).code === 0
    })
  const pushAndPull = async (image: string) => {
    await docker('image', 'tag', 'ubuntu', image)
    const told = await docker('push', image)
    assert.match(told, /digest: sha256:[0-9a-f]{64}/)
    const id = await docker('image', 'inspect', '--format', '{{.Id}}', image)
    await docker('image', 'rm', image)
    await docker('pull', image)
    assert.equal(await docker('image', 'inspect', '--format', '{{.Id}}', image), id)
    await docker('image', 'rm', image)
  }
  const login = async (user: string, password: string): Promise<ProgramResult> =>
    engine.docker(['login', '-u', user, '--password-stdin', server], { input: password })

  test(
    'with CARREL_OPEN=true it answers without a login, as registry:2 does',
    { skip },
    async () => {
      await using _ = await run(['-e', 'CARREL_OPEN=true'])
      await ready()
      await pushAndPull(`${server}/myfirstimage`)
      assert.equal(await curl(`http://${server}/v2/_catalog`), '{"repositories":["myfirstimage"]}')
      await waitUntil('The log did not say that there is no login', async () =>
        (await logs()).includes('no login'),
      )
      const owner = await docker('exec', 'registry', 'stat', '-c', '%u', '/proc/1')
      assert.equal(owner, '10001', 'the server does not run as root')
    },
  )

  test(
    'without any variable its log says how to log in, and after one docker login all works',
    { skip },
    async () => {
      await using _ = await run(['-v', 'registry-data:/var/lib/registry'])
      await ready()
      const refused = await runProgram('curl', ['-s', `http://${server}/v2/_catalog`])
      assert.match(refused.stdout, /UNAUTHORIZED/)
      await waitUntil('The log did not say how to log in', async () =>
        (await logs()).includes('docker login'),
      )
      const said = await logs()
      const key = /\/setup#k=([\w-]+)/.exec(said)?.[1]
      assert.ok(key, said)
      const password = 'library-desk-lamp-42'
      await curl('-d', JSON.stringify({ key, password }), `http://${server}/api/v1/setup`)
      const wrong = await login('admin', 'not-that-one')
      assert.notEqual(wrong.code, 0, wrong.output)
      const right = await login('admin', password)
      assert.match(right.output, /Login Succeeded/)
      await pushAndPull(`${server}/team/app:1.0`)
      // Commands inside the container leave nothing behind that the server could not read.
      const listed = await docker('exec', 'registry', 'carrel', 'repo', 'ls', '--json')
      assert.match(listed, /team\/app/)
      await pushAndPull(`${server}/team/app:1.1`)
      await docker('logout', server)
    },
  )

  test("htpasswd, TLS and headers by registry:2's variables work unchanged", { skip }, async () => {
    await mkdir(join(folder, 'auth'))
    await mkdir(join(folder, 'certs'))
    const line = (await runOk('htpasswd', ['-Bbn', 'testuser', 'testpassword'])).stdout
    await writeFile(join(folder, 'auth/htpasswd'), line)
    await runOk('openssl', [
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-sha256',
      '-keyout',
      join(folder, 'certs/domain.key'),
      '-addext',
      'subjectAltName = DNS:localhost',
      '-subj',
      '/CN=localhost',
      '-x509',
      '-days',
      '2',
      '-out',
      join(folder, 'certs/domain.crt'),
    ])
    await using _ = await run([
      '-v',
      `${folder}/auth:/auth`,
      '-v',
      `${folder}/certs:/certs`,
      '-e',
      'REGISTRY_AUTH=htpasswd',
      '-e',
      'REGISTRY_AUTH_HTPASSWD_REALM=Registry Realm',
      '-e',
      'REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd',
      '-e',
      'REGISTRY_HTTP_TLS_CERTIFICATE=/certs/domain.crt',
      '-e',
      'REGISTRY_HTTP_TLS_KEY=/certs/domain.key',
      '-e',
      "REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin=['*']",
    ])
    await waitUntil('The registry was not ready', async () => {
      const args = ['-s', '--cacert', join(folder, 'certs/domain.crt'), `https://${server}/v2/`]
      return /UNAUTHORIZED/.test((await runProgram('curl', args)).stdout)
    })
    const anonymous = await engine.docker(['pull', `${server}/my-ubuntu`])
    assert.notEqual(anonymous.code, 0, anonymous.output)
    assert.match((await login('testuser', 'testpassword')).output, /Login Succeeded/)
    await pushAndPull(`${server}/my-ubuntu`)
    const headers = await curl('-i', '-k', '-u', 'testuser:testpassword', `https://${server}/v2/`)
    assert.match(headers, /^access-control-allow-origin: \*/im)
    await docker('logout', server)
  })

  test(
    'a config.yml without auth stops with a sentence that names CARREL_OPEN',
    { skip },
    async () => {
      const config = join(folder, 'config.yml')
      await writeFile(
        config,
        'version: 0.1\nstorage: { filesystem: { rootdirectory: /var/lib/registry } }\nhttp: { addr: ":5000" }\n',
      )
      const mount = ['--rm', '-v', `${config}:/etc/docker/registry/config.yml`]
      const stopped = await engine.docker(['run', ...mount, 'registry:2'])
      assert.notEqual(stopped.code, 0)
      assert.match(stopped.output, /CARREL_OPEN/)
      const named = await engine.docker([
        'run',
        ...mount,
        'registry:2',
        '/etc/docker/registry/config.yml',
      ])
      assert.match(named.output, /CARREL_OPEN/)
      await using _ = await run([
        '-e',
        'CARREL_OPEN=true',
        '-v',
        `${config}:/etc/docker/registry/config.yml`,
      ])
      await ready()
      await pushAndPull(`${server}/from-a-config`)
    },
  )

  test('the other arguments of its entry point work, and any other program', { skip }, async () => {
    const once = async (...args: string[]) => engine.docker(['run', '--rm', 'registry:2', ...args])
    assert.match((await once('--version')).output, /0\.\d+\.\d+/)
    assert.match((await once('help')).output, /garbage-collect/)
    assert.equal((await once('id', '-u')).output.trim(), '0')
    assert.match((await once('carrel', 'version')).output, /\d+\.\d+\.\d+/)
    assert.deepEqual((await readdir(join(root, 'container'))).sort(), [
      'carrel',
      'entrypoint.mjs',
      'registry',
      'start.mjs',
    ])
  })
})

let bridges = 0

/** With an address of its own; 198.18.0.0/15 is for tests of networks and in nobody's use. */
async function makeBridge(): Promise<AsyncDisposable & { readonly name: string }> {
  bridges += 1
  const name = `carrel${process.pid % 100_000}x${bridges}`
  await runOk('ip', ['link', 'add', name, 'type', 'bridge'])
  const third = process.pid % 250
  await runOk('ip', ['address', 'add', `198.18.${third}.1/24`, 'dev', name])
  await runOk('ip', ['link', 'set', name, 'up'])
  return {
    name,
    async [Symbol.asyncDispose]() {
      await runOk('ip', ['link', 'delete', name])
    },
  }
}
