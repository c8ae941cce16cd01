import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAlias } from './user-aliases.ts'

test('names that other registries want beside a token stand for whoever the token is', () => {
  const names = ['AWS', '_json_key', '_json_key_base64', 'oauth2accesstoken', '$oauthtoken', 'oidc']
  const zeros = '00000000-0000-0000-0000-000000000000'
  for (const name of [...names, zeros, 'gitlab-ci-token', '<token>', 'token', 'carrel']) {
    assert.equal(isAlias(name), true, name)
  }
})

test('any other name is somebody', () => {
  for (const name of ['', 'alice', 'aws', 'Token', 'token ', 'constructor', '__proto__', 'AWS\0']) {
    assert.equal(isAlias(name), false, name)
  }
})
