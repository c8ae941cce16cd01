// Stands between a client and a server, to see what is sent.
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface Relay {
  readonly port: number
  /** What the client sent, one buffer for each time that it waited for an answer. */
  readonly sent: readonly Buffer[]
  readonly connections: number
}

export async function startRelay(
  t: { after(close: () => Promise<void>): void },
  targetPort: number,
): Promise<Relay> {
  const sent: Buffer[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((client) => {
    connections++
    const target = connect(targetPort, '127.0.0.1')
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).on('close', () => to.destroy())
      from.on('data', (data) => {
        if (from === client) sent.push(data)
        to.write(data)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    sent,
    get connections() {
      return connections
    },
  }
}
