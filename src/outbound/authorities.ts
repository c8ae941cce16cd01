// The authorities that an administrator trusts besides those that Node trusts.
import { X509Certificate } from 'node:crypto'
import { createSecureContext, getCACertificates } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { outboundSettings } from './outbound-error.ts'

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Undefined when there is nothing to add: then Node's own list is shared and not parsed again.
 * @throws {Error} when a certificate cannot be read. OpenSSL would take it in silence, and trust nobody more.
 */
export function trustWith(authorities: string | undefined): SecureContext | undefined {
  if (authorities === undefined || authorities.trim() === '') return undefined
  const certificates = authorities.match(certificatePattern) ?? []
  if (certificates.length === 0) throw unreadable('there is no certificate in it')
  for (const [index, certificate] of certificates.entries()) {
    if (!isReadable(certificate)) throw unreadable(`its certificate ${index + 1} cannot be read`)
  }
  return createSecureContext({ ca: [...getCACertificates('default'), ...certificates] })
}

function isReadable(certificate: string): boolean {
  try {
    return new X509Certificate(certificate).raw.length > 0
  } catch {
    return false
  }
}

function unreadable(why: string): Error {
  const wanted = 'Give certificates in PEM, one after the other.'
  return new Error(`${outboundSettings.authorities} is not good: ${why}. ${wanted}`)
}
