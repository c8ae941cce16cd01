// The private certificate authority of a first start, and the leaf that it signs for this machine.
//
//   authority.pem   key and certificate of the authority, 0600. Never replaced: other machines
//                   trust it. Once it has expired, authority-2.pem follows, and so on.
//   server.pem      key, leaf and chain, 0600. Replaced when names change or little time is left.
//   ca.crt          the authority's certificate alone, 0644, for people to copy. Never read.
//
// Invariant: a key and its certificate are one file that appears whole, and of several processes
// that start at once exactly one makes the authority; so no two of these files can disagree for
// longer than it takes one of them to be replaced, and each process serves a chain that fits.

import { createPrivateKey } from 'node:crypto'
import type { X509Certificate } from 'node:crypto'
import { chmod, readdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import {
  createFile,
  errorCode,
  makeDurableFolder,
  readIfThere,
  removeOldTemporaries,
  replaceFile,
} from './durable-file.ts'
import { issueAuthority, issueLeaf } from './issue.ts'
import type { LocalNames } from './local-names.ts'
import { certificateNames, day, findPrivateKey, readCertificates } from './served-certificate.ts'
import type { ServedCertificate } from './served-certificate.ts'

export interface EnsureCertificatesOptions {
  /** A folder for these files only; made with mode 0700 when it is missing. */
  readonly folder: string
  /** What the leaf must cover; see `localNames`. */
  readonly names: LocalNames
  /** The clock; only tests give another than the real one. */
  readonly now?: () => Date
}

interface Pair {
  readonly keyPem: string
  readonly certificatePem: string
  readonly certificate: X509Certificate
}

const dayMs = 24 * 60 * 60 * 1000
const leafRenewalMs = 30 * dayMs
const authorityWarningMs = 90 * dayMs
const maxGenerations = 50
const authorityPattern = /^authority(?:-(\d{1,2}))?\.pem$/

/**
 * Makes what is missing and returns what to serve. Cheap when nothing is to be done, so call it
 * again every few hours: it follows changed addresses and renews in time.
 * @throws {Error} naming the file when an authority is there that cannot be used.
 */
export async function ensureCertificates(
  options: EnsureCertificatesOptions,
): Promise<ServedCertificate> {
  const { folder, names } = options
  const now = options.now?.() ?? new Date()
  if (names.dnsNames.length + names.addresses.length === 0) {
    throw new Error('No names were given for the certificate, so no client could accept it.')
  }
  await prepareFolder(folder)
  const authority = await openAuthority(folder, now)
  const kept = await readLeaf(join(folder, 'server.pem'))
  const leaf =
    kept !== undefined && isStillGood(kept, authority, names, now)
      ? kept
      : await replaceLeaf(folder, authority, names, now)
  await publishAuthority(join(folder, 'ca.crt'), authority)
  return toServed(leaf, authority, now)
}

async function prepareFolder(folder: string): Promise<void> {
  await explainAccess(folder, async () => {
    await makeDurableFolder(folder)
    // Not ours to change on some mounts (Kubernetes volumes); the files are 0600 in any case.
    await chmod(folder, 0o700).catch(() => undefined)
    await removeOldTemporaries(folder)
  })
}

/** The newest authority; a first or next one is made only when there is none or it has expired. */
async function openAuthority(folder: string, now: Date): Promise<Pair> {
  let generation = Math.max(1, ...(await generations(folder)))
  for (; generation <= maxGenerations; generation++) {
    const path = join(folder, authorityFile(generation))
    const found = await explainAccess(path, async () => await readIfThere(path))
    const text = found ?? (await createAuthority(path, now))
    const authority = parseAuthority(path, text)
    if (authority.certificate.validToDate > now) return authority
  }
  throw new Error(
    `${folder} already holds ${maxGenerations} expired certificate authorities, so the clock of ` +
      'this machine is probably wrong. Correct the clock, then move the authority files away.',
  )
}

async function generations(folder: string): Promise<readonly number[]> {
  const matches = (await readdir(folder)).map((name) => authorityPattern.exec(name))
  return matches.filter((match) => match !== null).map((match) => Number(match[1] ?? 1))
}

function authorityFile(generation: number): string {
  return generation === 1 ? 'authority.pem' : `authority-${generation}.pem`
}

/** The text of the file as it is on disk: another process may have been first, then its file wins. */
async function createAuthority(path: string, now: Date): Promise<string> {
  const { keyPem, certificatePem } = await issueAuthority(hostname(), now)
  return await explainAccess(path, async () => {
    await createFile({ path, text: keyPem + certificatePem, mode: 0o600 })
    return (await readIfThere(path)) ?? ''
  })
}

function parseAuthority(path: string, text: string): Pair {
  try {
    const authority = parsePair(text)
    const { ca, publicKey } = authority.certificate
    if (!ca) throw new Error('its certificate is not one of a certificate authority')
    if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
      throw new Error('its key is not of the kind that Carrel makes (ECDSA P-256)')
    }
    return authority
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `The certificate authority in ${path} cannot be used: ${reason}. Restore this file from a ` +
        'backup. If there is none, move the file away and start again: Carrel then makes a new ' +
        'authority, and every machine that trusted the old one has to trust the new one.',
      { cause: error },
    )
  }
}

/** @throws {Error} with a part of a sentence that says what is wrong. */
function parsePair(text: string): Pair {
  const keyPem = findPrivateKey(text)
  if (keyPem === undefined) throw new Error('it holds no complete private key')
  const certificate = readCertificates(text)[0]
  if (certificate === undefined) throw new Error('it holds no complete certificate')
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) {
    throw new Error('its private key does not belong to its certificate')
  }
  return { keyPem: `${keyPem}\n`, certificatePem: certificate.toString(), certificate }
}

/** Undefined when absent or damaged: a leaf is worth nothing that a new one would not be. */
async function readLeaf(path: string): Promise<Pair | undefined> {
  const text = await explainAccess(path, async () => await readIfThere(path))
  if (text === undefined) return undefined
  try {
    return parsePair(text)
  } catch {
    return undefined
  }
}

function isStillGood(leaf: Pair, authority: Pair, names: LocalNames, now: Date): boolean {
  const { certificate } = leaf
  const issuer = authority.certificate
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) return false
  if (certificate.validFromDate > now || certificate.validToDate <= now) return false
  const isLongEnough = certificate.validToDate.getTime() - now.getTime() >= leafRenewalMs
  // A leaf that ends with its authority cannot be made to last longer.
  if (!isLongEnough && certificate.validToDate < issuer.validToDate) return false
  const covered = certificateNames(certificate)
  return (
    names.dnsNames.every((name) => covered.dnsNames.includes(name)) &&
    names.addresses.every((address) => covered.addresses.includes(address))
  )
}

async function replaceLeaf(
  folder: string,
  authority: Pair,
  names: LocalNames,
  now: Date,
): Promise<Pair> {
  const { keyPem, certificatePem } = await issueLeaf(authority, names, now)
  const path = join(folder, 'server.pem')
  const text = keyPem + certificatePem + authority.certificatePem
  await explainAccess(path, async () => await replaceFile({ path, text, mode: 0o600 }))
  // What was made, not what is on disk by now: another process may have replaced it meanwhile.
  return parsePair(text)
}

async function publishAuthority(path: string, authority: Pair): Promise<void> {
  const text = authority.certificatePem
  await explainAccess(path, async () => {
    if ((await readIfThere(path)) !== text) await replaceFile({ path, text, mode: 0o644 })
  })
}

function toServed(leaf: Pair, authority: Pair, now: Date): ServedCertificate {
  const { validToDate } = authority.certificate
  const isEnding = validToDate.getTime() - now.getTime() < authorityWarningMs
  return {
    keyPem: leaf.keyPem,
    certificatePem: leaf.certificatePem + authority.certificatePem,
    authorityPem: authority.certificatePem,
    authorityFingerprint: authority.certificate.fingerprint256,
    leafFingerprint: leaf.certificate.fingerprint256,
    names: certificateNames(leaf.certificate),
    notAfter: leaf.certificate.validToDate,
    source: 'own-authority',
    warnings: isEnding
      ? [
          `Carrel's own certificate authority expires on ${day(validToDate)}. A new one is made ` +
            'at the first start after that, and every client machine has to trust it again.',
        ]
      : [],
  }
}

/** Adds to a refusal of the system which file it is about and what to do. */
async function explainAccess<Result>(path: string, use: () => Promise<Result>): Promise<Result> {
  try {
    return await use()
  } catch (error) {
    const code = errorCode(error)
    if (code === undefined) throw error
    const user = process.getuid?.()
    const who = user === undefined ? 'the user that runs Carrel' : `user id ${user}, which runs it,`
    throw new Error(
      `Carrel cannot read or write ${path}, where it keeps its TLS certificates (${code}). ` +
        `Make sure that ${who} may read and write this folder and that its disk has room, or ` +
        'give a certificate of your own with CARREL_TLS_CERT and CARREL_TLS_KEY.',
      { cause: error },
    )
  }
}
