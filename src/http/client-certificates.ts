// Certificates of clients (http.tls.clientcas and clientauth of registry:2): asked for at the handshake, and demanded.
import type { TlsOptions, TLSSocket } from 'node:tls'
import { HttpError } from './http-error.ts'

export interface ClientCertificates {
  /** PEM. */
  readonly authorities: string
  readonly ask: 'request' | 'require-any' | 'verify-if-given' | 'require-and-verify'
}

export interface SecureOptions {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** As OpenSSL names them. */
  readonly ciphers?: string | undefined
  readonly clients?: ClientCertificates | undefined
}

export function tlsOptionsOf({ minVersion, ciphers, clients }: SecureOptions): TlsOptions {
  return {
    minVersion,
    ...(ciphers !== undefined && { ciphers }),
    ...(clients !== undefined && {
      ca: clients.authorities,
      requestCert: true,
      // The other ways are looked at after the handshake: Go lets a certificate pass there that it cannot verify.
      rejectUnauthorized: clients.ask === 'require-and-verify',
    }),
  }
}

/** Whether a connection whose handshake is done may stay. */
export function isWelcome(socket: TLSSocket, { ask }: ClientCertificates): boolean {
  const isGiven = Object.keys(socket.getPeerCertificate()).length > 0
  if (ask === 'require-any') return isGiven
  return ask === 'verify-if-given' ? !isGiven || socket.authorized : true
}

/** What anybody may ask without TLS all the same. */
const publicPaths = new Set(['/livez', '/readyz'])

/** Where certificates are demanded, nobody gets around them in the clear. @throws {HttpError} 403 */
export function requireTls(
  { clients }: SecureOptions,
  { encrypted }: { readonly encrypted?: boolean },
  path: string,
): void {
  if (clients === undefined || encrypted === true || publicPaths.has(path)) return
  if (clients.ask === 'request' || clients.ask === 'verify-if-given') return
  throw new HttpError(
    403,
    'This registry wants a certificate of its clients, and therefore answers over HTTPS only.',
  )
}
