// What a proxy would say of a request is believed only of a proxy that was declared: nobody becomes somebody, comes from
// elsewhere, or reaches another address by a header. See CVE-2026-20896 (Gitea) and CVE-2019-9733 (Artifactory).
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { anApp, ask, type Answer } from '../test-support/app.ts'
import { makeRepository, putImage } from '../test-support/content.ts'
import { connectRaw } from '../test-support/raw-client.ts'
import { aServer } from '../test-support/server.ts'

const who = 'admin'

/** Headers by which some server somewhere was told who asks, from where, or what is asked. */
const believedElsewhere: Readonly<Record<string, string>> = {
  'x-webauth-user': who,
  'x-webauth-email': 'admin@example.com',
  'x-remote-user': who,
  'remote-user': who,
  'x-forwarded-user': who,
  'x-forwarded-email': who,
  'x-forwarded-groups': 'admins',
  'x-forwarded-preferred-username': who,
  'x-forwarded-access-token': who,
  'x-auth-request-user': who,
  'x-authenticated-user': who,
  'x-authenticated-userid': '1',
  'x-user': who,
  'x-user-id': '1',
  'x-username': who,
  'x-jfrog-override-base-url': 'https://evil.example',
  'x-artifactory-node-id': '1',
  'x-jwt-assertion': 'e30.e30.',
  'x-goog-iap-jwt-assertion': 'e30.e30.',
  'x-goog-authenticated-user-email': who,
  'cf-access-jwt-assertion': 'e30.e30.',
  'x-amzn-oidc-data': 'e30.e30.',
  'x-ms-client-principal': Buffer.from('{"userId":"admin"}').toString('base64'),
  'x-client-cert': 'CN=admin',
  'x-ssl-client-s-dn': 'CN=admin',
  'x-ssl-client-verify': 'SUCCESS',
  'ssl-client-subject-dn': 'CN=admin',
  'x-forwarded-client-cert': 'Subject="CN=admin"',
  'x-auth-token': 'admin',
  'x-api-key': 'admin',
  'private-token': 'admin',
  'job-token': 'admin',
  'x-registry-auth': Buffer.from('{"username":"admin"}').toString('base64'),
  'x-forwarded-for': '127.0.0.1',
  'x-real-ip': '127.0.0.1',
  'true-client-ip': '127.0.0.1',
  'cf-connecting-ip': '127.0.0.1',
  'client-ip': '127.0.0.1',
  forwarded: 'for=127.0.0.1;proto=https;host=evil.example',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'http',
  'x-forwarded-prefix': '/api/v1/setup',
  'x-original-url': '/livez',
  'x-rewrite-url': '/livez',
  'x-original-uri': '/livez',
  'x-http-method-override': 'GET',
  'x-http-method': 'DELETE',
  'x-method-override': 'PUT',
  'proxy-authorization': `Basic ${Buffer.from('admin:the password of admin').toString('base64')}`,
  cookie: 'carrel=admin; __Host-carrel=admin; session=admin; user=admin',
}

const lines = [
  'GET /v2/',
  'GET /v2/_catalog',
  'GET /v2/alice/app/tags/list',
  'GET /v2/alice/app/manifests/v1',
  'DELETE /v2/alice/app/manifests/v1',
  'POST /v2/alice/app/blobs/uploads/',
  'GET /token?scope=repository:alice/app:pull',
  'GET /api/v1/users',
  'GET /api/v1/account',
  'GET /account',
  'GET /api/v1/repositories/alice/app',
]

function told({ status, headers, text }: Answer) {
  // Each token is another one.
  const isToken = text.includes('"access_token"')
  return { status, headers, text: isToken ? '' : text }
}

suite('a header that a proxy would set', () => {
  test('changes nothing for strangers, for users and for administrators', async (t) => {
    const app = await anApp(t)
    await makeRepository(app, 'alice/app')
    await putImage(app, 'alice/app', 'v1')
    for (const line of lines.filter((one) => !one.startsWith('DELETE'))) {
      for (const as of [undefined, 'bob'] as const) {
        const asked = as === undefined ? {} : { as }
        const control = told(await ask(app, line, asked))
        for (const [name, value] of Object.entries(believedElsewhere)) {
          const answer = told(await ask(app, line, { ...asked, headers: { [name]: value } }))
          if (line.includes('uploads') && answer.status === 202) continue
          assert.deepEqual(answer, control, `${String(as)}: ${line} with ${name}`)
        }
      }
    }
    const all = await ask(app, 'DELETE /v2/alice/app/manifests/v1', { headers: believedElsewhere })
    assert.equal(all.status, 401)
    assert.ok(!JSON.stringify(all.headers).includes('evil.example'))
  })

  test('does not tell the server where somebody is, nor under which name it is known', async (t) => {
    const app = await anApp(t)
    const peers: string[] = []
    const { port } = await aServer(t, async (request) => {
      peers.push(`${request.peer.address} ${request.peer.secure} ${request.origin}`)
      return app.app.handle(request, 'x')
    })
    using client = await connectRaw({ port })
    const headers = Object.entries(believedElsewhere)
      .filter(([name]) => name !== 'cookie')
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
    for (const line of lines) {
      client.write(`${line} HTTP/1.1\r\nHost: localhost:${port}\r\n${headers}\r\n`)
      const answer = await client.answer({ hasBody: !line.startsWith('HEAD') })
      assert.ok(!answer.body.includes('evil.example'), line)
      assert.ok(!JSON.stringify(answer.headers).includes('evil.example'), line)
      assert.ok(answer.status === 401 || answer.status === 303 || line.includes('/token'), line)
    }
    assert.deepEqual([...new Set(peers)], [`127.0.0.1 false http://localhost:${port}`])
  })
})
