// A door to the registry that knows no TLS. Carrel answers HTTP and TLS on one port, and docker,
// podman and skopeo try TLS first: through this door they must speak plain HTTP. Bytes pass as they are.
import net, { type AddressInfo } from 'node:net'

export interface PlainDoor extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string
}

const tlsHandshake = 0x16
/** What an HTTP server says to a client that greets it with TLS. */
const refusal = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

export async function openPlainDoor(port: number): Promise<PlainDoor> {
  const open = new Set<net.Socket>()
  const keep = (socket: net.Socket) => {
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
  }
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    keep(client)
    client.once('data', (first) => {
      if (first[0] === tlsHandshake) {
        client.end(refusal)
        return
      }
      const registry = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true })
      keep(registry)
      registry.write(first)
      relay(client, registry)
      relay(registry, client)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function relay(from: net.Socket, to: net.Socket): void {
  from.on('data', (chunk) => {
    if (to.write(chunk)) return
    from.pause()
    to.once('drain', () => from.resume())
  })
  from.on('end', () => to.end())
  from.on('close', (failed) => {
    if (failed) to.destroy()
  })
}
