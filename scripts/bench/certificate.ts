// One certificate for all that speak TLS in a run, so that they do the same work.
import { X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { issueAuthority, issueLeaf } from '../../src/certificates/issue.ts'

export interface Certificate {
  /** What clients trust, in PEM. */
  readonly authority: string
  readonly authorityFile: string
  readonly certificateFile: string
  readonly keyFile: string
}

export async function makeCertificate(folder: string): Promise<Certificate> {
  const now = new Date()
  const authority = await issueAuthority('bench', now)
  const signer = {
    certificate: new X509Certificate(authority.certificatePem),
    keyPem: authority.keyPem,
  }
  const names = { dnsNames: ['localhost'], addresses: ['127.0.0.1', '::1'] }
  const leaf = await issueLeaf(signer, names, now)
  const files = {
    authorityFile: join(folder, 'authority.crt'),
    certificateFile: join(folder, 'server.crt'),
    keyFile: join(folder, 'server.key'),
  }
  await writeFile(files.authorityFile, authority.certificatePem)
  await writeFile(files.certificateFile, leaf.certificatePem)
  await writeFile(files.keyFile, leaf.keyPem, { mode: 0o600 })
  return { authority: authority.certificatePem, ...files }
}
