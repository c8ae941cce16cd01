// A door on loopback that knows TLS only, or plain HTTP only. Carrel answers both on one port, and
// clients try one and fall back to the other: docker, podman and skopeo begin with TLS; crane takes
// HTTP where the certificate does not please it. Through this door they cannot.
import type { AddressInfo } from 'node:net'
import { startRelay } from './relay.ts'

export interface NearDoor extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string
}

export async function openNearDoor(port: number, only: 'tls' | 'http'): Promise<NearDoor> {
  const relay = await startRelay({
    from: { host: '127.0.0.1', port: 0 },
    to: { host: '127.0.0.1', port },
    only,
  })
  return {
    host: `127.0.0.1:${(relay.server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => relay[Symbol.asyncDispose](),
  }
}
