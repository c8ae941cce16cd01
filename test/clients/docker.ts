// docker with a dockerd of its own: bodies in chunks without a length, HEAD after each upload, mounts
// from the repositories that it knows. It does not check the authority of a registry on loopback.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { runOk, runProgram } from '../support/processes.ts'
import type { Client, Session } from './client.ts'
import { startDockerd } from './dockerd.ts'
import { dockerName, makeImageLayout, otherArchitecture } from './image-layout.ts'
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
  async open(place) {
    const engine = await startDockerd(place.folder, place.env)
    try {
      return await openSession(place, engine)
    } catch (error) {
      await engine[Symbol.asyncDispose]()
      throw error
    }
  },
}

async function openSession(
  { folder, host, image }: Place,
  engine: Awaited<ReturnType<typeof startDockerd>>,
): Promise<Session> {
  const { env } = engine
  const program = programPath('docker')
  const run = async (...args: string[]) => (await runOk(program, args, { env })).stdout.trim()
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
    return known.split('\n').find((one) => one.startsWith(`${repository}@`))?.split('@')[1] ?? known
  }
  const forget = async (...names: string[]) => run('image', 'rm', '--force', ...names)
  const one = await load('one')
  return {
    login: async (password) =>
      runProgram(program, ['login', '-u', 'admin', '--password-stdin', host], {
        env,
        input: password,
      }),
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
      await run('manifest', 'create', '--insecure', name, ...parts)
      await run('manifest', 'annotate', '--arch', otherArchitecture, name, parts[1] ?? '')
      const told = await run('manifest', 'push', '--insecure', name)
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
    [Symbol.asyncDispose]: async () => engine[Symbol.asyncDispose](),
  }
}
