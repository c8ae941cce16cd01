// A door on loopback behind which what clients send arrives slowly, as over a thin line; answers come at once. Plain
// HTTP only: docker tries TLS first.
import net, { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { openNearDoor } from '../clients/near-door.ts'

export interface SlowDoor extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  /** From then on all connections together pass so many bytes in a second. */
  slowDown(bytesPerSecond: number): void
}

const pieceBytes = 2048

export async function openSlowDoor(port: number): Promise<SlowDoor> {
  await using stack = new AsyncDisposableStack()
  let bytesPerSecond = Number.POSITIVE_INFINITY
  let freeAt = performance.now()
  const open = new Set<net.Socket>()

  async function passOn(from: net.Socket, to: net.Socket): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let start = 0; start < chunk.length; start += pieceBytes) {
        const piece = chunk.subarray(start, start + pieceBytes)
        freeAt = Math.max(freeAt, performance.now()) + (1000 * piece.length) / bytesPerSecond
        const waitMs = freeAt - performance.now()
        if (waitMs > 1) await sleep(waitMs)
        to.write(piece)
      }
    }
    to.end()
  }

  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const target = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    for (const socket of [client, target]) {
      open.add(socket)
      socket.on('error', () => undefined).on('close', () => open.delete(socket))
    }
    target.on('data', (chunk) => client.write(chunk)).on('end', () => client.end())
    target.on('close', () => client.destroy())
    passOn(client, target).catch(() => target.destroy())
  })
  stack.defer(async () => {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  const { host } = stack.use(await openNearDoor((server.address() as AddressInfo).port, 'http'))
  const disposables = stack.move()
  return {
    host,
    slowDown(rate) {
      bytesPerSecond = rate
      freeAt = performance.now()
    },
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}
