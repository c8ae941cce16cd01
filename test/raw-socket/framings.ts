// Whole requests whose framing is wrong or can be read in two ways, and bodies that are two manifests at once.
export interface Framing {
  readonly title: string
  /** As Latin-1. AUTH stands for the Authorization line, HOST for the Host line. */
  readonly bytes: string
  /** The request behind it may be answered: it is a request of its own for every reader. */
  readonly isClear?: boolean
}

const smuggled = 'GET /v2/admin/app/manifests/v1 HTTP/1.1\r\nHOST\r\nAUTH\r\n\r\n'
const put = 'PUT /v2/admin/app/manifests/v9 HTTP/1.1\r\nHOST\r\nAUTH\r\n'
const post = 'POST /v2/admin/smuggled/blobs/uploads/?digest=bad HTTP/1.1\r\nHOST\r\nAUTH\r\n'
const get = 'GET /v2/admin/app/manifests/v1 HTTP/1.1'

const lengths: readonly Framing[] = [
  'Content-Length: 5\r\nContent-Length: 6',
  'Content-Length: 5\r\nContent-Length: 5',
  'Content-Length: 5, 5',
  'Content-Length: +5',
  'Content-Length: -1',
  'Content-Length: 0x5',
  'Content-Length: 5 5',
  'Content-Length: five',
  'Content-Length:',
  'Content-Length: 99999999999999999999999',
  'Content-Length: 5;x',
  'Content-Length : 5',
  ' Content-Length: 5',
  'Content-Length\t: 5',
].map((line) => ({ title: line, bytes: `${post}${line}\r\n\r\nhello${smuggled}` }))

const transfers: readonly Framing[] = [
  'Content-Length: 5\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nContent-Length: 5',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding\r\n : chunked',
  'X: y\r\n Transfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding: chunked\x00',
].map((lines) => ({ title: lines, bytes: `${post}${lines}\r\n\r\n0\r\n\r\n${smuggled}` }))

/** What looks odd and is right (RFC 9112 section 6.1, RFC 9110 section 5.6.1). */
const clear: readonly Framing[] = [
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: ,chunked',
  'transfer-encoding: CHUNKED',
].map((lines) => ({
  title: lines,
  bytes: `${post}${lines}\r\n\r\n0\r\n\r\n${smuggled}`,
  isClear: true,
}))

const chunks: readonly Framing[] = [
  'zz\r\nhello\r\n0\r\n\r\n',
  '-5\r\nhello\r\n0\r\n\r\n',
  '0x5\r\nhello\r\n0\r\n\r\n',
  'ffffffffffffffff1\r\nhello\r\n0\r\n\r\n',
  '5\r\nhelloX\r\n0\r\n\r\n',
  '5\nhello\n0\n\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  `5;${'x'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`,
  '5\r\nhello\r\n0\r\nHost: evil.test\r\nAuthorization: Basic x\r\n\r\n',
  '5\r\nhel',
  '5\r\nhello\r\n',
  '0\r\n',
  '',
].map((body) => ({
  title: `chunk ${JSON.stringify(body.slice(0, 40))}`,
  bytes: `${post}Transfer-Encoding: chunked\r\n\r\n${body}`,
}))

const lines: readonly Framing[] = [
  'GET /\r\n\r\n',
  'GET\r\n\r\n',
  `${get} \r\nHOST\r\nAUTH\r\n\r\n`,
  `${get}\nHOST\nAUTH\n\n`,
  `${get}\r\nHOST\rAUTH\r\n\r\n`,
  `\r\n\r\n${get}\r\nHOST\r\nAUTH\r\n\r\n`,
  ` ${get}\r\nHOST\r\nAUTH\r\n\r\n`,
  `GET  /v2/ HTTP/1.1\r\nHOST\r\n\r\n`,
  `GET /v2/ HTTP/1.1\r\nHOST\r\nHOST\r\n\r\n`,
  `GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`,
  'GET /v2/ HTTP/1.1\r\n\r\n',
  'GET /v2/ HTTP/1.1\r\nHost: evil.test"x\r\n\r\n',
  'GET /ca.sh HTTP/1.1\r\nHost: x:99999\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: 999.999.999.999\r\n\r\n',
  'GET /v2/ HTTP/1.1\r\nHost: $(id)\r\n\r\n',
  'GET /v2/ HTTP/1.0\r\n\r\n',
  'GET /v2/ HTTP/2.0\r\nHOST\r\n\r\n',
  'GET /v2/ HTTP/9.9\r\nHOST\r\n\r\n',
  'GET /v2/ HTTP/1.1x\r\nHOST\r\n\r\n',
  'GET /v2/ http/1.1\r\nHOST\r\n\r\n',
  'GET /v2/ ICY/1.1\r\nHOST\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'CONNECT evil.test:443 HTTP/1.1\r\nHOST\r\n\r\n',
  'CONNECT /v2/ HTTP/1.1\r\nHOST\r\n\r\n',
  'TRACE /v2/ HTTP/1.1\r\nHOST\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHOST\r\n\r\n',
  'GET * HTTP/1.1\r\nHOST\r\n\r\n',
  'GET http://evil.test/v2/_catalog HTTP/1.1\r\nHOST\r\nAUTH\r\n\r\n',
  'GET https://evil.test/ HTTP/1.1\r\nHOST\r\n\r\n',
  'GET file:///etc/passwd HTTP/1.1\r\nHOST\r\n\r\n',
  'GET ../../etc/passwd HTTP/1.1\r\nHOST\r\n\r\n',
  'GET \\..\\etc HTTP/1.1\r\nHOST\r\n\r\n',
  'GET /\x00 HTTP/1.1\r\nHOST\r\n\r\n',
  'GET /\x7f HTTP/1.1\r\nHOST\r\n\r\n',
  'GET /\xff\xfe HTTP/1.1\r\nHOST\r\n\r\n',
  'G\x00T / HTTP/1.1\r\nHOST\r\n\r\n',
  'FOO / HTTP/1.1\r\nHOST\r\n\r\n',
  `${'G'.repeat(5_000)} / HTTP/1.1\r\nHOST\r\n\r\n`,
  `GET /${'a'.repeat(40_000)} HTTP/1.1\r\nHOST\r\n\r\n`,
  `${get}\r\nHOST\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
  `${get}\r\nHOST\r\n${Array.from({ length: 3_000 }, (_, number) => `X-${number}: y\r\n`).join('')}\r\n`,
  `${get}\r\nHOST\r\nX: a\x00b\r\n\r\n`,
  `${get}\r\nHOST\r\nX\r\n\r\n`,
  `${get}\r\nHOST\r\n: x\r\n\r\n`,
  `${get}\r\nHOST\r\nX Y: z\r\n\r\n`,
  `${get}\r\nHOST\r\nX: y\r\n folded\r\n\r\n`,
  '\x16\x03\x01\x00\x05hello',
  '\x16',
  '\x00\x00\x00\x00',
  'SSH-2.0-OpenSSH_9.0\r\n',
  '*1\r\n$4\r\nINFO\r\n',
  `${put}Content-Length: 100\r\n\r\nshort`,
  `${put}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n{"a":`,
].map((bytes) => ({ title: JSON.stringify(bytes.slice(0, 60)), bytes }))

const image = '"config":{"mediaType":"a/b","digest":"sha256:0","size":1},"layers":[]'
const bodies: readonly Framing[] = [
  `{"schemaVersion":2,${image},"manifests":[]}`,
  '{"schemaVersion":2,"schemaVersion":2}',
  '\xef\xbb\xbf{"schemaVersion":2}',
  '{"schemaVersion":2} {}',
  '{"__proto__":{"schemaVersion":2}}',
  `${'['.repeat(100_000)}`,
  `${'{"a":'.repeat(50_000)}`,
  `{"schemaVersion":2,"Layers":[],${image}}`,
  '"\xff\xfe"',
  'null',
  '[]',
  '1e999',
  `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",${image}}`,
  `{"annotations":{"x":"\\u0000"},"schemaVersion":2,"manifests":[]}`,
  `{"annotations":{"x":"\\ud800"},"schemaVersion":2,"manifests":[]}`,
].flatMap((body) =>
  ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.index.v1+json'].map(
    (type) => ({
      title: `manifest ${JSON.stringify(body.slice(0, 50))}`,
      bytes: `${put}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    }),
  ),
)

export const framings: readonly Framing[] = [
  ...lengths,
  ...transfers,
  ...clear,
  ...chunks,
  ...lines,
  ...bodies,
]
