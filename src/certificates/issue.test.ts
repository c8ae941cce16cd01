import assert from 'node:assert/strict'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { issueAuthority, issueLeaf } from './issue.ts'
import { canonicalAddress } from './local-names.ts'
import { certificateNames } from './served-certificate.ts'
import { loadX509 } from './x509-library.ts'

const dayMs = 24 * 60 * 60 * 1000
const now = new Date('2026-11-24T12:00:00Z')

test('loading the library leaves the global Reflect as it was', () => {
  const before = Reflect.ownKeys(Reflect)
  assert.equal(typeof loadX509().X509CertificateGenerator, 'function')
  assert.deepEqual(Reflect.ownKeys(Reflect), before)
})

test('an authority lasts ten years, is named after its host and may sign leaves only', async () => {
  const { certificate } = await anAuthority('shelf')
  assert.match(certificate.subject, /^CN=Carrel CA of shelf [0-9a-f]{6}$/)
  assert.equal(certificate.subject, certificate.issuer)
  assert.equal(certificate.ca, true)
  assert.equal((certificate.validToDate.getTime() - now.getTime()) / dayMs, 3649)
  assert.ok(certificate.verify(certificate.publicKey))
  const x509 = loadX509()
  const parsed = new x509.X509Certificate(certificate.raw)
  const constraints = parsed.getExtension(x509.BasicConstraintsExtension)
  assert.deepEqual([constraints?.critical, constraints?.pathLength], [true, 0])
  const usage = parsed.getExtension(x509.KeyUsagesExtension)
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags
  assert.deepEqual([usage?.critical, usage?.usages], [true, keyCertSign | cRLSign])
})

test('a very long host name is cut so that the common name stays within 64 characters', async () => {
  const { certificate } = await anAuthority('h'.repeat(200))
  assert.equal(certificate.subject.length, 'CN='.length + 64)
})

test('two authorities of one host differ in name, so clients cannot confuse them', async () => {
  const [a, b] = [await anAuthority('shelf'), await anAuthority('shelf')]
  assert.notEqual(a.certificate.subject, b.certificate.subject)
})

test('a leaf is a server certificate for at most 397 days, from yesterday on', async () => {
  const authority = await anAuthority('shelf')
  const names = { dnsNames: ['host.docker.internal', 'shelf'], addresses: ['::1'] }
  const leaf = await aLeaf(authority, names, now)
  assert.equal(leaf.ca, false)
  assert.equal(leaf.subject, 'CN=shelf')
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  const lifetimeMs = leaf.validToDate.getTime() - leaf.validFromDate.getTime()
  assert.ok(lifetimeMs <= 397 * dayMs && lifetimeMs > 396 * dayMs)
  assert.equal(leaf.validFromDate.getTime(), now.getTime() - dayMs)
  assert.ok(leaf.checkIssued(authority.certificate) && leaf.verify(authority.certificate.publicKey))
})

test('a leaf never outlives its authority', async () => {
  const authority = await anAuthority('shelf')
  const late = new Date(authority.certificate.validToDate.getTime() - 5 * dayMs)
  const leaf = await aLeaf(authority, { dnsNames: ['shelf'], addresses: [] }, late)
  assert.equal(leaf.validToDate.getTime(), authority.certificate.validToDate.getTime())
})

test('serial numbers are positive, 16 bytes and never the same', async () => {
  const authority = await anAuthority('shelf')
  const seen = new Set<string>()
  for (let index = 0; index < 20; index++) {
    const leaf = await aLeaf(authority, { dnsNames: ['a'], addresses: [] }, now)
    assert.match(leaf.serialNumber, /^[4-7][0-9A-F]{31}$/)
    seen.add(leaf.serialNumber)
  }
  assert.equal(seen.size, 20)
})

test('any address is covered as it was asked for', async () => {
  const authority = await anAuthority('shelf')
  const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => canonicalAddress(text) ?? '')
  const anyAddresses = fc.uniqueArray(anyAddress, { minLength: 1, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(anyAddresses, async (addresses) => {
      const leaf = await aLeaf(authority, { dnsNames: [], addresses }, now)
      assert.deepEqual(certificateNames(leaf).addresses, addresses.toSorted())
      for (const address of addresses) assert.ok(leaf.checkIP(address) !== undefined, address)
    }),
    { numRuns: 20 },
  )
})

test('a leaf with a hundred names is made in less than 50 ms', async () => {
  const authority = await anAuthority('shelf')
  const dnsNames = Array.from({ length: 50 }, (_, index) => `n${index}.example.com`)
  const addresses = Array.from({ length: 50 }, (_, index) => `10.0.0.${index}`)
  let bestMs = Infinity
  for (let index = 0; index < 5; index++) {
    const startMs = performance.now()
    await issueLeaf(authority, { dnsNames, addresses }, now)
    bestMs = Math.min(bestMs, performance.now() - startMs)
  }
  assert.ok(bestMs < 50, `${bestMs} ms`)
})

async function anAuthority(host: string) {
  const { keyPem, certificatePem } = await issueAuthority(host, now)
  return { keyPem, certificate: new X509Certificate(certificatePem) }
}

async function aLeaf(...args: Parameters<typeof issueLeaf>): Promise<X509Certificate> {
  const { keyPem, certificatePem } = await issueLeaf(...args)
  const certificate = new X509Certificate(certificatePem)
  assert.ok(certificate.checkPrivateKey(createPrivateKey(keyPem)))
  return certificate
}
