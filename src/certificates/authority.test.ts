import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, get } from 'node:https'
import type { RequestOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureCertificates } from './authority.ts'
import type { LocalNames } from './local-names.ts'
import type { ServedCertificate } from './served-certificate.ts'

const dayMs = 24 * 60 * 60 * 1000
const someNames = { dnsNames: ['localhost', 'shelf.local'], addresses: ['127.0.0.1', '::1'] }
const needsOpenssl = {
  skip:
    spawnSync('openssl', ['version']).error !== undefined && process.env['CI'] !== 'true'
      ? 'openssl is not installed'
      : false,
}

test('a first start makes an authority and a leaf, readable by the owner only', async () => {
  await using folder = await aFolder()
  const certificate = await ensure(folder.path)
  assert.equal(certificate.source, 'own-authority')
  assert.deepEqual(certificate.names, someNames)
  assert.deepEqual(certificate.warnings, [])
  const modes = await modesOf(folder.path)
  assert.deepEqual(modes, {
    '.': 0o700,
    'authority.pem': 0o600,
    'ca.crt': 0o644,
    'server.pem': 0o600,
  })
  const [leaf, authority] = certificatesOf(certificate)
  assert.ok(leaf !== undefined && authority !== undefined)
  assert.ok(leaf.checkPrivateKey(createPrivateKey(certificate.keyPem)))
  assert.equal(leaf.fingerprint256, certificate.leafFingerprint)
  assert.equal(authority.fingerprint256, certificate.authorityFingerprint)
  assert.match(certificate.leafFingerprint, /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  assert.equal(await readFile(join(folder.path, 'ca.crt'), 'utf8'), certificate.authorityPem)
})

test(
  'openssl accepts the chain for its names, strictly, and for no other',
  needsOpenssl,
  async () => {
    await using folder = await aFolder()
    await ensure(folder.path)
    const verify = (...args: readonly string[]): number | null =>
      spawnSync(
        'openssl',
        [
          'verify',
          '-x509_strict',
          '-purpose',
          'sslserver',
          '-CAfile',
          'ca.crt',
          ...args,
          'server.pem',
        ],
        { cwd: folder.path },
      ).status
    assert.equal(verify('-verify_hostname', 'shelf.local'), 0)
    assert.equal(verify('-verify_ip', '::1'), 0)
    assert.notEqual(verify('-verify_hostname', 'other.example.com'), 0)
  },
)

test('a TLS client that trusts the authority accepts the names and refuses another', async () => {
  await using folder = await aFolder()
  const { keyPem, certificatePem, authorityPem } = await ensure(folder.path)
  const server = createServer({ key: keyPem, cert: certificatePem }, (_request, response) => {
    response.end('served')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const base = { port, ca: authorityPem, agent: false } as const
    const lookup = '127.0.0.1'
    assert.equal(await fetchText({ ...base, host: '127.0.0.1' }), 'served')
    assert.equal(await fetchText({ ...base, host: lookup, servername: 'localhost' }), 'served')
    await assert.rejects(fetchText({ ...base, host: lookup, servername: 'other.example.com' }), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
    await assert.rejects(fetchText({ port, agent: false, host: '127.0.0.1' }), {
      code: 'SELF_SIGNED_CERT_IN_CHAIN',
    })
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

test('the next start serves the same certificate, even when fewer names are wanted', async () => {
  await using folder = await aFolder()
  const first = await ensure(folder.path)
  assert.deepEqual(await ensure(folder.path), first)
  assert.deepEqual(await ensure(folder.path, { dnsNames: ['localhost'], addresses: [] }), first)
})

test('a new name or address brings a new leaf of the same authority', async () => {
  await using folder = await aFolder()
  const first = await ensure(folder.path)
  const named = await ensure(folder.path, { ...someNames, dnsNames: ['new.example.com'] })
  const moved = await ensure(folder.path, { ...someNames, addresses: ['192.0.2.7'] })
  assert.equal(named.authorityFingerprint, first.authorityFingerprint)
  assert.equal(moved.authorityFingerprint, first.authorityFingerprint)
  assert.equal(new Set([first, named, moved].map((each) => each.leafFingerprint)).size, 3)
  assert.deepEqual(moved.names.addresses, ['192.0.2.7'])
})

test('a leaf is renewed when fewer than 30 days remain, by the same authority', async () => {
  await using folder = await aFolder()
  const first = await ensure(folder.path)
  const early = new Date(first.notAfter.getTime() - 31 * dayMs)
  assert.equal((await ensure(folder.path, someNames, early)).leafFingerprint, first.leafFingerprint)
  const late = new Date(first.notAfter.getTime() - 29 * dayMs)
  const renewed = await ensure(folder.path, someNames, late)
  assert.notEqual(renewed.leafFingerprint, first.leafFingerprint)
  assert.equal(renewed.authorityFingerprint, first.authorityFingerprint)
})

test('a leaf of an authority in its last days is not made again at every start', async () => {
  await using folder = await aFolder()
  const end = authorityEnd(await ensure(folder.path))
  const late = new Date(end.getTime() - 10 * dayMs)
  const last = await ensure(folder.path, someNames, late)
  assert.equal(last.notAfter.getTime(), end.getTime())
  assert.match(last.warnings.join('\n'), /authority expires on \d{4}-\d\d-\d\d/)
  const again = await ensure(folder.path, someNames, late)
  assert.equal(again.leafFingerprint, last.leafFingerprint)
})

test('an expired authority is followed by a next one, and its file is kept', async () => {
  await using folder = await aFolder()
  const first = await ensure(folder.path)
  const after = new Date(authorityEnd(first).getTime() + dayMs)
  const next = await ensure(folder.path, someNames, after)
  assert.notEqual(next.authorityFingerprint, first.authorityFingerprint)
  assert.ok(next.notAfter > after)
  assert.deepEqual((await readdir(folder.path)).toSorted(), [
    'authority-2.pem',
    'authority.pem',
    'ca.crt',
    'server.pem',
  ])
  assert.equal(await readFile(join(folder.path, 'ca.crt'), 'utf8'), next.authorityPem)
  // Even if somebody tidies the old one away.
  await rm(join(folder.path, 'authority.pem'))
  assert.deepEqual(await ensure(folder.path, someNames, after), next)
})

test('a lost or damaged leaf is simply made again', async () => {
  await using folder = await aFolder()
  const { authorityFingerprint } = await ensure(folder.path)
  const path = join(folder.path, 'server.pem')
  const whole = await readFile(path, 'utf8')
  for (const text of [
    '',
    'rubbish',
    whole.slice(0, whole.length / 2),
    whole.replaceAll('M', 'N'),
  ]) {
    await writeFile(path, text)
    const again = await ensure(folder.path)
    assert.equal(again.authorityFingerprint, authorityFingerprint)
    assert.equal(await readFile(path, 'utf8'), again.keyPem + again.certificatePem)
  }
})

test('a leaf of another authority is not served', async () => {
  await using folder = await aFolder()
  await using other = await aFolder()
  await ensure(folder.path)
  await ensure(other.path)
  const foreign = await readFile(join(other.path, 'server.pem'))
  await writeFile(join(folder.path, 'server.pem'), foreign)
  const [leaf, authority] = certificatesOf(await ensure(folder.path))
  assert.ok(authority !== undefined && leaf?.verify(authority.publicKey) === true)
})

test('a damaged authority stops the start, says why and what to do, and stays as it is', async () => {
  await using folder = await aFolder()
  await using other = await aFolder()
  const path = join(folder.path, 'authority.pem')
  await ensure(folder.path)
  await ensure(other.path)
  const own = await readFile(path, 'utf8')
  const foreign = await readFile(join(other.path, 'authority.pem'), 'utf8')
  const leaf = await readFile(join(folder.path, 'server.pem'), 'utf8')
  const certificateStart = '-----BEGIN CERTIFICATE'
  const ownKey = own.slice(0, own.indexOf(certificateStart))
  const cases = [
    ['', /it holds no complete private key/],
    [own.slice(0, 60), /it holds no complete private key/],
    [ownKey, /it holds no complete certificate/],
    [ownKey + foreign.slice(foreign.indexOf(certificateStart)), /does not belong/],
    [leaf, /not one of a certificate authority/],
    [own.replace(/\n[^-\n]{20}/, '\nAAAAAAAAAAAAAAAAAAAA'), /cannot be used: /],
  ] as const
  for (const [text, reason] of cases) {
    await writeFile(path, text)
    await assert.rejects(ensure(folder.path), (error: Error) => {
      assert.match(error.message, reason)
      assert.ok(error.message.includes(path))
      assert.match(error.message, /Restore this file from a backup\./)
      return true
    })
    assert.equal(await readFile(path, 'utf8'), text)
  }
})

test('a folder that cannot be used is named together with the way out', async () => {
  await using folder = await aFolder()
  const path = join(folder.path, 'a-file')
  await writeFile(path, '')
  await assert.rejects(ensure(path), (error: Error) => {
    assert.ok(error.message.includes(path))
    assert.match(error.message, /\(EEXIST\).*CARREL_TLS_CERT/s)
    return true
  })
})

test('a folder that others may read is closed', async () => {
  await using folder = await aFolder()
  await chmod(folder.path, 0o755)
  await ensure(folder.path)
  assert.equal((await modesOf(folder.path))['.'], 0o700)
})

test('without any name nothing is made', async () => {
  await using folder = await aFolder()
  await assert.rejects(ensure(folder.path, { dnsNames: [], addresses: [] }), /No names were given/)
  assert.deepEqual(await readdir(folder.path), [])
})

test('eight first starts at once in one process agree on one authority', async () => {
  await using folder = await aFolder()
  const all = await Promise.all(Array.from({ length: 8 }, async () => await ensure(folder.path)))
  await assertAgreement(folder.path, all)
})

test('three processes that start at once agree on one authority', async () => {
  await using folder = await aFolder()
  const all = await Promise.all(
    Array.from({ length: 3 }, async () => await ensureInProcess(folder.path)),
  )
  await assertAgreement(folder.path, all)
})

/** One authority for all, every chain fits, and so does what the next start finds on disk. */
async function assertAgreement(folder: string, all: readonly ServedCertificate[]): Promise<void> {
  for (const served of [...all, await ensure(folder)]) {
    assert.equal(served.authorityFingerprint, all[0]?.authorityFingerprint)
    const [leaf, authority] = certificatesOf(served)
    assert.ok(leaf !== undefined && authority !== undefined)
    assert.ok(leaf.verify(authority.publicKey))
    assert.ok(leaf.checkPrivateKey(createPrivateKey(served.keyPem)))
  }
  assert.deepEqual((await readdir(folder)).toSorted(), ['authority.pem', 'ca.crt', 'server.pem'])
}

async function ensureInProcess(folder: string): Promise<ServedCertificate> {
  const options = JSON.stringify({ folder, names: someNames })
  const module = JSON.stringify(import.meta.resolve('./authority.ts'))
  const source =
    `const { ensureCertificates } = await import(${module});` +
    `console.log(JSON.stringify(await ensureCertificates(${options})))`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk
  return JSON.parse(text) as ServedCertificate
}

async function ensure(
  folder: string,
  names: LocalNames = someNames,
  now?: Date,
): Promise<ServedCertificate> {
  if (now === undefined) return await ensureCertificates({ folder, names })
  return await ensureCertificates({ folder, names, now: () => now })
}

function certificatesOf(served: ServedCertificate): readonly X509Certificate[] {
  const blocks = served.certificatePem.split(/(?<=-----END CERTIFICATE-----\n)/)
  return blocks.map((pem) => new X509Certificate(pem))
}

function authorityEnd(served: ServedCertificate): Date {
  return new X509Certificate(served.authorityPem ?? '').validToDate
}

async function fetchText(options: RequestOptions): Promise<string> {
  return await new Promise((resolve, reject) => {
    get(options, (response) => {
      response.setEncoding('utf8').on('data', resolve).on('error', reject)
    }).on('error', reject)
  })
}

async function modesOf(folder: string): Promise<Readonly<Record<string, number>>> {
  const modes: Record<string, number> = {}
  for (const name of ['.', ...(await readdir(folder)).toSorted()]) {
    modes[name] = (await stat(join(folder, name))).mode & 0o777
  }
  return modes
}

async function aFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'carrel-authority-'))
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) }
}
