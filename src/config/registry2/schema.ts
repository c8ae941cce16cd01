// Every key of registry:2's config.yml, version 0.1, with its type: those of distribution 2.8 and 3 together. Reference:
// distribution v3.0.0 configuration/configuration.go, and v2.8.2 for reporting, compatibility and redis.
import { anything, duration, list, map, number, onOff, parameters, struct, text } from './shape.ts'
import type { Shape } from './shape.ts'

const logLevel: Shape = {
  kind: 'choice',
  choices: ['error', 'warn', 'info', 'debug'],
  what: 'loglevel',
  lower: true,
}

const clientAuth: Shape = {
  kind: 'choice',
  choices: [
    'request-client-cert',
    'require-any-client-cert',
    'verify-client-cert-if-given',
    'require-and-verify-client-cert',
  ],
  what: 'ClientAuth',
  lower: false,
}

const platforms: Shape = {
  kind: 'choice',
  choices: ['all', 'none', 'list'],
  what: 'platforms option',
  lower: true,
}

const headers = map(list(text))

const log = struct({
  accesslog: struct({ disabled: onOff }),
  level: logLevel,
  formatter: text,
  fields: parameters,
  hooks: list(
    struct({
      disabled: onOff,
      type: text,
      levels: list(text),
      options: [
        struct({
          smtp: struct({ addr: text, username: text, password: text, insecure: onOff }),
          from: text,
          to: list(text),
        }),
        'MAILOPTIONS',
      ],
    }),
  ),
  reportcaller: onOff,
})

const http = struct({
  addr: text,
  net: text,
  host: text,
  prefix: text,
  secret: text,
  relativeurls: onOff,
  draintimeout: duration,
  tls: struct({
    certificate: text,
    key: text,
    clientcas: list(text),
    clientauth: clientAuth,
    minimumtls: text,
    ciphersuites: list(text),
    letsencrypt: struct({ cachefile: text, email: text, hosts: list(text), directoryurl: text }),
  }),
  headers,
  debug: struct({ addr: text, prometheus: struct({ enabled: onOff, path: text }) }),
  http2: struct({ disabled: onOff }),
  h2c: struct({ enabled: onOff }),
})

const notifications = struct({
  events: [struct({ includereferences: onOff }), 'EVENTCONFIG'],
  endpoints: list(
    struct({
      name: text,
      disabled: onOff,
      url: text,
      headers,
      timeout: duration,
      threshold: number,
      backoff: duration,
      ignoredmediatypes: list(text),
      ignore: struct({ mediatypes: list(text), actions: list(text) }),
    }),
  ),
})

const health = struct({
  file: [list(struct({ interval: duration, file: text, threshold: number })), 'FILECHECKERS'],
  http: [
    list(
      struct({
        timeout: duration,
        statuscode: number,
        interval: duration,
        uri: text,
        headers,
        threshold: number,
      }),
    ),
    'HTTPCHECKERS',
  ],
  tcp: [
    list(struct({ timeout: duration, interval: duration, addr: text, threshold: number })),
    'TCPCHECKERS',
  ],
  storagedriver: struct({ enabled: onOff, interval: duration, threshold: number }),
})

export const schema = struct({
  version: text,
  log,
  loglevel: logLevel,
  storage: {
    kind: 'typed',
    what: 'storage type',
    besides: ['maintenance', 'cache', 'delete', 'redirect', 'tag'],
  },
  auth: { kind: 'typed', what: 'type', besides: [] },
  middleware: map(list(struct({ name: text, disabled: onOff, options: parameters }))),
  http,
  notifications,
  // What either version knows of it is of no use here.
  redis: parameters,
  health,
  catalog: struct({ maxentries: number }),
  tags: struct({ maxtags: number }),
  proxy: struct({
    remoteurl: text,
    username: text,
    password: text,
    exec: struct({ command: text, lifetime: duration }),
    ttl: duration,
    cachewritetimeout: duration,
  }),
  validation: struct({
    enabled: onOff,
    disabled: onOff,
    manifests: struct({
      urls: struct({ allow: list(text), deny: list(text) }),
      indexes: struct({ platforms, platformlist: list(struct({ architecture: text, os: text })) }),
    }),
  }),
  policy: struct({ repository: struct({ classes: list(text) }) }),
  compatibility: struct({
    schema1: struct({ signingkeyfile: [text, 'TRUSTKEY'], enabled: onOff }),
  }),
  reporting: struct({ bugsnag: anything, newrelic: anything }),
})
