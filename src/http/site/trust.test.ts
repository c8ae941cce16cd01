import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anApp, ask } from '../test-support/app.ts'

test('anybody may fetch the authority and the script that installs it, for the name they asked under', async (t) => {
  const app = await anApp(t, { authorityPem: '-----BEGIN CERTIFICATE-----\n' })
  const authority = await ask(app, 'GET /ca.crt')
  assert.equal(authority.status, 200)
  assert.equal(authority.headers['content-type'], 'application/x-pem-file')
  assert.equal(authority.text, '-----BEGIN CERTIFICATE-----\n')
  const script = await ask(app, 'GET /ca.sh')
  assert.equal(script.headers['content-type'], 'text/x-shellscript')
  assert.match(script.text, /# registry\.test\n/)
})

test('where the operator brought a certificate of their own, there is no authority of ours', async (t) => {
  const app = await anApp(t)
  const answer = await ask(app, 'GET /ca.crt')
  assert.equal(answer.status, 404)
  assert.match(answer.message(), /ask them whom to trust/)
})
