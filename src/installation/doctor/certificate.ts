// The certificate that is served, or would be: is it readable, for how long is it good, and for which names.
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { loadCertificateFiles } from '../../certificates/certificate-files.ts'
import { findPrivateKey, readCertificates } from '../../certificates/served-certificate.ts'
import { ok, problem, reasonOf, shellWord, warning, type Check } from './check.ts'

const name = 'certificate'
const dayMs = 24 * 60 * 60 * 1000
const endingMs = 14 * dayMs

export interface CertificateFilesSetting {
  readonly certificateFile: string
  readonly keyFile: string
}

/** Of the operator. `hosts`: names and addresses under which clients come. */
export async function checkCertificateFiles(
  { certificateFile, keyFile }: CertificateFilesSetting,
  hosts: readonly string[],
  now: Date = new Date(),
): Promise<Check> {
  const look = `openssl x509 -noout -subject -dates -ext subjectAltName -in ${shellWord(certificateFile)}`
  try {
    const served = await loadCertificateFiles({ certificateFile, keyFile, now: () => now })
    const leaf = new X509Certificate(served.certificatePem)
    if (served.notAfter <= now) {
      const message = `${certificateFile} expired on ${day(served.notAfter)}: no client accepts it. Put a new one there.`
      return problem(name, message, look)
    }
    const missing = hosts.filter((host) => !covers(leaf, host))
    if (missing.length > 0) {
      const message = `${certificateFile} is not good for ${missing.join(', ')}, so clients that come by that refuse it.`
      return problem(name, message, look)
    }
    if (served.warnings.length > 0) return warning(name, served.warnings.join(' '), look)
    return ok(name, describe(leaf, now))
  } catch (error) {
    return problem(name, (error as Error).message, look)
  }
}

/** Of our own authority in DIR/tls: the server renews it by itself, so only what it cannot mend is a problem. */
export async function checkOwnCertificate(
  folder: string,
  hosts: readonly string[],
  now: Date = new Date(),
): Promise<Check> {
  const path = join(folder, 'server.pem')
  const text = await readFile(path, 'utf8').catch((error: unknown) => error)
  if (typeof text !== 'string') {
    const { code } = text as NodeJS.ErrnoException
    if (code === 'ENOENT') return ok(name, 'made at the next start, by an authority of its own')
    const typed = shellWord(folder)
    const message = `${path} cannot be read (${reasonOf(text)}).`
    return problem(name, message, `chown -R "$(id -u)" ${typed}`)
  }
  const renewal = 'The server makes a new one when it starts, and every hour while it runs.'
  const leaf = leafIn(text)
  if (leaf === undefined) {
    return warning(name, `${path} is damaged. ${renewal}`, 'carrel up')
  }
  if (leaf.validToDate.getTime() - now.getTime() < endingMs) {
    const message = `The certificate is good until ${day(leaf.validToDate)} only. ${renewal}`
    return warning(name, message, 'carrel up')
  }
  if (leaf.validFromDate > now) {
    const message = `The certificate is good from ${day(leaf.validFromDate)} on only: the clock went wrong, then or now.`
    return warning(name, message, 'timedatectl set-ntp true')
  }
  const missing = hosts.filter((host) => !covers(leaf, host))
  if (missing.length > 0) {
    const message = `The certificate is not good for ${missing.join(', ')} yet. ${renewal}`
    return warning(name, message, 'carrel up')
  }
  return ok(name, describe(leaf, now))
}

function leafIn(text: string): X509Certificate | undefined {
  try {
    const [leaf] = readCertificates(text)
    return findPrivateKey(text) === undefined ? undefined : leaf
  } catch {
    // Not a certificate: the server replaces it.
    return undefined
  }
}

function covers(leaf: X509Certificate, host: string): boolean {
  const found = isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host)
  return found !== undefined
}

function describe(leaf: X509Certificate, now: Date): string {
  const days = Math.floor((leaf.validToDate.getTime() - now.getTime()) / dayMs)
  return `good until ${day(leaf.validToDate)} (${days} days)`
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
