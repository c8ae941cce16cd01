// A certificate of the operator's own, in two PEM files (CARREL_TLS_CERT, CARREL_TLS_KEY): checked
// before it is served, and taken over while running when certbot or Kubernetes replaces the files.

import { createPrivateKey } from 'node:crypto'
import type { KeyObject, X509Certificate } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { errorCode } from './durable-file.ts'
import { certificateNames, day, findPrivateKey, readCertificates } from './served-certificate.ts'
import type { ServedCertificate } from './served-certificate.ts'

export interface CertificateFiles {
  /** PEM: the certificate and the chain up to, but not necessarily with, the root. */
  readonly certificateFile: string
  /** PEM: its private key, not encrypted. May be the same file. */
  readonly keyFile: string
  /** The clock; only tests give another than the real one. */
  readonly now?: () => Date
}

export interface WatchedCertificateFiles extends CertificateFiles {
  /** What is served already. Without it, the first pair that loads counts as a change. */
  readonly served?: ServedCertificate
  readonly intervalMs?: number
}

const dayMs = 24 * 60 * 60 * 1000
const endingMs = 14 * dayMs
const maxFileBytes = 1024 * 1024
const maxCertificates = 20
const defaultIntervalMs = 1000
const wayOut =
  'Or leave out both CARREL_TLS_CERT and CARREL_TLS_KEY: Carrel then makes a certificate itself.'

/**
 * An expired certificate is loaded, with a warning: a registry that starts and says why clients
 * refuse it is easier to repair than one that does not start.
 * @throws {Error} naming the setting when the pair cannot be served at all.
 */
export async function loadCertificateFiles(files: CertificateFiles): Promise<ServedCertificate> {
  const { certificateFile, keyFile } = files
  const key = parseKey(keyFile, await readSetting('CARREL_TLS_KEY', keyFile))
  const certificateText = await readSetting('CARREL_TLS_CERT', certificateFile)
  const certificates = parseCertificates(certificateFile, certificateText)
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key.object))
  if (leaf === undefined) {
    throw new Error(
      `CARREL_TLS_KEY: the private key in ${keyFile} does not belong to the certificate in ` +
        `${certificateFile} (${oneLine(certificates[0]?.subject)}). Give the key with which that ` +
        'certificate was requested; if both were just replaced, give both new files.',
    )
  }
  const chain = certificates.filter((certificate) => certificate !== leaf)
  const certificatePem = [leaf, ...chain].map((certificate) => certificate.toString()).join('')
  requireServable(key.pem, certificatePem, certificateFile)
  return {
    keyPem: key.pem,
    certificatePem,
    leafFingerprint: leaf.fingerprint256,
    names: certificateNames(leaf),
    notAfter: leaf.validToDate,
    source: 'files',
    warnings: findWarnings(certificateFile, leaf, chain, files.now?.() ?? new Date()),
  }
}

/**
 * Calls `onChange` with each new pair that can be served. A pair that cannot be is reported once to
 * `onError`, and the old one stays. It asks for the files' state instead of waiting for events:
 * those are lost on network mounts and differ for each way in which symbolic links are swapped.
 */
export function watchCertificateFiles(
  files: WatchedCertificateFiles,
  onChange: (certificate: ServedCertificate) => void,
  onError: (error: Error) => void,
): Disposable {
  const { intervalMs = defaultIntervalMs } = files
  let { served } = files
  let timer: NodeJS.Timeout | undefined
  let isEnded = false
  let seenState: string | undefined
  let loadedState: string | undefined
  let reported: string | undefined

  async function poll(): Promise<void> {
    const state = await readState(files)
    // certbot replaces one file after the other: wait until both have rested for one interval.
    const isAtRest = state === seenState
    seenState = state
    if (!isAtRest || state === loadedState) return
    loadedState = state
    try {
      const loaded = await loadCertificateFiles(files)
      if (isEnded) return
      reported = undefined
      if (served !== undefined && isSamePair(served, loaded)) return
      served = loaded
      onChange(loaded)
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      if (isEnded || error.message === reported) return
      reported = error.message
      onError(error)
    }
  }

  function schedule(): void {
    if (isEnded) return
    timer = setTimeout(() => void poll().finally(schedule), intervalMs).unref()
  }

  schedule()
  return {
    [Symbol.dispose](): void {
      isEnded = true
      clearTimeout(timer)
    },
  }
}

async function readSetting(setting: string, path: string): Promise<string> {
  try {
    await using handle = await open(path, 'r')
    const { size } = await handle.stat()
    if (size > maxFileBytes) {
      throw new Error(`${setting}: ${path} has ${size} bytes, so it is no PEM file. ${wayOut}`)
    }
    return await handle.readFile('utf8')
  } catch (error) {
    const code = errorCode(error)
    if (code === undefined) throw error
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'it does not exist. Correct the path',
      EACCES: 'the user that runs Carrel may not read it. Change its owner or mode',
      EISDIR: 'it is a folder. Give the path of the PEM file in it',
    }
    const reason = reasons[code] ?? `the system refused it (${code}). Make the file readable`
    throw new Error(`${setting}: ${path} cannot be read: ${reason}. ${wayOut}`, { cause: error })
  }
}

function parseKey(
  path: string,
  text: string,
): { readonly pem: string; readonly object: KeyObject } {
  const block = findPrivateKey(text)
  if (block === undefined) {
    throw new Error(
      `CARREL_TLS_KEY: ${path} holds no private key in PEM form (a block that starts with ` +
        '-----BEGIN PRIVATE KEY-----). Give the file that your certificate authority or ' +
        'certbot calls the private key (privkey.pem, tls.key).',
    )
  }
  if (block.includes('ENCRYPTED')) {
    throw new Error(
      `CARREL_TLS_KEY: the private key in ${path} is encrypted, and Carrel has no way to ask for ` +
        `its passphrase. Decrypt it once: openssl pkey -in ${path} -out plain.pem`,
    )
  }
  try {
    return { pem: `${block}\n`, object: createPrivateKey(block) }
  } catch (error) {
    throw new Error(
      `CARREL_TLS_KEY: the private key in ${path} is damaged or of an unknown kind ` +
        `(${messageOf(error)}). Give the file as you received it.`,
      { cause: error },
    )
  }
}

function parseCertificates(path: string, text: string): readonly X509Certificate[] {
  try {
    const certificates = readCertificates(text)
    if (certificates.length > 0 && certificates.length <= maxCertificates) return certificates
  } catch (error) {
    throw new Error(
      `CARREL_TLS_CERT: a certificate in ${path} is damaged (${messageOf(error)}). Give the file ` +
        'as you received it.',
      { cause: error },
    )
  }
  throw new Error(
    `CARREL_TLS_CERT: ${path} does not hold between 1 and ${maxCertificates} certificates in PEM ` +
      'form (blocks that start with -----BEGIN CERTIFICATE-----). Give the file with the ' +
      'certificate and its chain (fullchain.pem, tls.crt).',
  )
}

/** The last word has the library that will serve it: it refuses short RSA keys, for example. */
function requireServable(keyPem: string, certificatePem: string, path: string): void {
  try {
    createSecureContext({ key: keyPem, cert: certificatePem })
  } catch (error) {
    throw new Error(
      `CARREL_TLS_CERT: the certificate in ${path} cannot be used for TLS (${messageOf(error)}). ` +
        'Request one with an ECDSA P-256 key or an RSA key of at least 2048 bits.',
      { cause: error },
    )
  }
}

function findWarnings(
  path: string,
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
  now: Date,
): readonly string[] {
  const warnings: string[] = []
  const certificate = `CARREL_TLS_CERT: the certificate in ${path}`
  const { validFromDate, validToDate } = leaf
  const restMs = validToDate.getTime() - now.getTime()
  if (restMs <= 0) {
    warnings.push(
      `${certificate} expired on ${day(validToDate)}, so clients refuse it. Renew it; Carrel ` +
        'takes over the new files without a restart.',
    )
  } else if (restMs < endingMs) {
    warnings.push(`${certificate} expires on ${day(validToDate)}. Renew it before that day.`)
  }
  if (validFromDate > now) {
    warnings.push(
      `${certificate} is valid from ${day(validFromDate)} only. If that day is past, correct the ` +
        'clock of this machine.',
    )
  }
  const names = certificateNames(leaf)
  if (names.dnsNames.length + names.addresses.length === 0) {
    warnings.push(
      `${certificate} names no host (it has no subject alternative names), so docker and others ` +
        'refuse it. Request one for the name under which clients reach this registry.',
    )
  }
  // Only authorities with intermediates say where these are to be had.
  if (leaf.infoAccess?.includes('CA Issuers') === true && !hasIssuer(leaf, chain)) {
    warnings.push(
      `${certificate} comes without the certificate that issued it, so docker and others refuse ` +
        'it. Give the file with the whole chain (fullchain.pem).',
    )
  }
  return warnings
}

function hasIssuer(leaf: X509Certificate, chain: readonly X509Certificate[]): boolean {
  return chain.some((certificate) => leaf.checkIssued(certificate))
}

/** Changes whenever one of the files, or what its symbolic link points to, is another. */
async function readState(files: CertificateFiles): Promise<string> {
  const paths = [files.certificateFile, files.keyFile]
  const states = await Promise.all(
    paths.map(async (path) => {
      const info = await stat(path, { bigint: true }).catch(() => undefined)
      if (info === undefined) return 'absent'
      return `${info.dev}:${info.ino}:${info.size}:${info.mtimeNs}:${info.ctimeNs}`
    }),
  )
  return states.join(' ')
}

function isSamePair(a: ServedCertificate, b: ServedCertificate): boolean {
  return a.certificatePem === b.certificatePem && a.keyPem === b.keyPem
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function oneLine(text: string | undefined): string {
  return (text ?? 'no subject').replaceAll('\n', ', ')
}
