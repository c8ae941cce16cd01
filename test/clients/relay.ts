// Bytes from one socket to another and back, as they are, with the pressure and the ends of each side.
import net from 'node:net'

export interface RelayServer extends AsyncDisposable {
  readonly server: net.Server
}

/** What servers say, in plain HTTP, to both kinds of mistake. */
const refusal = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
const tlsHandshake = 0x16

/** Takes connections at `from` and leads each to `to`. */
export async function startRelay(options: {
  readonly from: net.ListenOptions
  readonly to: net.NetConnectOpts
  /** Answers what is not of this kind as a server does that does not know it. */
  readonly only?: 'tls' | 'http'
}): Promise<RelayServer> {
  const { from, to, only } = options
  const open = new Set<net.Socket>()
  const keep = (socket: net.Socket) => {
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
  }
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    keep(client)
    client.once('data', (first) => {
      const isTls = first[0] === tlsHandshake
      if ((only === 'http' && isTls) || (only === 'tls' && !isTls)) {
        client.end(refusal)
        return
      }
      const target = net.connect({ ...to, allowHalfOpen: true })
      keep(target)
      target.write(first)
      copy(client, target)
      copy(target, client)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(from, resolve)
  })
  return {
    server,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function copy(from: net.Socket, to: net.Socket): void {
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
