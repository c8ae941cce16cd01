import assert from 'node:assert/strict'
import { X509Certificate, generateKeyPairSync, webcrypto } from 'node:crypto'
import { mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { loadCertificateFiles, watchCertificateFiles } from './certificate-files.ts'
import type { CertificateFiles } from './certificate-files.ts'
import { issueAuthority, issueLeaf } from './issue.ts'
import type { IssuedCertificate } from './issue.ts'
import type { ServedCertificate } from './served-certificate.ts'
import { loadX509 } from './x509-library.ts'

const dayMs = 24 * 60 * 60 * 1000
const names = { dnsNames: ['registry.example.com'], addresses: ['192.0.2.7'] }

test('a certificate and its key are loaded with names, end and fingerprint', async () => {
  await using folder = await aFolder()
  const { leaf, authority } = await aPair()
  const files = await writePair(folder.path, leaf)
  const loaded = await loadCertificateFiles(files)
  const certificate = new X509Certificate(leaf.certificatePem)
  assert.deepEqual(loaded, {
    keyPem: leaf.keyPem,
    certificatePem: leaf.certificatePem,
    leafFingerprint: certificate.fingerprint256,
    names,
    notAfter: certificate.validToDate,
    source: 'files',
    warnings: [],
  })
  await writeFile(files.certificateFile, authority.certificatePem + leaf.certificatePem)
  const reordered = await loadCertificateFiles(files)
  assert.equal(reordered.certificatePem, leaf.certificatePem + authority.certificatePem)
})

test('certificate and key may stand in one file, with text around them', async () => {
  await using folder = await aFolder()
  const { leaf } = await aPair()
  const path = join(folder.path, 'both.pem')
  await writeFile(path, `# ours\r\n${leaf.certificatePem}\n# and the key\n${leaf.keyPem}`)
  const loaded = await loadCertificateFiles({ certificateFile: path, keyFile: path })
  assert.equal(loaded.keyPem, leaf.keyPem)
  assert.equal(loaded.certificatePem, leaf.certificatePem)
})

test('what cannot be served is refused in a sentence that names setting and file', async () => {
  await using folder = await aFolder()
  const { leaf } = await aPair()
  const other = (await aPair()).leaf
  const encrypted = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  })
  const damaged = leaf.certificatePem.replace(/\n[^-\n]{20}/, '\nAAAAAAAAAAAAAAAAAAAA')
  const weak = await aWeakCertificate()
  const { keyPem, certificatePem } = leaf
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [certificatePem, other.keyPem, /^CARREL_TLS_KEY: .*does not belong.*CN=registry\.example\.com/],
    [certificatePem, '', /^CARREL_TLS_KEY: .*no private key/],
    [certificatePem, certificatePem, /^CARREL_TLS_KEY: .*no private key/],
    [certificatePem, String(encrypted), /^CARREL_TLS_KEY: .*is encrypted/],
    [certificatePem, keyPem.replace(/\n[^-\n]{9}/, '\nAAAAAAAAA'), /^CARREL_TLS_KEY: .*damaged/],
    ['', keyPem, /^CARREL_TLS_CERT: .*does not hold between 1 and 20/],
    [certificatePem.repeat(21), keyPem, /^CARREL_TLS_CERT: .*does not hold between 1 and 20/],
    [damaged, keyPem, /^CARREL_TLS_CERT: .*damaged/],
    [weak.certificatePem, weak.keyPem, /^CARREL_TLS_CERT: .*cannot be used for TLS/],
  ]
  for (const [certificate, key, reason] of cases) {
    const files = await writePair(folder.path, { certificatePem: certificate, keyPem: key })
    await assert.rejects(loadCertificateFiles(files), (error: Error) => {
      assert.match(error.message, reason)
      assert.ok(error.message.includes(folder.path), error.message)
      assert.ok(!error.message.includes(key.split('\n')[1] || 'no key'), 'no key in messages')
      return true
    })
  }
})

test('a file that cannot be read is refused with the reason', async () => {
  await using folder = await aFolder()
  const { leaf } = await aPair()
  const files = await writePair(folder.path, leaf)
  const absent = join(folder.path, 'absent.pem')
  const huge = join(folder.path, 'huge.pem')
  await writeFile(huge, '')
  await truncate(huge, 2 * 1024 * 1024)
  const refusals = [
    [{ ...files, certificateFile: absent }, /Error: CARREL_TLS_CERT: .*does not exist/],
    [{ ...files, keyFile: absent }, /Error: CARREL_TLS_KEY: .*does not exist/],
    [{ ...files, keyFile: folder.path }, /Error: CARREL_TLS_KEY: .*is a folder/],
    [{ ...files, keyFile: huge }, /Error: CARREL_TLS_KEY: .*2097152 bytes/],
  ] as const
  for (const [wrong, reason] of refusals) await assert.rejects(loadCertificateFiles(wrong), reason)
})

test('a certificate out of its time is loaded, with a warning', async () => {
  await using folder = await aFolder()
  const { leaf } = await aPair()
  const files = await writePair(folder.path, leaf)
  const { validFromDate, validToDate } = new X509Certificate(leaf.certificatePem)
  const warningsAt = async (now: Date): Promise<string> =>
    (await loadCertificateFiles({ ...files, now: () => now })).warnings.join('\n')
  assert.match(await warningsAt(new Date(validToDate.getTime() + dayMs)), /expired on \d{4}-/)
  assert.match(await warningsAt(new Date(validToDate.getTime() - 9 * dayMs)), /expires on \d{4}-/)
  assert.equal(await warningsAt(new Date(validToDate.getTime() - 15 * dayMs)), '')
  assert.match(await warningsAt(new Date(validFromDate.getTime() - dayMs)), /valid from \d{4}-/)
})

test('a certificate without names or without its issuer is loaded, with a warning', async () => {
  await using folder = await aFolder()
  const authority = await issueAuthority('shelf', new Date())
  const nameless = await loadCertificateFiles(await writePair(folder.path, authority))
  assert.match(nameless.warnings.join('\n'), /names no host/)
  const pair = await aPublicStyleCertificate(authority)
  const alone = await loadCertificateFiles(await writePair(folder.path, pair))
  assert.match(alone.warnings.join('\n'), /without the certificate that issued it/)
  const chain = { ...pair, certificatePem: pair.certificatePem + authority.certificatePem }
  const whole = await loadCertificateFiles(await writePair(folder.path, chain))
  assert.deepEqual(whole.warnings, [])
})

test('a replaced pair is handed over, and a mere touch is not', async () => {
  await using folder = await aFolder()
  const files = await writePair(folder.path, (await aPair()).leaf)
  const served = await loadCertificateFiles(files)
  using watched = watch({ ...files, served })
  await utimes(files.certificateFile, new Date(), new Date())
  await sleep(60)
  assert.equal(watched.changes.length, 0)
  const { leaf } = await aPair()
  await replacePair(files, leaf)
  await watched.until(() => watched.changes.length > 0)
  assert.equal(watched.changes[0]?.keyPem, leaf.keyPem)
})

test('a Kubernetes volume, where a folder behind two symbolic links is swapped', async () => {
  await using folder = await aFolder()
  const first = (await aPair()).leaf
  const second = (await aPair()).leaf
  for (const [name, pair] of [
    ['one', first],
    ['two', second],
  ] as const) {
    await mkdir(join(folder.path, name))
    await writePair(join(folder.path, name), pair)
  }
  await symlink('one', join(folder.path, '..data'))
  for (const name of ['tls.crt', 'tls.key']) {
    await symlink(`..data/${name}`, join(folder.path, name))
  }
  const files = pairFiles(folder.path)
  using watched = watch({ ...files, served: await loadCertificateFiles(files) })
  await sleep(40)
  await symlink('two', join(folder.path, '..data_tmp'))
  await rename(join(folder.path, '..data_tmp'), join(folder.path, '..data'))
  await watched.until(() => watched.changes.length > 0)
  assert.equal(watched.changes[0]?.keyPem, second.keyPem)
  assert.deepEqual(watched.errors, [])
})

test('a broken new pair is reported once and the repaired one is handed over', async () => {
  await using folder = await aFolder()
  const files = await writePair(folder.path, (await aPair()).leaf)
  using watched = watch({ ...files, served: await loadCertificateFiles(files) })
  const { leaf } = await aPair()
  await writeFile(files.keyFile, leaf.keyPem)
  await watched.until(() => watched.errors.length > 0)
  await utimes(files.keyFile, new Date(), new Date())
  await sleep(100)
  assert.equal(watched.errors.length, 1)
  assert.match(watched.errors[0]?.message ?? '', /does not belong/)
  assert.equal(watched.changes.length, 0)
  await writeFile(files.certificateFile, leaf.certificatePem)
  await watched.until(() => watched.changes.length > 0)
  assert.equal(watched.changes[0]?.certificatePem, leaf.certificatePem)
  assert.equal(watched.errors.length, 1)
})

test('files that vanish and come back unchanged are reported once and change nothing', async () => {
  await using folder = await aFolder()
  const files = await writePair(folder.path, (await aPair()).leaf)
  using watched = watch({ ...files, served: await loadCertificateFiles(files) })
  await rename(files.keyFile, `${files.keyFile}.away`)
  await watched.until(() => watched.errors.length > 0)
  await rename(`${files.keyFile}.away`, files.keyFile)
  await sleep(100)
  assert.equal(watched.errors.length, 1)
  assert.equal(watched.changes.length, 0)
})

test('a pair replaced between loading and watching is not missed', async () => {
  await using folder = await aFolder()
  const files = await writePair(folder.path, (await aPair()).leaf)
  const served = await loadCertificateFiles(files)
  const { leaf } = await aPair()
  await replacePair(files, leaf)
  using watched = watch({ ...files, served })
  await watched.until(() => watched.changes.length > 0)
  assert.equal(watched.changes[0]?.keyPem, leaf.keyPem)
})

test('nothing is handed over after the end', async () => {
  await using folder = await aFolder()
  const files = await writePair(folder.path, (await aPair()).leaf)
  const watched = watch({ ...files, served: await loadCertificateFiles(files) })
  await sleep(30)
  watched[Symbol.dispose]()
  await replacePair(files, (await aPair()).leaf)
  await sleep(80)
  assert.deepEqual([watched.changes, watched.errors], [[], []])
})

function watch(files: CertificateFiles & { readonly served?: ServedCertificate }) {
  const changes: ServedCertificate[] = []
  const errors: Error[] = []
  const watcher = watchCertificateFiles(
    { ...files, intervalMs: 10 },
    (certificate) => changes.push(certificate),
    (error) => errors.push(error),
  )
  return {
    changes,
    errors,
    async until(condition: () => boolean): Promise<void> {
      for (let waited = 0; waited < 500 && !condition(); waited++) await sleep(10)
      assert.ok(condition(), 'nothing happened within five seconds')
    },
    [Symbol.dispose]: () => watcher[Symbol.dispose](),
  }
}

async function aPair() {
  const authority = await issueAuthority('shelf', new Date())
  const leaf = await issueLeaf(
    { certificate: new X509Certificate(authority.certificatePem), keyPem: authority.keyPem },
    names,
    new Date(),
  )
  return { authority, leaf }
}

/** An RSA key of 1024 bits, which TLS libraries refuse today. */
async function aWeakCertificate(): Promise<IssuedCertificate> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 1024,
    publicExponent: new Uint8Array([1, 0, 1]),
  }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const x509 = loadX509()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=weak',
    notAfter: new Date(Date.now() + dayMs),
    signingAlgorithm: algorithm,
    keys,
  })
  return await toPair(certificate.toString('pem'), keys.privateKey)
}

/** One that says, as public authorities do, where its issuer's certificate is to be had. */
async function aPublicStyleCertificate(authority: IssuedCertificate): Promise<IssuedCertificate> {
  const x509 = loadX509()
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const der = Buffer.from(authority.keyPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=registry.example.com',
    issuer: new x509.X509Certificate(authority.certificatePem).subjectName,
    notAfter: new Date(Date.now() + 90 * dayMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']),
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'registry.example.com' }]),
      new x509.AuthorityInfoAccessExtension({ caIssuers: ['http://ca.example.com/ca.der'] }),
    ],
  })
  return await toPair(certificate.toString('pem'), keys.privateKey)
}

async function toPair(pem: string, key: webcrypto.CryptoKey): Promise<IssuedCertificate> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`
  return { certificatePem: `${pem}\n`, keyPem }
}

function pairFiles(folder: string): CertificateFiles {
  return { certificateFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') }
}

async function writePair(folder: string, pair: IssuedCertificate): Promise<CertificateFiles> {
  const files = pairFiles(folder)
  await writeFile(files.certificateFile, pair.certificatePem)
  await writeFile(files.keyFile, pair.keyPem)
  return files
}

/** As certbot and editors do it: each file is moved into its place. */
async function replacePair(files: CertificateFiles, pair: IssuedCertificate): Promise<void> {
  await writeFile(`${files.certificateFile}.new`, pair.certificatePem)
  await writeFile(`${files.keyFile}.new`, pair.keyPem)
  await rename(`${files.certificateFile}.new`, files.certificateFile)
  await rename(`${files.keyFile}.new`, files.keyFile)
}

async function aFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'carrel-tls-'))
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) }
}
