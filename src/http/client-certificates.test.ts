// The four ways of asking clients for certificates, over real sockets. What OpenSSL itself checks needs a certificate for
// clients, which registry2.test.ts makes; here one without an authority that counts is enough.
import assert from 'node:assert/strict'
import https from 'node:https'
import { test } from 'node:test'
import type { ClientCertificates } from './client-certificates.ts'
import { jsonReply } from './reply.ts'
import { connectRaw } from './test-support/raw-client.ts'
import { aCertificate, aServer } from './test-support/server.ts'

type Way = ClientCertificates['ask']

/** With a certificate of nobody's, without one, and in the clear: the status, or 0 when nobody is heard. */
const expected: Readonly<Record<Way, readonly [number, number, number]>> = {
  request: [200, 200, 200],
  'require-any': [200, 0, 403],
  'verify-if-given': [0, 200, 200],
  'require-and-verify': [0, 0, 403],
}

test('each way of asking for certificates lets in whom it should', async (t) => {
  const stranger = await aCertificate()
  for (const [ask, statuses] of Object.entries(expected)) {
    const authority = await aCertificate()
    const { port, ca } = await aServer(t, async () => jsonReply(200, {}), {
      secure: {
        minVersion: 'TLSv1.2',
        clients: { authorities: authority.ca, ask: ask as Way },
      },
    })
    const { key, cert } = stranger
    assert.deepEqual(
      [
        await statusOf(port, { ca, key, cert }),
        await statusOf(port, { ca }),
        await plainStatus(port, '/v2/'),
      ],
      statuses,
      ask,
    )
    assert.equal(await plainStatus(port, '/livez'), 200)
  }
})

async function statusOf(port: number, tls: https.RequestOptions): Promise<number> {
  return new Promise((resolve) => {
    const options = { ...tls, host: '127.0.0.1', port, path: '/v2/', agent: false, timeout: 5000 }
    const request = https.get(options, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', () => resolve(0))
    request.on('timeout', () => request.destroy(new Error('no answer')))
  })
}

async function plainStatus(port: number, path: string): Promise<number> {
  using client = await connectRaw({ port })
  client.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  return (await client.answer()).status
}
