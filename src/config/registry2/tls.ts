// http.tls beyond certificate and key: what node:tls gives for it.
import { resolve } from 'node:path'
import { nameAt, pathAt, textAt, textsAt, type Reading } from './section.ts'
import type { ClientCertificates, Registry2Tls } from './types.ts'

const versions: Readonly<Record<string, NonNullable<Registry2Tls['minVersion']>>> = {
  'tls1.0': 'TLSv1.2',
  'tls1.1': 'TLSv1.2',
  'tls1.2': 'TLSv1.2',
  'tls1.3': 'TLSv1.3',
}

/** Of TLS 1.3 Go takes no choice, and neither do we. */
const suites: Readonly<Record<string, string>> = {
  TLS_AES_128_GCM_SHA256: '',
  TLS_AES_256_GCM_SHA384: '',
  TLS_CHACHA20_POLY1305_SHA256: '',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
}

const clientAuth: Readonly<Record<string, ClientCertificates['ask']>> = {
  'request-client-cert': 'request',
  'require-any-client-cert': 'require-any',
  'verify-client-cert-if-given': 'verify-if-given',
  'require-and-verify-client-cert': 'require-and-verify',
}

export function readTls(reading: Reading): Registry2Tls {
  const minVersion = readVersion(reading)
  const ciphers = readSuites(reading)
  const clients = readClients(reading)
  refuseLetsEncrypt(reading)
  return {
    ...(minVersion !== undefined && { minVersion }),
    ...(ciphers !== undefined && { ciphers }),
    ...(clients !== undefined && { clients }),
  }
}

function readVersion(reading: Reading): Registry2Tls['minVersion'] {
  const key = 'http.tls.minimumtls'
  const level = textAt(reading, key)
  if (level === undefined) return undefined
  const version = Object.hasOwn(versions, level) ? versions[level] : undefined
  if (version === undefined) {
    reading.problem(
      `${nameAt(reading, key)}: unknown minimum TLS level '${level}' specified for http.tls.minimumtls`,
    )
  }
  if (level === 'tls1.0' || level === 'tls1.1') {
    reading.warn(`${nameAt(reading, key)}: ${level} is no longer safe; TLS 1.2 is the least here`)
  }
  return version
}

function readSuites(reading: Reading): string | undefined {
  const key = 'http.tls.ciphersuites'
  const names: string[] = []
  for (const suite of textsAt(reading, key)) {
    const name = Object.hasOwn(suites, suite) ? suites[suite] : undefined
    if (name === undefined) {
      reading.problem(
        `${nameAt(reading, key)}: unknown TLS cipher suite '${suite}' specified for http.tls.cipherSuites`,
      )
    } else if (name !== '') names.push(name)
  }
  return names.length === 0 ? undefined : names.join(':')
}

function readClients(reading: Reading): ClientCertificates | undefined {
  const files = textsAt(reading, 'http.tls.clientcas').map((file) => resolve(reading.cwd, file))
  const mode = textAt(reading, 'http.tls.clientauth')
  if (files.length === 0) {
    if (mode !== undefined) {
      reading.warn(
        `${nameAt(reading, 'http.tls.clientauth')}: ignored without http.tls.clientcas, as by registry:2`,
      )
    }
    return undefined
  }
  if (pathAt(reading, 'http.tls.certificate') === undefined) {
    reading.warn(
      `${nameAt(reading, 'http.tls.clientcas')}: ignored without http.tls.certificate, as by registry:2`,
    )
    return undefined
  }
  const ask = clientAuth[mode ?? 'require-and-verify-client-cert'] ?? 'require-and-verify'
  return { authorityFiles: files, ask }
}

function refuseLetsEncrypt(reading: Reading): void {
  const key = 'http.tls.letsencrypt.cachefile'
  if (textAt(reading, key) === undefined) return
  reading.problem(
    `${nameAt(reading, key)}: Carrel asks Let's Encrypt for no certificates. Let certbot or lego do it, name its ` +
      'files in http.tls.certificate and http.tls.key (they are read again when they change), and take ' +
      'http.tls.letsencrypt out',
  )
}
