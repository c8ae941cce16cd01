// The exercise of every registry tutorial, as people type it, with a real Docker: run a registry, tag,
// push to localhost, look at the catalog, remove, pull back, run; then the same with an htpasswd file.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startDockerd } from './clients/dockerd.ts'
import type { DockerEngine } from './clients/dockerd.ts'
import { findProgram } from './clients/programs.ts'
import { writeTinyRoot } from './clients/tiny-root.ts'
import { runOk, waitUntil } from './support/processes.ts'
import { startRegistry } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const programs = ['docker', 'dockerd', 'curl', 'htpasswd', 'busybox']
const missing = programs.filter((program) => findProgram(program) === undefined)

const skip = reasonToSkip()

function reasonToSkip(): string | false {
  if (process.env['CI'] === 'true') return false
  if (missing.length > 0) return `there is no ${missing.join(', ')} here`
  return process.getuid?.() === 0 ? false : 'dockerd needs root'
}

describe('the hands-on exercise', () => {
  const stack = new AsyncDisposableStack()
  let engine: DockerEngine
  let folder: string

  before(async () => {
    if (skip !== false) return
    folder = stack.use(await temporaryFolder('hands-on')).path
    const env = { PATH: process.env['PATH'], HOME: folder, DOCKER_CONFIG: join(folder, '.docker') }
    engine = stack.use(await startDockerd({ folder, env }))
    await writeTinyRoot(join(folder, 'root.tar'))
    await docker(
      'import',
      '--change',
      'CMD ["sh", "-c", "echo it works"]',
      join(folder, 'root.tar'),
      'my-nginx',
    )
  })
  after(async () => stack.disposeAsync())

  const docker = async (...args: string[]): Promise<string> => {
    const { code, output } = await engine.docker(args)
    assert.equal(code, 0, `docker ${args.join(' ')}: ${output}`)
    return output.trim()
  }
  const curl = async (...args: string[]): Promise<string> =>
    (await runOk('curl', ['--silent', '--show-error', '--fail', ...args])).stdout.trim()

  test(
    'a push to an open registry on localhost shows in the catalog and comes back',
    { skip },
    async (t) => {
      await using registry = await startRegistry({ open: true })
      const server = `localhost:${registry.port}`
      const image = `${server}/my-nginx:1.0`
      const id = await docker('image', 'inspect', '--format', '{{.Id}}', 'my-nginx')

      await docker('tag', 'my-nginx', image)
      const told = await docker('push', image)
      assert.match(told, /1\.0: digest: sha256:[0-9a-f]{64}/)
      assert.equal(await curl(`http://${server}/v2/_catalog`), '{"repositories":["my-nginx"]}')
      assert.equal(
        await curl(`http://${server}/v2/my-nginx/tags/list`),
        '{"name":"my-nginx","tags":["1.0"]}',
      )

      await docker('image', 'rm', image, 'my-nginx')
      assert.equal(await docker('image', 'ls', '--quiet'), '')
      await docker('pull', image)
      assert.equal(await docker('image', 'inspect', '--format', '{{.Id}}', image), id)
      await docker('tag', image, 'my-nginx')

      const run = await engine.docker(['run', '--rm', '--network', 'none', image])
      // 125: this machine cannot run containers (no control groups, say), which is not our affair.
      if (run.code === 125) t.diagnostic(`docker run is not possible here: ${run.output.trim()}`)
      else assert.deepEqual([run.code, run.output.trim()], [0, 'it works'])
    },
  )

  test('with an htpasswd file, docker must log in to push and to pull', { skip }, async () => {
    const passwords = join(folder, 'htpasswd')
    const line = async (user: string, password: string) =>
      (await runOk('htpasswd', ['-Bbn', user, password])).stdout.trim()
    await writeFile(passwords, `${await line('alice', 'wonderland-7')}\n`)
    await using registry = await startRegistry({ env: { CARREL_HTPASSWD: passwords } })
    const server = `localhost:${registry.port}`
    const image = `${server}/alice/my-nginx:1.0`
    const login = async (user: string, password: string) =>
      engine.docker(['login', '--username', user, '--password-stdin', server], { input: password })

    await docker('tag', 'my-nginx', image)
    const stranger = await engine.docker(['push', image])
    assert.notEqual(stranger.code, 0, stranger.output)
    assert.match(stranger.output, /docker login|unauthorized|denied|authentication/i)
    const wrong = await login('alice', 'looking-glass-8')
    assert.notEqual(wrong.code, 0, wrong.output)

    const right = await login('alice', 'wonderland-7')
    assert.match(right.output, /Login Succeeded/)
    await docker('push', image)
    await docker('image', 'rm', image)
    await docker('pull', image)

    await docker('logout', server)
    await docker('image', 'rm', image)
    const anonymous = await engine.docker(['pull', image])
    assert.notEqual(anonymous.code, 0, anonymous.output)

    // The file is read anew within moments of a change.
    const both = [await line('alice', 'wonderland-7'), await line('bob', 'builder-9-bob')]
    await writeFile(passwords, `${both.join('\n')}\n`)
    await waitUntil(
      'A user added to the file could not log in',
      async () => (await login('bob', 'builder-9-bob')).code === 0,
      { timeoutMs: 10_000, everyMs: 500 },
    )
  })
})
