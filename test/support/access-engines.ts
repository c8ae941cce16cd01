// docker, podman, containerd and helm as tests of access use them: each signs in as whoever is wanted, pushes one small
// image or chart and pulls it back into an empty place.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeContainersSettings } from '../clients/containers-tools.ts'
import { startContainerd } from '../clients/ctr.ts'
import { startDockerd, unmountBelow } from '../clients/dockerd.ts'
import { dockerName, makeImageLayout } from '../clients/image-layout.ts'
import type { Place } from '../clients/place.ts'
import { findProgram, howToGet, programPath } from '../clients/programs.ts'
import { runOk, runProgram, type ProgramResult } from './processes.ts'

export interface Engine extends AsyncDisposable {
  /** From then on it is that one. containerd asks nothing here: each of its commands takes the password. */
  login(user: string, secret: string): Promise<ProgramResult>
  /** To `HOST/REPOSITORY:v1`. */
  push(repository: string): Promise<ProgramResult>
  /** Of what the last push left here nothing is there any more. */
  pull(repository: string): Promise<ProgramResult>
}

export interface EngineKind {
  readonly name: string
  readonly programs: readonly string[]
  readonly needsRoot: boolean
  /** When it shows people what the registry says, and not the status alone. */
  readonly tellsWhy: 'always' | 'but at login' | 'never'
  /** What it puts behind the name of a repository. */
  readonly suffix?: string
  /** Over plain HTTP on loopback. `layerBytes` is the size of what is pushed. */
  readonly open: (place: Place, layerBytes?: number) => Promise<Engine>
}

const usualBytes = 20_000

const docker: EngineKind = {
  name: 'docker',
  programs: ['docker', 'dockerd'],
  needsRoot: true,
  tellsWhy: 'always',
  async open({ folder, env, host }, layerBytes = usualBytes) {
    const engine = await startDockerd({ folder, env })
    const { archive } = await makeImageLayout(join(folder, 'layout'), layerBytes)
    const run = async (...args: string[]) => engine.docker(args, { timeoutMs: 150_000 })
    return {
      login: async (user, secret) =>
        engine.docker(['login', '-u', user, '--password-stdin', host], { input: secret }),
      async push(repository) {
        const name = `${host}/${repository}:v1`
        await requireOk(run('load', '--input', archive))
        await requireOk(run('tag', dockerName, name))
        return run('push', name)
      },
      async pull(repository) {
        const name = `${host}/${repository}:v1`
        const { stdout } = await requireOk(run('image', 'ls', '--quiet'))
        const ids = [...new Set(stdout.split('\n').filter((line) => line !== ''))]
        if (ids.length > 0) await requireOk(run('image', 'rm', '--force', ...ids))
        return run('pull', name)
      },
      [Symbol.asyncDispose]: async () => engine[Symbol.asyncDispose](),
    }
  },
}

const podman: EngineKind = {
  name: 'podman',
  programs: ['podman'],
  needsRoot: true,
  tellsWhy: 'but at login',
  async open(place, layerBytes = usualBytes) {
    const { folder, host } = place
    const program = programPath('podman')
    const { env, way } = await writeContainersSettings(place)
    await makeImageLayout(join(folder, 'layout'), layerBytes)
    const run = async (...args: string[]) => runProgram(program, args, { env, cwd: folder })
    return {
      login: async (user, secret) =>
        runProgram(program, ['login', ...way(), '-u', user, '--password-stdin', host], {
          env,
          input: secret,
        }),
      async push(repository) {
        const made = await requireOk(run('pull', '--quiet', 'oci:layout:one'))
        return run('push', ...way(), made.stdout.trim(), `docker://${host}/${repository}:v1`)
      },
      async pull(repository) {
        await requireOk(run('rmi', '--all', '--force'))
        return run('pull', ...way(), `${host}/${repository}:v1`)
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
  },
}

const ctr: EngineKind = {
  name: 'containerd',
  programs: ['ctr', 'containerd'],
  needsRoot: true,
  tellsWhy: 'never',
  async open(place, layerBytes = usualBytes) {
    const { folder, env, host } = place
    const daemon = await startContainerd(place)
    const { archive } = await makeImageLayout(join(folder, 'layout'), layerBytes)
    const imported = 'carrel.test/tiny'
    let login = ''
    const images = async (...args: string[]) =>
      runProgram(programPath('ctr'), ['--address', join(folder, 'c.sock'), 'images', ...args], {
        env,
      })
    const signedIn = () => ['--plain-http', '--user', login]
    return {
      async login(user, secret) {
        login = `${user}:${secret}`
        return { code: 0, signal: undefined, stdout: '', stderr: '', output: '' }
      },
      async push(repository) {
        await requireOk(images('import', '--no-unpack', '--base-name', imported, archive))
        return images('push', ...signedIn(), `${host}/${repository}:v1`, `${imported}:one`)
      },
      async pull(repository) {
        const { stdout } = await requireOk(images('list', '--quiet'))
        const names = stdout.split('\n').filter((line) => line !== '')
        if (names.length > 0) await requireOk(images('remove', '--sync', ...names))
        const name = `${host}/${repository}:v1`
        return images('pull', ...signedIn(), '--snapshotter', 'native', name)
      },
      async [Symbol.asyncDispose]() {
        await daemon[Symbol.asyncDispose]()
        await unmountBelow(folder)
      },
    }
  },
}

const helm: EngineKind = {
  name: 'helm',
  programs: ['helm'],
  needsRoot: false,
  tellsWhy: 'always',
  suffix: '/shelf',
  async open({ folder, env, host }) {
    const program = programPath('helm')
    const options = { env, cwd: folder }
    const chart = join(folder, 'shelf')
    await mkdir(chart, { recursive: true })
    await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shelf\nversion: 1.0.0\n')
    await runOk(program, ['package', chart], options)
    let pulls = 0
    return {
      login: async (user, secret) =>
        runProgram(
          program,
          ['registry', 'login', host, '--plain-http', '-u', user, '--password-stdin'],
          { ...options, input: secret },
        ),
      push: async (repository) =>
        runProgram(
          program,
          ['push', 'shelf-1.0.0.tgz', `oci://${host}/${repository}`, '--plain-http'],
          options,
        ),
      async pull(repository) {
        pulls += 1
        const target = join(folder, `pulled-${pulls}`)
        await mkdir(target)
        const what = [`oci://${host}/${repository}/shelf`, '--version', '1.0.0', '-d', target]
        return runProgram(program, ['pull', ...what, '--plain-http'], options)
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
  },
}

export const engineKinds = { docker, podman, ctr, helm }

/** Undefined when this machine has all that it takes. */
export function whatIsMissing({ name, programs, needsRoot }: EngineKind): string | undefined {
  const missing = programs.filter((program) => findProgram(program) === undefined)
  const [first] = missing
  if (first !== undefined) return `no ${missing.join(', ')} (${howToGet(first)})`
  return needsRoot && process.getuid?.() !== 0 ? `${name} needs root` : undefined
}

async function requireOk(running: Promise<ProgramResult>): Promise<ProgramResult> {
  const result = await running
  if (result.code !== 0) throw new Error(result.output)
  return result
}
