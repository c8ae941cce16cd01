// What a TLS listener needs to serve, whoever made it, and the reading of PEM text that both
// sources (our own authority, the operator's files) share.

import { X509Certificate } from 'node:crypto'
import { canonicalAddress } from './local-names.ts'
import type { LocalNames } from './local-names.ts'

export interface ServedCertificate {
  readonly keyPem: string
  /** The leaf first, then the chain. */
  readonly certificatePem: string
  /** The certificate of our own authority: what other machines must trust. */
  readonly authorityPem?: string
  /** SHA-256, upper-case hexadecimal pairs joined by colons. */
  readonly authorityFingerprint?: string
  /** SHA-256, upper-case hexadecimal pairs joined by colons. */
  readonly leafFingerprint: string
  /** What the leaf covers. */
  readonly names: LocalNames
  readonly notAfter: Date
  readonly source: 'own-authority' | 'files'
  /** Sentences for the operator about a certificate that works, but not for all or not for long. */
  readonly warnings: readonly string[]
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g
const keyPattern = /-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----[\s\S]+?-----END \1-----/

/** All certificates of a PEM text, in its order. @throws when one of them is not a certificate. */
export function readCertificates(text: string): readonly X509Certificate[] {
  return (text.match(certificatePattern) ?? []).map((pem) => new X509Certificate(pem))
}

/** The first private key block of a PEM text, still PEM. */
export function findPrivateKey(text: string): string | undefined {
  return keyPattern.exec(text)?.[0]
}

/** The host names and addresses for which a certificate speaks. */
export function certificateNames(certificate: X509Certificate): LocalNames {
  const dnsNames = new Set<string>()
  const addresses = new Set<string>()
  // Node quotes entries that hold a comma or a quote; such a thing is no name that anybody serves.
  for (const entry of (certificate.subjectAltName ?? '').split(', ')) {
    if (entry.startsWith('DNS:')) dnsNames.add(entry.slice('DNS:'.length).toLowerCase())
    if (!entry.startsWith('IP Address:')) continue
    const address = canonicalAddress(entry.slice('IP Address:'.length))
    if (address !== undefined) addresses.add(address)
  }
  return { dnsNames: [...dnsNames].toSorted(), addresses: [...addresses].toSorted() }
}

/** `date` as people read it in a sentence: 2027-01-31. */
export function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
