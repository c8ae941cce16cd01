// A door to the registry that is not on loopback, for docker, which checks no certificate there. It is
// the address of a network namespace of its own, so nothing outside of it can reach the registry:
// docker → 192.0.2.10:PORT in the namespace → a socket file → the registry on loopback.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startDaemon, waitUntil } from '../support/processes.ts'
import type { Environment } from '../support/processes.ts'
import { pathWithSbin, programPath } from './programs.ts'
import { startRelay } from './relay.ts'

export interface FarDoor extends AsyncDisposable {
  /** `192.0.2.10:PORT`. */
  readonly host: string
  /** What to put before a command to run it behind the door. */
  readonly enter: readonly string[]
}

/** An address that is nobody's (RFC 5737); the certificate must be for it. */
export const farAddress = '192.0.2.10'

const prepare = `
ip link set lo up
ip addr add ${farAddress}/32 dev lo
mkdir -p /etc/docker
mount -t tmpfs tmpfs /etc/docker
mkdir -p "/etc/docker/certs.d/$DOOR"
cp "$AUTHORITY" "/etc/docker/certs.d/$DOOR/ca.crt"
exec "$@"
`

export async function openFarDoor(options: {
  readonly folder: string
  readonly port: number
  readonly caFile: string
  readonly env: Environment
}): Promise<FarDoor> {
  const { folder, port, caFile, env } = options
  await using stack = new AsyncDisposableStack()
  const socket = join(folder, 'door.sock')
  const host = `${farAddress}:${port}`
  const to = { host: '127.0.0.1', port }
  stack.use(await startRelay({ from: { path: socket }, to, only: 'tls' }))
  const relay = fileURLToPath(new URL('./far-door-relay.ts', import.meta.url))
  const shell = ['sh', '-e', '-c', prepare, 'door']
  const command = [process.execPath, relay, farAddress, String(port), socket]
  const apart = ['--net', '--mount', '--propagation', 'private']
  const holder = stack.use(
    await startDaemon(programPath('unshare'), [...apart, ...shell, ...command], {
      env: { ...env, PATH: pathWithSbin(env), DOOR: host, AUTHORITY: caFile },
      logFile: join(folder, 'door.log'),
    }),
  )
  await waitUntil('The network namespace was not ready', () => {
    if (!holder.isRunning()) throw new Error(`The namespace ended at its start:\n${holder.log()}`)
    return holder.log().includes('ready')
  })
  const enter = [programPath('nsenter'), '--target', String(holder.pid), '--net', '--mount', '--']
  const disposables = stack.move()
  return { host, enter, [Symbol.asyncDispose]: async () => disposables.disposeAsync() }
}
