// Every setting once: its key in carrel.yaml, its environment variable, its flag, and what it does.
// Reading, `config show`, `help environment` and the guesses at mistyped names all go by this table.

export interface Setting {
  /** The path in carrel.yaml. */
  readonly key: string
  readonly env: string
  /** The long flag of `up` and `serve`, where there is one. */
  readonly flag?: string
  /** What a value looks like; absent for a switch. */
  readonly value?: string
  readonly fallback: string
  readonly help: string
  /** Never shown; may also come from the file that `<env>_FILE` or `<key>File` names. */
  readonly secret?: true
}

const table = [
  {
    key: 'data',
    env: 'CARREL_DATA',
    flag: '--data',
    value: 'DIR',
    fallback: './data',
    help: 'folder that holds everything; carrel.yaml in it is read',
  },
  {
    key: 'listen',
    env: 'CARREL_LISTEN',
    flag: '--listen',
    value: 'HOST:PORT',
    fallback: '127.0.0.1:5443',
    help: 'address to listen on; ":5443" means all addresses',
  },
  {
    key: 'publicUrl',
    env: 'CARREL_PUBLIC_URL',
    flag: '--public-url',
    value: 'URL',
    fallback: 'what the client used',
    help: 'how clients reach the registry, such as https://registry.example.com',
  },
  {
    key: 'open',
    env: 'CARREL_OPEN',
    flag: '--open',
    fallback: 'false',
    help: 'no login at all: true answers this machine only, everyone whoever can reach it',
  },
  {
    key: 'plainHttp',
    env: 'CARREL_PLAIN_HTTP',
    flag: '--plain-http',
    value: 'WHERE',
    fallback: 'loopback',
    help: 'who may speak HTTP without TLS: loopback, or everywhere',
  },
  {
    key: 'trustedProxies',
    env: 'CARREL_TRUSTED_PROXIES',
    flag: '--trusted-proxies',
    value: 'CIDR,…',
    fallback: 'none',
    help: 'proxies in front, whose X-Forwarded-* headers are believed',
  },
  {
    key: 'workers',
    env: 'CARREL_WORKERS',
    flag: '--workers',
    value: 'N',
    fallback: 'auto',
    help: 'workers that serve; auto is one for each core',
  },
  {
    key: 'tls.certificate',
    env: 'CARREL_TLS_CERT',
    flag: '--tls-cert',
    value: 'FILE',
    fallback: 'own authority',
    help: 'your own certificate chain in PEM; needs the key too',
  },
  {
    key: 'tls.key',
    env: 'CARREL_TLS_KEY',
    flag: '--tls-key',
    value: 'FILE',
    fallback: 'own authority',
    help: 'the private key of that certificate in PEM',
  },
  {
    key: 'tls.names',
    env: 'CARREL_TLS_NAMES',
    flag: '--tls-names',
    value: 'NAME,…',
    fallback: 'none',
    help: 'more names and addresses for the certificate that Carrel makes itself',
  },
  {
    key: 'metadata.url',
    env: 'CARREL_METADATA_URL',
    value: 'URL',
    fallback: 'SQLite in the data folder',
    help: 'PostgreSQL instead of SQLite: postgres://user:password@host/database',
    secret: true,
  },
  {
    key: 'htpasswd',
    env: 'CARREL_HTPASSWD',
    flag: '--htpasswd',
    value: 'FILE',
    fallback: 'none',
    help: 'htpasswd file (bcrypt) whose users may sign in as well',
  },
  {
    key: 'singleSignOn',
    env: 'CARREL_SINGLE_SIGN_ON',
    value: 'FILE',
    fallback: 'none',
    help: 'YAML file with the OIDC and LDAP providers that people sign in with',
  },
  {
    key: 'auditPulls',
    env: 'CARREL_AUDIT_PULLS',
    fallback: 'false',
    help: 'pulls are told to the audit log too, not only changes and logins',
  },
  {
    key: 'outboundAllow',
    env: 'CARREL_OUTBOUND_ALLOW',
    value: 'HOST or CIDR,…',
    fallback: 'none',
    help: 'hosts in private networks that Carrel may ask (sign-in providers, issuers of CI)',
  },
  {
    key: 'outboundAuthorities',
    env: 'CARREL_OUTBOUND_AUTHORITIES',
    value: 'FILE',
    fallback: 'those of Node',
    help: 'more certificate authorities in PEM for what Carrel asks',
  },
  {
    key: 'adminPasswordFile',
    env: 'CARREL_ADMIN_PASSWORD_FILE',
    value: 'FILE',
    fallback: 'none',
    help: 'file with the password of the first administrator, "admin"',
  },
  {
    key: 'uploadExpiryHours',
    env: 'CARREL_UPLOAD_EXPIRY_HOURS',
    value: 'HOURS',
    fallback: '24',
    help: 'how long an upload without new bytes is kept',
  },
  {
    key: 'drainSeconds',
    env: 'CARREL_DRAIN_SECONDS',
    value: 'SECONDS',
    fallback: '60',
    help: 'how long requests under way may take to finish when the server stops',
  },
  {
    key: 'tokenLifetimeMinutes',
    env: 'CARREL_TOKEN_LIFETIME_MINUTES',
    value: 'MINUTES',
    fallback: '15',
    help: 'how long a token from /token is valid',
  },
  {
    key: 'keep.deleted',
    env: 'CARREL_KEEP_DELETED',
    value: 'DURATION',
    fallback: '14d',
    help: 'how long deleted tags, images and repositories can be restored',
  },
  {
    key: 'keep.untagged',
    env: 'CARREL_KEEP_UNTAGGED',
    value: 'DURATION',
    fallback: '14d',
    help: 'how long an image stays that lost its last tag or never had one; or forever',
  },
  {
    key: 'keep.unreferenced',
    env: 'CARREL_KEEP_UNREFERENCED',
    value: 'DURATION',
    fallback: '24h',
    help: 'how long a blob stays that no image needs',
  },
  {
    key: 'keep.trash',
    env: 'CARREL_KEEP_TRASH',
    value: 'DURATION',
    fallback: '24h',
    help: 'how long after its collection the bytes of a blob are really deleted',
  },
  {
    key: 'scrubEvery',
    env: 'CARREL_SCRUB_EVERY',
    value: 'DURATION',
    fallback: '28d',
    help: 'in which time every stored byte is read and compared once; or never',
  },
  {
    key: 'diskReserve',
    env: 'CARREL_DISK_RESERVE',
    value: 'SIZE',
    fallback: '256MiB',
    help: 'free space that pushes leave for deletes and collection',
  },
  {
    key: 'readOnly',
    env: 'CARREL_READ_ONLY',
    fallback: 'false',
    help: 'pushes and deletes are refused, pulls are answered; also: carrel read-only',
  },
  {
    key: 'backup.to',
    env: 'CARREL_BACKUP_TO',
    value: 'DIR',
    fallback: 'none',
    help: 'where the server makes backups by itself',
  },
  {
    key: 'backup.every',
    env: 'CARREL_BACKUP_EVERY',
    value: 'DURATION',
    fallback: '24h',
    help: 'how often it does',
  },
  {
    key: 'backup.keep',
    env: 'CARREL_BACKUP_KEEP',
    value: 'N',
    fallback: '14',
    help: 'how many of its backups are kept',
  },
  {
    key: 'backup.keyFile',
    env: 'CARREL_BACKUP_KEY_FILE',
    value: 'FILE',
    fallback: 'none',
    help: 'file with the key or passphrase that backups are encrypted with',
  },
  {
    key: 'backup.drillEvery',
    env: 'CARREL_BACKUP_DRILL_EVERY',
    value: 'DURATION',
    fallback: '7d',
    help: 'how often the newest backup is restored aside and checked; or never',
  },
  {
    key: 'metricsListen',
    env: 'CARREL_METRICS_LISTEN',
    value: 'HOST:PORT',
    fallback: 'none',
    help: 'one more address, plain HTTP without login, for /metrics and /debug/health only',
  },
  {
    key: 'log.level',
    env: 'CARREL_LOG_LEVEL',
    flag: '--log-level',
    value: 'LEVEL',
    fallback: 'info',
    help: 'debug, info, warn or error',
  },
  {
    key: 'log.format',
    env: 'CARREL_LOG_FORMAT',
    flag: '--log-format',
    value: 'FORMAT',
    fallback: 'auto',
    help: 'json, text, or auto: text in a terminal, else json',
  },
] as const satisfies readonly Setting[]

export type SettingKey = (typeof table)[number]['key']

export const settings: readonly (Setting & { readonly key: SettingKey })[] = table

/** The variable that names the configuration file itself. */
export const configFileVariable = 'CARREL_CONFIG'

/** Variables of ours that are no settings: how the program was called, and what commands sign in with elsewhere. */
export const otherVariables: readonly string[] = [
  'CARREL_PROGRAM',
  'CARREL_TOKEN',
  'CARREL_TOKEN_FILE',
]
