// Configurations of registry:2 that must not start, and the sentences that say why.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Environment } from '../raw.ts'
import { filesystem, serve, withAuth } from './test-support/read.ts'

const refused: readonly (readonly [
  string,
  string,
  Environment,
  ...(readonly (string | RegExp)[]),
])[] = [
  ['no auth in a file', filesystem, {}, /has no auth: .*CARREL_OPEN: false .*everyone/],
  ['auth: none', `${filesystem}auth: none\n`, {}, /auth\.none in .*config\.yml asks for no login/],
  ['silly', `${filesystem}auth: {silly: {}}\n`, {}, /silly lets in whoever sends any login/],
  [
    'two auth types',
    filesystem + withAuth,
    { REGISTRY_AUTH_TOKEN_REALM: 'x' },
    /auth: must provide exactly one type\. Provided: \[htpasswd token\]/,
  ],
  [
    'two drivers',
    filesystem + withAuth,
    { REGISTRY_STORAGE_S3_BUCKET: 'b' },
    /multiple storage drivers specified in configuration or environment: filesystem, s3/,
  ],
  ['no driver', withAuth, {}, /no storage configuration provided/],
  [
    'htpasswd without a path',
    filesystem,
    { REGISTRY_AUTH: 'htpasswd' },
    /"realm" must be set for htpasswd/,
    /"path" must be set for htpasswd/,
  ],
  [
    'token without a key',
    `${filesystem}auth: {token: {realm: r, service: s, issuer: i}}\n`,
    {},
    /at least one token signing key/,
  ],
  ['a Unix socket', `${filesystem}${withAuth}http: {net: unix}\n`, {}, /no Unix socket/],
  [
    "Let's Encrypt",
    `${filesystem}${withAuth}http: {tls: {letsencrypt: {cachefile: /c}}}\n`,
    {},
    /certbot or lego/,
  ],
  [
    'an unknown cipher suite',
    `${filesystem}${withAuth}http: {tls: {ciphersuites: [X]}}\n`,
    {},
    /unknown TLS cipher suite 'X' specified for http\.tls\.cipherSuites/,
  ],
  [
    'a header with a number',
    filesystem + withAuth,
    { REGISTRY_HTTP_HEADERS_X: '5' },
    'REGISTRY_HTTP_HEADERS_X: must be a list, such as [a, b], not "5"',
  ],
  [
    'a broken pattern',
    `${filesystem}${withAuth}validation: {manifests: {urls: {allow: ['(']}}}\n`,
    {},
    /urls\.allow in .*: Invalid regular expression/,
  ],
  [
    'a header that cannot be sent',
    `${filesystem}${withAuth}http: {headers: {'X Y': [a]}}\n`,
    {},
    /http\.headers\.X Y in .*: is no header/,
  ],
  [
    'a bad duration',
    filesystem + withAuth,
    { REGISTRY_HTTP_DRAINTIMEOUT: 'soon' },
    'REGISTRY_HTTP_DRAINTIMEOUT: must be a duration, such as 168h or 1h30m, not "soon"',
  ],
  [
    'a star without quotes',
    filesystem + withAuth,
    { REGISTRY_HTTP_HEADERS_X: '[*]' },
    /quote a star: "\['\*'\]"/,
  ],
  [
    'an endpoint without url',
    `${filesystem}${withAuth}notifications: {endpoints: [{name: n}]}\n`,
    {},
    /the endpoint "n" needs a url/,
  ],
  [
    'a login and none',
    filesystem + withAuth,
    { CARREL_OPEN: 'everyone' },
    /CARREL_OPEN lets everyone in .* auth\.htpasswd\.path in .* asks for one/,
  ],
]

test('what would be dangerous to guess stops the start, and says what to do', async (t) => {
  for (const [what, text, env, ...sentences] of refused) {
    const { problems } = await serve(t, text, env)
    for (const sentence of sentences) {
      const isSaid = problems.some((problem) =>
        typeof sentence === 'string' ? problem === sentence : sentence.test(problem),
      )
      assert.ok(isSaid, `${what}: ${JSON.stringify(problems)}`)
    }
  }
})
