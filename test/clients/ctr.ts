// ctr with a containerd of its own: what runs below Kubernetes. The authority is trusted by a
// hosts.toml, as on a Kubernetes node. It has no login; each command takes the password.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk, runProgram, startDaemon, waitUntil } from '../support/processes.ts'
import type { Daemon } from '../support/processes.ts'
import type { Client, Session } from './client.ts'
import { unmountBelow } from './dockerd.ts'
import { makeImageLayout } from './image-layout.ts'
import type { Place } from './place.ts'
import { pathWithSbin, programPath } from './programs.ts'

export const ctr: Client = {
  name: 'ctr',
  programs: ['ctr', 'containerd'],
  needsRoot: true,
  async version() {
    const { stdout } = await runOk(programPath('containerd'), ['--version'])
    return /\s(v?\d[^\s~]*)/.exec(stdout)?.[1] ?? ''
  },
  async open(place) {
    const daemon = await startContainerd(place)
    try {
      return await openSession(place, daemon)
    } catch (error) {
      await daemon[Symbol.asyncDispose]()
      throw error
    }
  },
}

export async function startContainerd({ folder, env }: Place): Promise<Daemon> {
  const path = (name: string) => join(folder, name)
  await writeFile(
    path('config.toml'),
    `version = 2
root = "${path('root')}"
state = "${path('state')}"
# The plugin for Kubernetes would listen on a port of its own.
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${path('c.sock')}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${path('opt')}"
`,
  )
  const daemon = await startDaemon(programPath('containerd'), ['--config', path('config.toml')], {
    env: { ...env, PATH: pathWithSbin(env) },
    logFile: path('log'),
    endWith: 'SIGTERM',
  })
  try {
    await waitUntil('containerd did not answer', async () => {
      if (!daemon.isRunning()) throw new Error(`containerd ended at its start:\n${daemon.log()}`)
      const args = ['--address', path('c.sock'), 'version']
      return (await runProgram(programPath('ctr'), args, { env })).code === 0
    })
    return daemon
  } catch (error) {
    await daemon[Symbol.asyncDispose]()
    throw error
  }
}

async function openSession(place: Place, daemon: Daemon): Promise<Session> {
  const { folder, env, host, image, caFile, registry } = place
  const program = programPath('ctr')
  const images = (...args: string[]) => ['--address', join(folder, 'c.sock'), 'images', ...args]
  const run = async (...args: string[]) => (await runOk(program, images(...args), { env })).stdout
  const way = caFile === undefined ? ['--plain-http'] : ['--hosts-dir', join(folder, 'certs.d')]
  if (caFile !== undefined) {
    await mkdir(join(folder, 'certs.d', host), { recursive: true })
    await writeFile(
      join(folder, 'certs.d', host, 'hosts.toml'),
      `server = "https://${host}"\n[host."https://${host}"]\n  ca = "${caFile}"\n`,
    )
  }
  const login = ['--user', `admin:${registry.password}`]
  const layout = await makeImageLayout(join(folder, 'layout'), 40_000)
  const imported = 'carrel.test/tiny'
  await run('import', '--no-unpack', '--all-platforms', '--base-name', imported, layout.archive)

  const digestOf = async (name: string) => {
    const line = (await run('list')).split('\n').find((one) => one.startsWith(`${name} `))
    return /sha256:[0-9a-f]{64}/.exec(line ?? '')?.[0] ?? 'no digest'
  }
  /** Removes the names and waits until nothing of their content is left. */
  const forget = async (...names: string[]) => run('remove', '--sync', ...names)
  const pull = async (name: string) => {
    await run('pull', ...way, ...login, '--all-platforms', '--snapshotter', 'native', name)
    return digestOf(name)
  }
  return {
    login: async (password) =>
      runProgram(
        program,
        images('push', ...way, '--user', `admin:${password}`, image('app:one'), `${imported}:one`),
        { env },
      ),
    async push() {
      await run('push', ...way, ...login, image('app:one'), `${imported}:one`)
      return image('app:one')
    },
    async pull(name) {
      // The index holds the same image, so its content must go too.
      await run('tag', `${imported}:multi`, `${imported}:kept`)
      await forget(`${imported}:one`, `${imported}:multi`, `${imported}:other`, `${imported}:kept`)
      return pull(name)
    },
    async index() {
      await run('import', '--no-unpack', '--all-platforms', '--base-name', imported, layout.archive)
      await run('push', ...way, ...login, image('both:all'), `${imported}:multi`)
      return { image: image('both:all'), pulledDigest: await pull(image('both:all')) }
    },
    async mount(name) {
      await run('push', ...way, ...login, image('second:one'), name)
      return image('second:one')
    },
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]()
      await unmountBelow(folder)
    },
  }
}
