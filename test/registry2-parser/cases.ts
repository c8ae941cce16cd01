// Configurations and variables for the parser of registry:2's configuration: those that people write, and mixtures of
// them that a seeded generator makes. Only record.ts uses this.
export interface ParserCase {
  readonly config: string
  readonly env: Readonly<Record<string, string>>
}

const base = `version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
`

const rich = `version: 0.1
loglevel: DEBUG
log:
  accesslog: {disabled: yes}
  formatter: json
  fields: {service: registry, environment: staging, number: 7, nested: {a: b}}
storage:
  delete: {enabled: on}
  filesystem: {rootdirectory: /data, maxthreads: 100}
  maintenance:
    uploadpurging: {enabled: true, age: 168h, interval: 24h, dryrun: false}
    readonly: {enabled: false}
  redirect: {disable: true}
auth:
  htpasswd: {realm: basic-realm, path: /auth/htpasswd}
http:
  addr: localhost:5000
  host: https://registry.example.com
  draintimeout: 1m30s
  secret: 12345
  tls: {certificate: /c.pem, key: /k.pem, clientcas: [/a.pem, /b.pem], minimumtls: tls1.3}
  headers:
    Access-Control-Allow-Origin: ['*']
    Access-Control-Allow-Methods: [HEAD, GET, OPTIONS, DELETE]
  debug: {addr: ':5001', prometheus: {enabled: true, path: /metrics}}
notifications:
  events: {includereferences: true}
  endpoints:
    - name: alistener
      url: https://listener.example.com/event
      headers: {Authorization: [Bearer x]}
      timeout: 500ms
      threshold: 5
      backoff: 1s
      ignore: {mediatypes: [application/octet-stream], actions: [pull]}
    - {name: other, url: http://other/, disabled: true, timeout: 1000000000}
catalog: {maxentries: 50}
proxy: {remoteurl: https://registry-1.docker.io, username: u, password: p, ttl: 24h}
validation:
  manifests:
    urls: {allow: ['^https?://([^/]+\\.)*example\\.com/'], deny: ['^https?://www\\.example\\.com/']}
    indexes: {platforms: List, platformlist: [{architecture: amd64, os: linux}]}
policy: {repository: {classes: [image]}}
`

const anchors = `version: 0.1
common: &common {enabled: true}
storage:
  inmemory:
  delete:
    <<: *common
http: {addr: 0.0.0.0:5000, http2: {disabled: TRUE}, headers: {X: [a], X: [b]}}
health:
  file: [{file: /tmp/x, interval: 10}]
  http: [{uri: 'http://x', statuscode: 200, headers: {A: [b]}}]
  tcp: [{addr: 'x:1', timeout: 3s, threshold: 0x10}]
`

const files: readonly string[] = [
  base,
  rich,
  anchors,
  'version: 0.1\nstorage: filesystem\n',
  'version: 0.1\nstorage: {filesystem: }\nauth: none\n',
  'version: 0.1\nhttp: {addr: ":5000"}\n',
  'version: 0.1\nstorage: {s3: {bucket: b, region: us-east-1}, cache: {blobdescriptor: redis}}\n',
  'version: 0.1\nstorage: inmemory\nmiddleware: {storage: [{name: redirect, options: {baseurl: x}}]}\n',
]

/** Most of the mixtures are small, for the sake of the recording's size. */
const smallFiles = [...files.filter((file) => file !== rich), base, ...files]

const broken: readonly string[] = [
  '',
  'version: 0.2\nstorage: inmemory\n',
  'version: x\nstorage: inmemory\n',
  'storage: inmemory\n',
  'version: 0.1\nstorage: {s3: {}, filesystem: {}}\n',
  'version: 0.1\nstorage: inmemory\nauth: {htpasswd: {}, token: {}}\n',
  'version: 0.1\nstorage: inmemory\nloglevel: loud\n',
  'version: 0.1\nstorage: inmemory\nhttp: {draintimeout: 5x}\n',
  'version: 0.1\nstorage: inmemory\nhttp: {relativeurls: "true"}\n',
  'version: 0.1\nstorage: inmemory\nhttp: {headers: {X: y}}\n',
  'version: 0.1\nstorage: inmemory\nhttp: []\n',
  'version: 0.1\nstorage: [a]\n',
  'version: 0.1\nstorage: {inmemory: [a]}\n',
  'version: 0.1\nstorage: inmemory\nhttp: {tls: {clientauth: maybe}}\n',
  'version: 0.1\nstorage: inmemory\nhttp: {addr: *x}\n',
]

/** Variables with the values that are given to them, some of them wrong. */
const variables: Readonly<Record<string, readonly string[]>> = {
  REGISTRY_HTTP_ADDR: ['0.0.0.0:5001', ':5000', 'localhost:443', '5000', '[a]', ''],
  REGISTRY_HTTP_HOST: ['https://registry.example.com', '"https://x:5000/"'],
  REGISTRY_HTTP_PREFIX: ['/registry/'],
  REGISTRY_HTTP_NET: ['tcp', 'unix'],
  REGISTRY_HTTP_SECRET: ['secret', '0123', '1e3', 'true', '~'],
  REGISTRY_HTTP_RELATIVEURLS: ['true', 'false', 'yes', 'On', '"true"', '1', ''],
  REGISTRY_HTTP_DRAINTIMEOUT: [
    '60s',
    '1h30m',
    '60',
    '1.5s',
    '-5s',
    'never',
    '1000000000',
    '0',
    '.5m',
  ],
  REGISTRY_HTTP_TLS_CERTIFICATE: ['/certs/domain.crt'],
  REGISTRY_HTTP_TLS_KEY: ['/certs/domain.key'],
  REGISTRY_HTTP_TLS_CLIENTCAS: ['[/a, /b]', '["/a"]', '/a', '[]'],
  REGISTRY_HTTP_TLS_CLIENTAUTH: ['require-any-client-cert', 'Require-Any-Client-Cert', 'none'],
  REGISTRY_HTTP_TLS_MINIMUMTLS: ['tls1.2'],
  REGISTRY_HTTP_TLS_CIPHERSUITES: ['[TLS_AES_128_GCM_SHA256]'],
  REGISTRY_HTTP_TLS_LETSENCRYPT_EMAIL: ['me@example.com'],
  REGISTRY_HTTP_TLS: ['{certificate: /x, key: /y}', '~', 'on'],
  REGISTRY_HTTP_HEADERS: ['{X: [y]}', '{}', 'x'],
  'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin': ["['*']", "['http://ui:8080']", '[*]', '*'],
  'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Methods': ['[HEAD,GET,OPTIONS,DELETE]'],
  'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Credentials': ['[true]'],
  'REGISTRY_HTTP_HEADERS_X-Content-Type-Options': ['[nosniff]', '[]'],
  REGISTRY_HTTP_DEBUG_ADDR: [':5001', 'localhost:5001'],
  REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED: ['true', 'TRUE', 'maybe'],
  REGISTRY_HTTP_DEBUG_PROMETHEUS: ['{enabled: true, path: /m}'],
  REGISTRY_HTTP_HTTP2_DISABLED: ['true'],
  REGISTRY_HTTP_H2C_ENABLED: ['true'],
  REGISTRY_HTTP: ['{addr: ":1"}'],
  REGISTRY_http_ADDR: [':1'],
  REGISTRY_HTTP_addr: [':1'],
  REGISTRY_HTTP_ADDR_X: ['1'],
  REGISTRY_STORAGE: [
    'filesystem',
    's3',
    'inmemory',
    '{filesystem: {rootdirectory: /x}}',
    '',
    '[a]',
  ],
  REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: ['/var/lib/registry', '/data', '7', '~'],
  REGISTRY_STORAGE_FILESYSTEM_MAXTHREADS: ['50', '0777', '0b11', '1_000', '3.7'],
  REGISTRY_STORAGE_FILESYSTEM: ['{rootdirectory: /y}', '', 'x'],
  REGISTRY_STORAGE_S3_BUCKET: ['b'],
  REGISTRY_STORAGE_DELETE_ENABLED: ['true', 'false', '"true"', 'yes', '1'],
  REGISTRY_STORAGE_DELETE: ['{enabled: true}', 'true'],
  REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR: ['redis', 'inmemory', '""'],
  REGISTRY_STORAGE_REDIRECT_DISABLE: ['true'],
  REGISTRY_STORAGE_TAG_CONCURRENCYLIMIT: ['5'],
  REGISTRY_STORAGE_MAINTENANCE: ['{readonly: {enabled: true}}'],
  REGISTRY_STORAGE_MAINTENANCE_READONLY: ['{enabled: true}', 'true'],
  REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED: ['true'],
  REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED: ['false'],
  REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE: ['24h'],
  REGISTRY_AUTH: ['htpasswd', 'token', 'none', '{htpasswd: {realm: r, path: /p}}', ''],
  REGISTRY_AUTH_HTPASSWD_REALM: ['Registry Realm', 'on', '5'],
  REGISTRY_AUTH_HTPASSWD_PATH: ['/auth/htpasswd'],
  REGISTRY_AUTH_TOKEN_REALM: ['https://auth.example.com/token'],
  REGISTRY_AUTH_TOKEN_AUTOREDIRECT: ['true'],
  REGISTRY_AUTH_TOKEN_SIGNINGALGORITHMS: ['[ES256, RS256]'],
  REGISTRY_PROXY_REMOTEURL: ['https://registry-1.docker.io'],
  REGISTRY_PROXY_USERNAME: ['user', '123'],
  REGISTRY_PROXY_PASSWORD: ['"p#a: b"', 'p a', '!x'],
  REGISTRY_PROXY_TTL: ['168h', '0', '~'],
  REGISTRY_PROXY_EXEC_COMMAND: ['/bin/x'],
  REGISTRY_PROXY_EXEC_LIFETIME: ['1h'],
  REGISTRY_LOG_LEVEL: ['debug', 'WARN', 'trace', 'error'],
  REGISTRY_LOG_FORMATTER: ['json', 'text'],
  REGISTRY_LOG_ACCESSLOG_DISABLED: ['true'],
  REGISTRY_LOG_FIELDS_ENVIRONMENT: ['prod', '2026-01-02', '1.5'],
  REGISTRY_LOG_FIELDS_NESTED_A: ['c'],
  REGISTRY_LOG_HOOKS_0_TYPE: ['mail'],
  REGISTRY_LOG_HOOKS_0_MAILOPTIONS_FROM: ['a@b'],
  REGISTRY_LOGLEVEL: ['info', 'loud'],
  REGISTRY_NOTIFICATIONS_ENDPOINTS_0_NAME: ['first'],
  REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL: ['http://one/'],
  REGISTRY_NOTIFICATIONS_ENDPOINTS_0_TIMEOUT: ['500ms', '3', 'x'],
  REGISTRY_NOTIFICATIONS_ENDPOINTS_0_HEADERS: ['{Authorization: [Bearer x]}'],
  REGISTRY_NOTIFICATIONS_ENDPOINTS_0_HEADERS_Authorization: ['[Bearer y]'],
  REGISTRY_NOTIFICATIONS_ENDPOINTS_1_URL: ['http://two/'],
  REGISTRY_NOTIFICATIONS_ENDPOINTS_2_URL: ['http://three/'],
  REGISTRY_NOTIFICATIONS_ENDPOINTS_X_URL: ['http://x/'],
  REGISTRY_NOTIFICATIONS_ENDPOINTS: ['[{name: n, url: u}]', '[]'],
  REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES: ['true'],
  REGISTRY_HEALTH_STORAGEDRIVER_ENABLED: ['false', 'true'],
  REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL: ['30s'],
  REGISTRY_HEALTH_STORAGEDRIVER_THRESHOLD: ['5'],
  REGISTRY_HEALTH_FILECHECKERS_0_FILE: ['/tmp/x'],
  REGISTRY_HEALTH_HTTPCHECKERS_0_STATUSCODE: ['204'],
  REGISTRY_CATALOG_MAXENTRIES: ['10', '-1', '0', '9999', 'many'],
  REGISTRY_VALIDATION_DISABLED: ['true', 'false'],
  REGISTRY_VALIDATION_ENABLED: ['true'],
  REGISTRY_VALIDATION_MANIFESTS_URLS_ALLOW: ["['^https://example']"],
  REGISTRY_VALIDATION_MANIFESTS_URLS_DENY: ["['.*']"],
  REGISTRY_VALIDATION_MANIFESTS_INDEXES_PLATFORMS: ['NONE', 'all', 'some'],
  REGISTRY_VALIDATION_MANIFESTS_INDEXES_PLATFORMLIST_0_OS: ['linux'],
  REGISTRY_POLICY_REPOSITORY_CLASSES: ['[image, plugin]'],
  REGISTRY_MIDDLEWARE: ['{registry: [{name: a}]}'],
  REGISTRY_MIDDLEWARE_STORAGE: ['[{name: cloudfront}]'],
  REGISTRY_PORT: ['tcp://10.0.0.1:5000'],
  REGISTRY_SERVICE_HOST: ['10.0.0.1'],
  REGISTRY_: ['x'],
  REGISTRY__HTTP: ['x'],
  REGISTRYHTTP_ADDR: ['x'],
  CARREL_LISTEN: [':1'],
}

const seed = 20_260_701
const mixtures = 240

export function parserCases(): readonly ParserCase[] {
  const random = createRandom(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const names = Object.keys(variables)
  const cases: ParserCase[] = [...files, ...broken].map((config) => ({ config, env: {} }))
  for (const [name, values] of Object.entries(variables)) {
    for (const value of values)
      cases.push({ config: random() < 0.2 ? rich : base, env: { [name]: value } })
  }
  for (let made = 0; made < mixtures; made += 1) {
    const count = 2 + Math.floor(random() * 5)
    const env: Record<string, string> = {}
    // Neighbours often, because what stands close together meets.
    const start = Math.floor(random() * names.length)
    for (let at = 0; at < count; at += 1) {
      const name = random() < 0.6 ? names[(start + at) % names.length] : pick(names)
      if (name !== undefined) env[name] = pick(variables[name] ?? [''])
    }
    cases.push({ config: pick(smallFiles), env })
  }
  return cases
}

/** The same numbers at every recording (mulberry32). */
function createRandom(from: number): () => number {
  let state = from
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
