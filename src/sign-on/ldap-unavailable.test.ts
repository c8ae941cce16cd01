// Directories that cannot be asked, or not safely: that is an error and never an answer about somebody.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { TLSSocket } from 'node:tls'
import { issueAuthority, issueLeaf } from '../certificates/issue.ts'
import { createLdapProvider } from './ldap.ts'
import type { LdapSettings } from './providers-settings.ts'

const unavailable = (message: RegExp) => ({ name: 'SignOnUnavailableError', message })

const settings: LdapSettings = {
  kind: 'ldap',
  name: 'staff',
  title: 'Staff',
  url: 'ldap://127.0.0.1',
  security: 'starttls',
  account: { dn: 'cn=reader,dc=example,dc=com', revealPassword: () => 'reader-password' },
  userBase: 'ou=people,dc=example,dc=com',
  userFilter: '(&(objectClass=person)(uid={name}))',
  subjectAttribute: 'entryUUID',
  nameAttribute: 'uid',
}

test('a server that is not there is unavailable', async () => {
  const staff = createLdapProvider({ ...settings, url: 'ldap://127.0.0.1:1' })
  await assert.rejects(
    staff.check('a', 'b'),
    unavailable(/^Staff cannot be asked now\. .*ECONNREFUSED/),
  )
  await assert.rejects(staff.refresh('x'), unavailable(/ECONNREFUSED/))
  const tls = createLdapProvider({ ...settings, security: 'ldaps', url: 'ldaps://127.0.0.1:1' })
  await assert.rejects(tls.check('a', 'b'), unavailable(/ECONNREFUSED/))
  const noName = createLdapProvider({ ...settings, url: 'ldap://nowhere.invalid' })
  await assert.rejects(noName.check('a', 'b'), unavailable(/nowhere\.invalid/))
})

test('a server that says nothing is given up after the time', async (t) => {
  const { url } = await fakeDirectory(t, () => undefined)
  for (const security of ['starttls', 'plain'] as const) {
    const staff = createLdapProvider({ ...settings, url, security }, { timeoutMs: 100 })
    await assert.rejects(staff.check('a', 'b'), unavailable(/did not answer within 0\.1 s/))
  }
  const ldaps = { ...settings, url: url.replace('ldap:', 'ldaps:'), security: 'ldaps' } as const
  const staff = createLdapProvider(ldaps, { timeoutMs: 100 })
  await assert.rejects(staff.check('a', 'b'), unavailable(/did not answer within 0\.1 s/))
})

test('a server that stops to answer during the handshake is given up too', async (t) => {
  const { url } = await fakeDirectory(t, (socket, request) => {
    if (isStartTls(request)) socket.write(startTlsAnswer(request, 0))
  })
  const staff = createLdapProvider({ ...settings, url }, { timeoutMs: 100 })
  await assert.rejects(staff.check('a', 'b'), unavailable(/did not answer/))
})

test('a server that hangs up is unavailable, at each step', async (t) => {
  const steps: readonly ((socket: Socket, request: Buffer) => void)[] = [
    (socket) => socket.destroy(),
    (socket) => socket.end(),
    (socket) => socket.end('garbage'),
    (socket, request) => socket.end(startTlsAnswer(request, 0)),
    (socket, request) => {
      socket.write(startTlsAnswer(request, 0))
      socket.on('data', () => socket.resetAndDestroy())
    },
    (socket, request) =>
      socket.write(Buffer.concat([startTlsAnswer(request, 0), Buffer.from('x')])),
  ]
  for (const step of steps) {
    const { url } = await fakeDirectory(t, step)
    const staff = createLdapProvider({ ...settings, url }, { timeoutMs: 500 })
    await assert.rejects(staff.check('a', 'b'), unavailable(/^Staff cannot be asked now/))
  }
})

test('where StartTLS is refused, nothing is said without it', async (t) => {
  const { url, requests } = await fakeDirectory(t, (socket, request) => {
    socket.write(startTlsAnswer(request, 2))
  })
  const staff = createLdapProvider({ ...settings, url }, { timeoutMs: 500 })
  await assert.rejects(staff.check('alice', 'alice-password'), unavailable(/result 2/))
  assert.equal(requests.length, 1)
  assert.ok(isStartTls(requests[0]!))
})

test('a trusted certificate for another host is refused', async (t) => {
  const now = new Date()
  const authority = await issueAuthority('test', now)
  const ca = {
    certificate: new X509Certificate(authority.certificatePem),
    keyPem: authority.keyPem,
  }
  const cases = [
    { host: '127.0.0.1', names: { dnsNames: ['localhost'], addresses: ['127.0.0.9'] } },
    { host: 'localhost', names: { dnsNames: ['ldap.example.com'], addresses: ['127.0.0.1'] } },
  ]
  for (const { host, names } of cases) {
    const leaf = await issueLeaf(ca, names, now)
    const decrypted: Buffer[] = []
    const { url } = await fakeDirectory(t, (socket, request) => {
      if (!isStartTls(request)) return
      socket.removeAllListeners('data')
      socket.write(startTlsAnswer(request, 0))
      const pem = { key: leaf.keyPem, cert: leaf.certificatePem }
      const secure = new TLSSocket(socket, { isServer: true, ...pem })
      secure.on('data', (data: Buffer) => decrypted.push(data)).on('error', () => undefined)
    })
    const staff = createLdapProvider({
      ...settings,
      certificateAuthorities: authority.certificatePem,
      url: `ldap://${host}:${new URL(url).port}`,
    })
    const untrusted = unavailable(/not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/)
    await assert.rejects(staff.check('alice', 'alice-password'), untrusted, host)
    assert.equal(decrypted.length, 0)
  }
})

test('what cannot be a name or a password is answered without asking', async () => {
  const nowhere = createLdapProvider({ ...settings, url: 'ldap://127.0.0.1:1' })
  const long = 'x'.repeat(2000)
  for (const [name, password] of [
    ['alice', ''],
    ['', 'x'],
    ['alice', '\0'],
    ['alice', 'alice-password\0'],
    ['alice\0', 'alice-password'],
    ['alice', long],
    [long, 'alice-password'],
  ] as const) {
    assert.equal(await nowhere.check(name, password), undefined)
  }
  assert.equal(await nowhere.refresh(''), undefined)
})

interface FakeDirectory {
  readonly url: string
  readonly requests: readonly Buffer[]
}

/** A server that answers as it is told; a real one does not misbehave. */
async function fakeDirectory(
  t: TestContext,
  answer: (socket: Socket, request: Buffer) => void,
): Promise<FakeDirectory> {
  const requests: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (request) => {
      requests.push(request)
      answer(socket, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

function isStartTls(request: Buffer): boolean {
  return request.includes('1.3.6.1.4.1.1466.20037')
}

/** An ExtendedResponse (RFC 4511 section 4.12) to the request, with this result. */
function startTlsAnswer(request: Buffer, result: number): Buffer {
  const messageId = request[4] ?? 0
  return Buffer.from([0x30, 12, 0x02, 1, messageId, 0x78, 7, 0x0a, 1, result, 0x04, 0, 0x04, 0])
}
