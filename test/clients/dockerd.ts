// A Docker engine for one test: own folders, own socket, no network bridge, no firewall rules.
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram, startDaemon, waitUntil } from '../support/processes.ts'
import type { Environment, ProgramOptions, ProgramResult } from '../support/processes.ts'
import { pathWithSbin, programPath } from './programs.ts'

export interface DockerEngine extends AsyncDisposable {
  /** Runs the docker client. */
  readonly docker: (args: readonly string[], options?: ProgramOptions) => Promise<ProgramResult>
}

/** Loopback registries need no setting: dockerd talks to 127.0.0.0/8 without checks. */
export async function startDockerd(options: {
  readonly folder: string
  readonly env: Environment
  /** Put before each command, the daemon's and the client's. */
  readonly enter?: readonly string[]
  /** A bridge that is there, for containers with a network and published ports (on 127.0.0.1). */
  readonly bridge?: string
}): Promise<DockerEngine> {
  const { folder, env, enter = [], bridge } = options
  await using stack = new AsyncDisposableStack()
  const path = (name: string) => join(folder, name)
  const socket = `unix://${path('d.sock')}`
  await mkdir(path('d'))
  // The daemon and its containerd leave mounts behind when they are killed, so it is asked to end.
  stack.defer(async () => unmountBelow(folder))
  const [command, ...before] = [...enter, programPath('dockerd')]
  const folders = ['--data-root', path('d/data'), '--exec-root', path('d/exec')]
  const network = ['--iptables=false', '--ip6tables=false', `--bridge=${bridge ?? 'none'}`]
  const ports = bridge === undefined ? [] : ['--ip', '127.0.0.1']
  const args = ['-H', socket, '--pidfile', path('d/pid'), ...folders, ...network, ...ports]
  // vfs needs no kernel support and suits tiny images; images that are built want layers, where the machine has them.
  const driver = bridge === undefined ? ['--storage-driver=vfs'] : []
  const daemon = stack.use(
    await startDaemon(command, [...before, ...args, ...driver], {
      env: { ...env, PATH: pathWithSbin(env) },
      logFile: path('d/log'),
      endWith: 'SIGTERM',
    }),
  )
  const [client, ...first] = [...enter, programPath('docker')]
  const docker: DockerEngine['docker'] = async (args, more) =>
    runProgram(client, [...first, ...args], { env: { ...env, DOCKER_HOST: socket }, ...more })
  await waitUntil('dockerd did not answer', async () => {
    if (!daemon.isRunning()) throw new Error(`dockerd ended at its start:\n${daemon.log()}`)
    return (await docker(['version'])).code === 0
  })
  const disposables = stack.move()
  return { docker, [Symbol.asyncDispose]: async () => disposables.disposeAsync() }
}

export async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n')
  const below = mounts
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
  for (const path of below.sort().reverse()) await runProgram('umount', [path])
}
