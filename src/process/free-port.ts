// Workers share their port, so a second server could share it too without anybody noticing: it is asked for once
// without sharing first.
import net, { type AddressInfo } from 'node:net'

/**
 * The port to listen on: the wanted one, or a free one for 0.
 *
 * @throws {Error} when somebody else listens there, or the address is not this machine's
 */
export async function requireFreePort(host: string, port: number): Promise<number> {
  const probe = net.createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port)))
    probe.listen({ host, port, exclusive: true }, resolve)
  })
  const address = probe.address() as AddressInfo
  await new Promise<void>((resolve) => probe.close(() => resolve()))
  return address.port
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const where = `${host === '' ? 'all addresses' : host}, port ${port}`
  const texts: Record<string, string> = {
    EADDRINUSE: `Another program listens on ${where} already. Stop it, or choose another port with --listen HOST:PORT.`,
    EADDRNOTAVAIL: `This machine has no address ${host}. Choose one that it has with --listen HOST:PORT.`,
    EACCES: `Listening on ${where} is not allowed for this user. Choose a port above 1023 with --listen HOST:PORT.`,
  }
  return new Error(texts[error.code ?? ''] ?? `Listening on ${where} failed: ${error.message}`, {
    cause: error,
  })
}
