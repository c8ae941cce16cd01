// docker with a dockerd of its own: bodies in chunks without a length, HEAD after each upload, mounts
// from the repositories that it knows. Over TLS it meets the registry at an address that is not loopback,
// and trusts its authority by /etc/docker/certs.d.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { runOk } from '../support/processes.ts'
import type { Client, Session } from './client.ts'
import { startDockerd } from './dockerd.ts'
import type { DockerEngine } from './dockerd.ts'
import { openFarDoor } from './far-door.ts'
import { dockerName, makeImageLayout, otherArchitecture } from './image-layout.ts'
import { placeAt } from './place.ts'
import type { Place } from './place.ts'
import { programPath } from './programs.ts'

export const docker: Client = {
  name: 'docker',
  programs: ['docker', 'dockerd'],
  needsRoot: true,
  async version() {
    const { stdout } = await runOk(programPath('dockerd'), ['--version'])
    return /version ([^\s,+]+)/.exec(stdout)?.[1] ?? ''
  },
  async open(given) {
    await using stack = new AsyncDisposableStack()
    const { folder, env, caFile } = given
    const port = given.registry.port
    const door =
      caFile === undefined ? undefined : stack.use(await openFarDoor({ folder, port, caFile, env }))
    const place = door === undefined ? given : placeAt(given, door.host)
    const engine = stack.use(await startDockerd({ folder, env, enter: door?.enter ?? [] }))
    const session = await openSession(place, engine)
    const disposables = stack.move()
    return { ...session, place, [Symbol.asyncDispose]: async () => disposables.disposeAsync() }
  },
}

async function openSession(place: Place, engine: DockerEngine): Promise<Session> {
  const { folder, host, image, caFile } = place
  const run = async (...args: string[]) => {
    const { code, stdout, output } = await engine.docker(args)
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${output}`)
    return stdout.trim()
  }
  const way = caFile === undefined ? ['--insecure'] : []
  /** Makes a local image and returns its name. */
  const load = async (name: string) => {
    const layout = await makeImageLayout(join(folder, name), 40_000)
    await run('load', '--input', layout.archive)
    await run('tag', dockerName, `made:${name}`)
    return `made:${name}`
  }
  const push = async (local: string, name: string) => {
    await run('tag', local, name)
    return run('push', name)
  }
  /** The digest under which the engine knows the image in that repository. */
  const digestOf = async (name: string) => {
    const known = await run('image', 'inspect', '--format', '{{join .RepoDigests "\\n"}}', name)
    const repository = name.slice(0, name.lastIndexOf(':'))
    return (
      known
        .split('\n')
        .find((one) => one.startsWith(`${repository}@`))
        ?.split('@')[1] ?? known
    )
  }
  const forget = async (...names: string[]) => run('image', 'rm', '--force', ...names)
  const one = await load('one')
  return {
    login: async (password) =>
      engine.docker(['login', '-u', 'admin', '--password-stdin', host], { input: password }),
    async push() {
      await push(one, image('app:one'))
      return image('app:one')
    },
    async pull(name) {
      await forget(name, one, dockerName)
      await run('pull', '--quiet', name)
      return digestOf(name)
    },
    async index() {
      const parts = [image('both:here'), image('both:there')]
      for (const [number, part] of parts.entries()) await push(await load(`part${number}`), part)
      const name = image('both:all')
      await run('manifest', 'create', ...way, name, ...parts)
      await run('manifest', 'annotate', '--arch', otherArchitecture, name, parts[1] ?? '')
      const told = await run('manifest', 'push', ...way, name)
      const digest = /sha256:[0-9a-f]{64}/.exec(told)?.[0] ?? told
      await forget(...parts, 'made:part0', 'made:part1')
      // By digest, so that the engine compares what it gets.
      await run('pull', '--quiet', `${image('both')}@${digest}`)
      return { image: name, pulledDigest: digest }
    },
    async mount(name) {
      const told = await push(name, image('second:one'))
      assert.match(told, /Mounted from admin\//)
      return image('second:one')
    },
  }
}
