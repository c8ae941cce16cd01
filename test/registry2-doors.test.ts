// Who gets in where registry:2's configuration says nothing, or asks for certificates.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import type https from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { issueAuthority, issueLeaf } from '../src/certificates/issue.ts'
import { runProgram } from './support/processes.ts'
import { ask, cleanEnv, clientCertificate, node } from './support/registry2-serve.ts'
import { program, push, serve } from './support/registry2-serve.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

test('a config.yml without auth does not start until somebody has said what is wanted', async () => {
  await using folder = await temporaryFolder('registry2')
  const file = join(folder.path, 'config.yml')
  const data = join(folder.path, 'data')
  await writeFile(file, `version: 0.1\nstorage: {filesystem: {rootdirectory: ${data}}}\n`)
  const refused = await runProgram(node, [program, 'registry', 'serve', file], {
    env: cleanEnv({}),
  })
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /has no auth: registry:2 let in everybody.*CARREL_OPEN/)
  await assert.rejects(stat(data), { code: 'ENOENT' })

  await using registry = await serve(folder, { env: { CARREL_OPEN: 'everyone' }, args: [file] })
  assert.equal((await ask(`${registry.url}/v2/`)).status, 200)
  assert.equal((await push(registry, { name: 'app', tag: 'v1', authorization: '' })).status, 201)
})

test('http.tls with clientcas: whoever has no certificate of that authority is not heard', async () => {
  await using folder = await temporaryFolder('registry2')
  const at = (name: string) => join(folder.path, name)
  const now = new Date()
  const issued = await issueAuthority('registry2-test', now)
  const authority = {
    certificate: new X509Certificate(issued.certificatePem),
    keyPem: issued.keyPem,
  }
  const leaf = await issueLeaf(
    authority,
    { dnsNames: ['localhost'], addresses: ['127.0.0.1'] },
    now,
  )
  for (const [name, text] of [
    ['ca.crt', issued.certificatePem],
    ['server.crt', leaf.certificatePem],
    ['server.key', leaf.keyPem],
  ] as const) {
    await writeFile(at(name), text)
  }
  const ca = await readFile(at('ca.crt'), 'utf8')
  const good = { ca, ...(await clientCertificate(folder, issued)) }
  const bad = { ca, ...(await clientCertificate(folder, await issueAuthority('other', now))) }
  const env = {
    CARREL_DATA: at('data'),
    CARREL_OPEN: 'everyone',
    REGISTRY_HTTP_TLS_CERTIFICATE: at('server.crt'),
    REGISTRY_HTTP_TLS_KEY: at('server.key'),
    REGISTRY_HTTP_TLS_CLIENTCAS: `[${at('ca.crt')}]`,
    REGISTRY_HTTP_TLS_MINIMUMTLS: 'tls1.3',
    REGISTRY_CONFIGURATION_PATH: '/etc/distribution/config.yml',
    REGISTRY_HTTP_DEBUG_ADDR: '',
  }
  const tries = async () => {
    await using registry = await serve(folder, { env, secure: {} })
    const statusOf = async (tls: https.RequestOptions) =>
      ask(`${registry.url}/v2/`, { tls }).then(
        ({ status }) => status,
        () => 0,
      )
    const plain = await ask(`${registry.url.replace('https:', 'http:')}/v2/`)
    const old = await statusOf({ ...good, maxVersion: 'TLSv1.2' })
    return [await statusOf(good), await statusOf(bad), await statusOf({ ca }), plain.status, old]
  }
  assert.deepEqual(await tries(), [200, 0, 0, 403, 0])
})
