import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { suite, test } from 'node:test'
import { issueAuthority, issueLeaf } from '../certificates/issue.ts'
import { createOutbound } from './outbound.ts'
import { startLocalServer } from './test-support/local-server.ts'
import type { LocalServer } from './test-support/local-server.ts'

interface TlsServer {
  readonly server: LocalServer
  readonly authority: string
}

async function startTlsServer(dnsNames: string[], addresses: string[] = []): Promise<TlsServer> {
  const now = new Date()
  const { keyPem, certificatePem } = await issueAuthority('test', now)
  const certificate = new X509Certificate(certificatePem)
  const leaf = await issueLeaf({ certificate, keyPem }, { dnsNames, addresses }, now)
  const server = await startLocalServer((_, response) => void response.end('ok'), {
    tls: { key: leaf.keyPem, cert: leaf.certificatePem },
  })
  return { server, authority: certificatePem }
}

const resolve = (): Promise<readonly string[]> => Promise.resolve(['127.0.0.1'])

suite('TLS of the outbound client', () => {
  test('a private authority is trusted when it is given, and the name is the one in the URL', async () => {
    const { server, authority } = await startTlsServer(['idp.internal'], ['127.0.0.1'])
    await using _ = server
    const outbound = createOutbound({
      allow: ['idp.internal', 'other.internal', '127.0.0.1'],
      certificateAuthorities: authority,
      resolve,
    })
    for (const host of ['idp.internal', '127.0.0.1']) {
      const response = await outbound.fetch(`https://${host}:${server.port}/`)
      assert.equal(await response.text(), 'ok')
    }
    await assert.rejects(outbound.fetch(`https://other.internal:${server.port}/`), {
      kind: 'tls',
      message: /ERR_TLS_CERT_ALTNAME_INVALID/,
    })
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.host),
      [`idp.internal:${server.port}`, `127.0.0.1:${server.port}`],
    )
  })

  test('an unknown authority is refused, with the setting that helps', async () => {
    const { server } = await startTlsServer(['idp.internal'])
    await using _ = server
    const outbound = createOutbound({ allow: ['idp.internal'], resolve })
    await assert.rejects(outbound.fetch(`https://idp.internal:${server.port}/`), {
      kind: 'tls',
      fix: 'Add the certificate of the authority that signed it to outboundAuthorities.',
    })
    assert.equal(server.requests.length, 0)
  })

  test('authorities that cannot be read stop the start', async () => {
    const { server, authority } = await startTlsServer(['idp.internal'])
    await server[Symbol.asyncDispose]()
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
    for (const text of ['/etc/ca.pem', broken, `${authority}\n${broken}`]) {
      assert.throws(() => createOutbound({ certificateAuthorities: text }), /^Error: outboundAuth/)
    }
    createOutbound({ certificateAuthorities: `# ours\n${authority}\n${authority}\n` })
    createOutbound({ certificateAuthorities: '  \n' })
  })

  test('the environment cannot switch the check off', async () => {
    const { server } = await startTlsServer(['idp.internal'])
    await using _ = server
    const name = 'NODE_TLS_REJECT_UNAUTHORIZED'
    const before = process.env[name]
    process.env[name] = '0'
    try {
      const outbound = createOutbound({ allow: ['idp.internal'], resolve })
      await assert.rejects(outbound.fetch(`https://idp.internal:${server.port}/`), { kind: 'tls' })
    } finally {
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    }
  })

  test('https to a server that speaks http is told as TLS, and the other way round as no HTTP', async () => {
    await using plain = await startLocalServer((_, response) => void response.end('ok'))
    const outbound = createOutbound({ allow: ['127.0.0.1'] })
    await assert.rejects(outbound.fetch(`https://${plain.host}/`), { kind: 'tls' })
    const { server } = await startTlsServer(['idp.internal'])
    await using _ = server
    await assert.rejects(outbound.fetch(`http://${server.host}/`), (error: { kind: string }) =>
      ['bad-response', 'unreachable'].includes(error.kind),
    )
  })
})
