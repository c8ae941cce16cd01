// The certificate that is served, and its changes: files of the operator, or our own authority's leaf.
import { join } from 'node:path'
import { ensureCertificates } from '../certificates/authority.ts'
import { loadCertificateFiles, watchCertificateFiles } from '../certificates/certificate-files.ts'
import { localNames } from '../certificates/local-names.ts'
import type { ServedCertificate } from '../certificates/served-certificate.ts'
import type { Config } from '../config/config.ts'
import { isLoopbackHost } from '../config/listen-address.ts'
import type { Certificate } from '../http/server.ts'

export interface FollowedCertificate extends AsyncDisposable {
  current(): Certificate
  readonly authorityPem: string | undefined
  readonly authorityFingerprint: string | undefined
  onChange(listener: (certificate: Certificate) => void): void
}

const renewEveryMs = 60 * 60 * 1000

export async function followCertificate(
  config: Config,
  warn: (message: string) => void,
): Promise<FollowedCertificate> {
  let served: ServedCertificate
  let listener: (certificate: Certificate) => void = () => undefined
  const change = (next: ServedCertificate) => {
    if (next.leafFingerprint === served.leafFingerprint) return
    served = next
    listener(certificateOf(next))
  }
  let stop: () => void
  if (config.tls.mode === 'files') {
    const files = config.tls
    served = await loadCertificateFiles(files)
    const watch = watchCertificateFiles(files, change, (error) => warn(error.message))
    stop = () => watch[Symbol.dispose]()
  } else {
    const ensure = async () => ensureCertificates(ownCertificate(config))
    served = await ensure()
    const timer = setInterval(() => {
      ensure().then(change, (error: unknown) => warn(String(error)))
    }, renewEveryMs)
    stop = () => clearInterval(timer)
  }
  return {
    current: () => certificateOf(served),
    authorityPem: served.authorityPem,
    authorityFingerprint: served.authorityFingerprint,
    onChange(next) {
      listener = next
    },
    async [Symbol.asyncDispose]() {
      stop()
    },
  }
}

function ownCertificate({ dataDir, tls, listen, publicUrl }: Config) {
  const extra = tls.mode === 'own-authority' ? [...tls.extraNames] : []
  if (publicUrl !== undefined) extra.push(publicUrl.hostname)
  if (
    listen.host !== '' &&
    !isLoopbackHost(listen.host) &&
    !/^(?:0\.0\.0\.0|::)$/.test(listen.host)
  ) {
    extra.push(listen.host)
  }
  return { folder: join(dataDir, 'tls'), names: localNames({ extra }) }
}

function certificateOf({ keyPem, certificatePem }: ServedCertificate): Certificate {
  return { key: keyPem, cert: certificatePem }
}
