// A Docker engine for one test: own folders, own socket, no network bridge, no firewall rules.
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram, startDaemon, waitUntil } from '../support/processes.ts'
import type { Environment } from '../support/processes.ts'
import { programPath } from './programs.ts'

export interface DockerEngine extends AsyncDisposable {
  /** For the docker client. */
  readonly env: Environment
  readonly log: () => string
}

/** Loopback registries need no setting: dockerd talks to 127.0.0.0/8 without checks. */
export async function startDockerd(folder: string, env: Environment): Promise<DockerEngine> {
  await using stack = new AsyncDisposableStack()
  const path = (name: string) => join(folder, name)
  const socket = `unix://${path('d.sock')}`
  await mkdir(path('d'))
  // The daemon and its containerd leave mounts behind when they are killed, so it is asked to end.
  stack.defer(async () => unmountBelow(folder))
  const daemon = stack.use(
    await startDaemon(
      programPath('dockerd'),
      [
        ...['-H', socket, '--data-root', path('d/data'), '--exec-root', path('d/exec')],
        ...['--pidfile', path('d/pid')],
        ...['--iptables=false', '--ip6tables=false', '--bridge=none'],
        // Needs no kernel support, and the images here are tiny.
        '--storage-driver=vfs',
      ],
      { env: { ...env, PATH: pathWithSbin(env) }, logFile: path('d/log'), endWith: 'SIGTERM' },
    ),
  )
  const clientEnv = { ...env, DOCKER_HOST: socket }
  await waitUntil('dockerd did not answer', async () => {
    if (!daemon.isRunning()) throw new Error(`dockerd ended at its start:\n${daemon.log()}`)
    return (await runProgram(programPath('docker'), ['version'], { env: clientEnv })).code === 0
  })
  const disposables = stack.move()
  return {
    env: clientEnv,
    log: daemon.log,
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}

/** dockerd starts containerd and runc by name. */
export function pathWithSbin(env: Environment): string {
  return `${env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`
}

export async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n')
  const below = mounts.map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${folder}/`))
  for (const path of below.sort().reverse()) await runProgram('umount', [path])
}
