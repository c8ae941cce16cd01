import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { ensureCertificates } from '../../certificates/authority.ts'
import { issueAuthority, issueLeaf } from '../../certificates/issue.ts'
import { checkCertificateFiles, checkOwnCertificate } from './certificate.ts'

const dayMs = 24 * 60 * 60 * 1000
const names = { dnsNames: ['localhost', 'registry.example.com'], addresses: ['127.0.0.1'] }

suite("Carrel's own certificate", () => {
  test('is made later when it is not there', async (t) => {
    const { status, message } = await checkOwnCertificate(await aFolder(t), ['localhost'])
    assert.equal(status, 'ok')
    assert.match(message, /next start/)
  })

  test('is good for the names it has, and warned of for others', async (t) => {
    const folder = await aFolder(t)
    await ensureCertificates({ folder, names })
    const good = await checkOwnCertificate(folder, [
      'localhost',
      'registry.example.com',
      '127.0.0.1',
    ])
    assert.equal(good.status, 'ok', good.message)
    assert.match(good.message, /good until \d{4}-\d\d-\d\d \(\d+ days\)/)
    const other = await checkOwnCertificate(folder, ['localhost', 'other.example.com', '192.0.2.7'])
    assert.equal(other.status, 'warning')
    assert.match(other.message, /other\.example\.com, 192\.0\.2\.7/)
  })

  test('is warned of when it ends, was made in the future or is damaged', async (t) => {
    const folder = await aFolder(t)
    await ensureCertificates({ folder, names })
    const later = new Date(Date.now() + 4000 * dayMs)
    assert.equal((await checkOwnCertificate(folder, [], later)).status, 'warning')
    const earlier = new Date(Date.now() - 4000 * dayMs)
    const early = await checkOwnCertificate(folder, [], earlier)
    assert.deepEqual([early.status, early.fix], ['warning', 'timedatectl set-ntp true'])
    await writeFile(join(folder, 'server.pem'), 'nonsense')
    assert.match((await checkOwnCertificate(folder, [])).message, /damaged/)
  })
})

suite("an operator's certificate", () => {
  test('is good for its names while it lasts, and a problem otherwise', async (t) => {
    const files = await aPair(t)
    const good = await checkCertificateFiles(files, ['registry.example.com'])
    assert.equal(good.status, 'ok', good.message)
    const other = await checkCertificateFiles(files, ['other.example.com'])
    assert.equal(other.status, 'problem')
    assert.match(other.message, /not good for other\.example\.com/)
    const expired = await checkCertificateFiles(files, [], new Date(Date.now() + 4000 * dayMs))
    assert.equal(expired.status, 'problem')
    assert.match(expired.message, /expired on/)
  })

  test('that cannot be read is a problem in the words of the server', async (t) => {
    const files = await aPair(t)
    const absent = { ...files, keyFile: join(tmpdir(), 'carrel-no-such-key.pem') }
    const { status, message, fix } = await checkCertificateFiles(absent, [])
    assert.equal(status, 'problem')
    assert.match(message, /CARREL_TLS_KEY: .*does not exist/)
    assert.match(fix ?? '', /^openssl x509/)
  })
})

async function aPair(t: TestContext) {
  const folder = await aFolder(t)
  const authority = await issueAuthority('certificate-test', new Date())
  const certificate = new X509Certificate(authority.certificatePem)
  const leaf = await issueLeaf({ certificate, keyPem: authority.keyPem }, names, new Date())
  const files = { certificateFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') }
  await writeFile(files.certificateFile, leaf.certificatePem)
  await writeFile(files.keyFile, leaf.keyPem)
  return files
}

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-doctor-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return folder
}
