// Requests that no well-behaved client sends: hostile paths, queries, headers and framings, as the bytes that go over
// the wire. Drawn from what was found in other registries: path traversal by every encoding, digests and upload ids
// used as paths, requests that two readers of HTTP understand differently, one body that is read as two manifests.
const hostilePieces = [
  '..',
  '.',
  '...',
  '%2e%2e',
  '%2E%2E',
  '%252e%252e',
  '..%2f..%2f..%2fetc%2fpasswd',
  '..%5c..%5cwindows',
  '..\\..\\windows',
  '%2f',
  '%2F%2F%2F..%2F..%2Fetc%2Fpasswd',
  '/etc/passwd',
  '/../../../../etc/passwd',
  '%00',
  'v1%00.json',
  '%0d%0aset-cookie:%20x=y',
  '%c0%ae%c0%ae',
  '%c0%af',
  '%e0%80%af',
  '%ef%bc%8e%ef%bc%8e',
  '%ff%fe',
  '%f0%9f%92%a9',
  'caf\xe9',
  '%',
  '%2',
  '%zz',
  '%u002e',
  ';x',
  'v1;x=y',
  'v1%3bx',
  'V1',
  'UPPER',
  '-x',
  '_x',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'sha256:../../x',
  'sha256:..%2f..%2fx',
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'0'.repeat(63)}`,
  `sha256:${'0'.repeat(65)}`,
  'sha256:',
  'md5:d41d8cd98f00b204e9800998ecf8427e',
  `sha512:${'0'.repeat(64)}`,
  'a'.repeat(10_000),
  'a/'.repeat(2_000),
  '../'.repeat(1_000),
  '%2e'.repeat(3_000),
  '~root',
  '$(id)',
  '`id`',
  '|id',
  "'or'1'='1",
  '"><script>',
  '*',
  '{a,b}',
  '[a]',
  '@',
  ':',
  '::',
  '+',
  'a b',
  'a%20b',
  '%09',
  '%7f',
  '',
  '/',
  '//',
]

const pathTemplates = [
  '/X',
  '//X',
  '/v2/X',
  '/v2X',
  '/v2/X/tags/list',
  '/v2/admin/X/tags/list',
  '/v2/admin/app/X',
  '/v2/admin/app/tags/listX',
  '/v2/admin/app/manifests/X',
  '/v2/admin/app/manifests/v1X',
  '/v2/admin/app/manifests/X/v1',
  '/v2/admin/X/manifests/v1',
  '/v2/admin/app/blobs/X',
  '/v2/admin/app/blobs/X/uploads/',
  '/v2/admin/app/blobs/uploads/X',
  '/v2/admin/app/blobs/uploads/X.0',
  '/v2/admin/app/referrers/X',
  '/v2/_catalogX',
  '/assets/X',
  '/assets/../X',
  '/tokenX',
  '/ca.crtX',
  '/api/v1/X',
]

const writeTemplates = [
  ['PUT', '/v2/admin/app/manifests/X'],
  ['PUT', '/v2/admin/X/manifests/v9'],
  ['DELETE', '/v2/admin/app/manifests/X'],
  ['DELETE', '/v2/admin/app/blobs/X'],
  ['POST', '/v2/admin/X/blobs/uploads/?digest=bad'],
  ['PATCH', '/v2/admin/app/blobs/uploads/X'],
  ['PUT', '/v2/admin/app/blobs/uploads/X?digest=sha256:x'],
  ['DELETE', '/v2/admin/app/blobs/uploads/X'],
] as const

const queries = [
  '/v2/admin/app/tags/list?n=X',
  '/v2/admin/app/tags/list?last=X',
  '/v2/_catalog?last=X',
  '/v2/_catalog?n=X',
  `/v2/admin/app/referrers/sha256:${'0'.repeat(64)}?artifactType=X`,
  '/token?scope=X',
  '/token?scope=repository:X:pull',
  '/token?account=X&service=X',
  '/v2/admin/app/manifests/v1?ns=X',
  '/livez?X',
]

const writeQueries = [
  '/v2/admin/app/blobs/uploads/?digest=X',
  '/v2/admin/app/blobs/uploads/?digest-algorithm=X',
  `/v2/admin/app/blobs/uploads/?digest=bad&mount=X&from=admin/app`,
  `/v2/admin/app/blobs/uploads/?digest=bad&mount=sha256:${'0'.repeat(64)}&from=X`,
]

export interface Target {
  readonly method: string
  readonly target: string
}

/** Every piece in every place of every route. */
export function hostileTargets(): readonly Target[] {
  const targets: Target[] = []
  for (const piece of hostilePieces) {
    for (const template of pathTemplates) {
      targets.push({ method: 'GET', target: template.replaceAll('X', () => piece) })
    }
    for (const [method, template] of writeTemplates) {
      targets.push({ method, target: template.replaceAll('X', () => piece) })
    }
    for (const query of queries) {
      targets.push({ method: 'GET', target: query.replaceAll('X', () => piece) })
    }
    for (const query of writeQueries) {
      targets.push({ method: 'POST', target: query.replaceAll('X', () => piece) })
    }
  }
  // Node and its parser say no to more than that.
  return targets.filter(({ target }) => target.length < 30_000)
}

/** Variants of one address: each may be answered like it, or more strictly, never more openly. */
export const variantsOfPrivate: readonly Target[] = [
  '/v2/admin/app/manifests/v1/',
  '/v2/admin/app/manifests/v1//',
  '/v2//admin/app/manifests/v1',
  '//v2/admin/app/manifests/v1',
  '/v2/admin/app/manifests/v1;x',
  '/v2/admin/app/manifests/v1%2f',
  '/v2/admin%2fapp/manifests/v1',
  '/v2/admin/app%2fmanifests/v1',
  '/V2/admin/app/manifests/v1',
  '/v2/Admin/app/manifests/v1',
  '/v2/./admin/app/manifests/v1',
  '/v2/x/../admin/app/manifests/v1',
  '/livez/../v2/admin/app/manifests/v1',
  '/ca.crt/../v2/admin/app/manifests/v1',
  '/assets/..%2fv2/admin/app/manifests/v1',
  '/v2/admin/app/manifests/v1?x',
  '/v2/admin/app/manifests/v1?',
  '/v2/admin/app/manifests/v1%3f',
  '/v2/admin/app/manifests/v1#x',
  '/%76%32/admin/app/manifests/v1',
  '/v2/admin/app/m%61nifests/v1',
  '/v2/admin/app/tags/list',
  '/v2/admin/app/tags/list/',
  '/v2/_catalog',
  '/v2/_catalog/',
].flatMap((target) =>
  ['GET', 'HEAD', 'OPTIONS', 'POST', 'TRACE', 'get', 'PROPFIND'].map((method) => ({
    method,
    target,
  })),
)

/** Header lines beside the usual ones, each for a GET of a tag. */
export const hostileHeaders: readonly string[] = [
  'Authorization: Basic',
  'Authorization: Basic !!!!',
  'Authorization: Basic Og==',
  'Authorization: Bearer',
  `Authorization: Bearer ${'a'.repeat(20_000)}`,
  'Authorization: Bearer a.b.c',
  'Authorization: Bearer eyJhbGciOiJub25lIn0.e30.',
  'Authorization: Negotiate x',
  'Authorization: Basic YTpi, Bearer x',
  'X-HTTP-Method-Override: DELETE',
  'X-HTTP-Method: DELETE',
  'X-Method-Override: DELETE',
  'X-Original-URL: /v2/_catalog',
  'X-Rewrite-URL: /v2/_catalog',
  'X-Forwarded-For: 127.0.0.1',
  'X-Forwarded-Host: evil.test',
  'X-Forwarded-Proto: gopher',
  'Forwarded: for=127.0.0.1;host=evil.test',
  'Range: bytes=0-0,1-1,2-2',
  `Range: bytes=${'0-1,'.repeat(2_000)}2-3`,
  'Range: bytes=99999999999999999999-',
  'Range: bytes=-99999999999999999999',
  'Range: bytes=5-1',
  'If-None-Match: *',
  `If-None-Match: ${'"x",'.repeat(5_000)}"y"`,
  'If-Modified-Since: yesterday',
  'If-Match: "x"',
  'If-Range: "x"',
  'Accept: application/vnd.docker.distribution.manifest.v1+prettyjws',
  'Accept-Encoding: identity;q=0, *;q=0',
  `Cookie: ${'a=b; '.repeat(4_000)}`,
  `X-Long: ${'x'.repeat(20_000)}`,
  Array.from({ length: 1_500 }, (_, number) => `X-${number}: y`).join('\r\n'),
  'X-Empty:',
  'X-Latin: caf\xe9',
  'Expect: 100-continue',
  'Expect: 200-maybe',
  'Upgrade: websocket\r\nConnection: Upgrade',
  'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
  'Connection: close, keep-alive',
  'Connection: host',
  'TE: trailers',
  'Keep-Alive: timeout=99999999',
  'Content-Type: application/json; charset=\xff',
  'Content-Encoding: gzip',
  'Date: never',
  '__proto__: x',
  'constructor: x',
]
