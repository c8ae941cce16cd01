// Makes certificates (RFC 5280): an authority of our own and the leaf that it signs. ECDSA P-256
// throughout, which every TLS client of the last ten years knows. Nothing here touches a file.
//
// The authority carries no name constraints, on purpose. They were tried: OpenSSL and Go accept and
// enforce them, so an authority that permits the names of its first day can never sign for a new
// host name, a new public name or a public address, and to make a new authority means that every
// client machine must be visited again. What limits the damage instead: the trust script puts the
// authority where docker, podman and containerd use it for one HOST:PORT only, never in the
// system's store; it may sign no further authority; its key does not leave the data folder.

import { randomBytes, webcrypto } from 'node:crypto'
import type { X509Certificate } from 'node:crypto'
import type * as X509 from '@peculiar/x509'
import type { LocalNames } from './local-names.ts'
import { loadX509 } from './x509-library.ts'

export interface IssuedCertificate {
  readonly keyPem: string
  readonly certificatePem: string
}

const dayMs = 24 * 60 * 60 * 1000
const authorityLifetimeMs = 3650 * dayMs
/** Apple's and the CA/Browser Forum's limit is 398 days, both ends included. */
const leafLifetimeMs = 397 * dayMs - 1000
/** Clients whose clock is a little behind must not refuse a fresh certificate. */
const backdatedMs = dayMs
const maxCommonNameLength = 64

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const

/** A self-signed authority for ten years; `host` only makes it recognisable in lists. */
export async function issueAuthority(host: string, now: Date): Promise<IssuedCertificate> {
  const x509 = loadX509()
  const keys = await generateKeys()
  const id = randomBytes(3).toString('hex')
  const notBefore = now.getTime() - backdatedMs
  const prefix = 'Carrel CA of '
  const shortHost = host.slice(0, maxCommonNameLength - prefix.length - id.length - 1)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerialNumber(),
    name: [{ CN: [`${prefix}${shortHost} ${id}`] }],
    notBefore: new Date(notBefore),
    notAfter: new Date(notBefore + authorityLifetimeMs),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return await toPem(certificate, keys)
}

/** A server certificate for `names`, which ends with its authority at the latest. */
export async function issueLeaf(
  authority: { readonly certificate: X509Certificate; readonly keyPem: string },
  names: LocalNames,
  now: Date,
): Promise<IssuedCertificate> {
  const x509 = loadX509()
  const issuer = new x509.X509Certificate(authority.certificate.raw)
  const keys = await generateKeys()
  const notBefore = now.getTime() - backdatedMs
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerialNumber(),
    subject: [{ CN: [commonName(names)] }],
    issuer: issuer.subjectName,
    notBefore: new Date(notBefore),
    notAfter: new Date(Math.min(notBefore + leafLifetimeMs, issuer.notAfter.getTime())),
    signingAlgorithm,
    publicKey: keys.publicKey,
    signingKey: await importSigningKey(authority.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...names.dnsNames.map((value) => ({ type: 'dns' as const, value })),
        ...names.addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return await toPem(certificate, keys)
}

/** Clients look at the alternative names only; this is what people see in lists of certificates. */
function commonName(names: LocalNames): string {
  const candidates = names.dnsNames.filter((name) => name.length <= maxCommonNameLength)
  return candidates.find((name) => name !== 'host.docker.internal') ?? candidates[0] ?? 'Carrel'
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
}

async function importSigningKey(keyPem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(keyPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  return await webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign'])
}

async function toPem(
  certificate: X509.X509Certificate,
  keys: webcrypto.CryptoKeyPair,
): Promise<IssuedCertificate> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return {
    keyPem: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`,
    certificatePem: `${certificate.toString('pem').trim()}\n`,
  }
}

/** 128 bits, positive and without a leading zero byte, so that DER keeps it at 16 bytes. */
function randomSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
