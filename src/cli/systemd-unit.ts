// The systemd unit of `carrel service install`: a user of its own that systemd makes, one writable folder, and nothing of
// the machine that a registry has no business with. systemd.exec(5).

export interface UnitFacts {
  /** Absolute: the Node that runs this, and its program. */
  readonly node: string
  readonly program: string
  readonly listen: string
  readonly drainSeconds: number
}

/** Where the data lies: systemd makes it below /var/lib for the unit's user. */
export const stateFolder = '/var/lib/carrel'
export const unitFile = '/etc/systemd/system/carrel.service'
/** CARREL_* settings of this machine, if it is there. */
export const environmentFile = '/etc/carrel.env'

export function systemdUnit({ node, program, listen, drainSeconds }: UnitFacts): string {
  const command = [
    node,
    '--disable-warning=ExperimentalWarning',
    '--max-semi-space-size=2',
    program,
  ]
  return `# Written by "carrel service install". Settings belong into ${environmentFile}, one CARREL_NAME=value a line
# (carrel help environment).
[Unit]
Description=Carrel, a private image library
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
ExecStart=${[...command, 'serve'].map(quoted).join(' ')}
Environment=CARREL_DATA=${stateFolder}
Environment=CARREL_LISTEN=${listen}
Environment=MALLOC_ARENA_MAX=2
Environment=UV_THREADPOOL_SIZE=16
EnvironmentFile=-${environmentFile}
DynamicUser=yes
StateDirectory=carrel
StateDirectoryMode=0700
WorkingDirectory=${stateFolder}
# Requests under way may finish.
TimeoutStopSec=${drainSeconds + 15}
Restart=on-failure
RestartSec=2
LimitNOFILE=65536
UMask=0077

CapabilityBoundingSet=CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`
}

/** As systemd reads a word of a command line: % is its own sign, and spaces part words. */
function quoted(word: string): string {
  const plain = word.replaceAll('%', '%%')
  return /^[\w./=%:@+-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, '\\$&')}"`
}
