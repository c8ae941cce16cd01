// The text of /ca.sh: a POSIX shell script that makes docker, podman and their kin, and containerd
// trust our own authority for this one HOST:PORT, and for nothing else. It arrives over plain HTTP
// and runs as root, so nothing enters it that has not passed a strict pattern.

import { X509Certificate } from 'node:crypto'
import { isIPv6 } from 'node:net'

export interface TrustScriptOptions {
  /** As clients write it in image names: `registry.lan:5443`, `192.168.1.10:5443`, `[fd00::1]:5443`. */
  readonly hostPort: string
  readonly authorityPem: string
  /** SHA-256, upper-case hexadecimal pairs joined by colons. */
  readonly fingerprint: string
}

const nameWithPortPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?(?::(\d{1,5}))?$/
const addressWithPortPattern = /^\[([0-9A-Fa-f:.]{2,45})\](?::(\d{1,5}))?$/

/** True for what may stand in a script, a path and a URL: a host or address, and perhaps a port. */
export function isHostPort(text: string): boolean {
  const address = addressWithPortPattern.exec(text)
  const match = address ?? nameWithPortPattern.exec(text)
  if (match === null || text.includes('..')) return false
  if (address !== null && !isIPv6(address[1] ?? '')) return false
  const port = address === null ? match[1] : match[2]
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)
}

/**
 * The script. With DESTDIR set it writes below that folder and needs no root.
 * @throws {Error} when `hostPort` comes from a request and is not one: answer 400 then.
 */
export function trustScript(options: TrustScriptOptions): string {
  const { hostPort, authorityPem, fingerprint } = options
  if (!isHostPort(hostPort)) {
    throw new Error(
      `${JSON.stringify(hostPort)} is not a host name or address with a port, so no trust script ` +
        'can be made for it: ask for it as clients name the registry, such as 192.0.2.7:5443.',
    )
  }
  const certificate = new X509Certificate(authorityPem)
  if (certificate.fingerprint256 !== fingerprint) {
    throw new Error(
      `The fingerprint ${JSON.stringify(fingerprint)} is not the one of the authority's ` +
        `certificate (${certificate.fingerprint256}), so no trust script is made with it.`,
    )
  }
  // Written anew from what was parsed: whatever else the text held stays out of the script.
  const pem = certificate.toString().trim()
  return scriptText({ hostPort, pem, fingerprint })
}

interface ScriptValues {
  readonly hostPort: string
  readonly pem: string
  readonly fingerprint: string
}

function scriptText({ hostPort, pem, fingerprint }: ScriptValues): string {
  return `#!/bin/sh
# Makes container tools on this machine trust the Carrel registry at ${hostPort},
# and nothing else: no system-wide trust is added. Running it again changes nothing.
#   certificate authority, SHA-256: ${fingerprint}
# Undo: remove the folders named ${hostPort} that it prints.
set -eu
umask 022

root=\${DESTDIR:-}
host='${hostPort}'
fingerprint='${fingerprint}'
ca='${pem}'
hosts_toml='# Written by ca.sh of the Carrel registry at ${hostPort}
server = "https://${hostPort}"

[host."https://${hostPort}"]
  capabilities = ["pull", "resolve", "push"]
  ca = "/etc/containerd/certs.d/${hostPort}/ca.crt"'
${scriptBody}`
}

/** All in functions, called in the last line, so that half a download does nothing. */
const scriptBody = String.raw`
say() { printf '%s\n' "$*"; }

is_same() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# write PATH TEXT: whole or not at all. What was there first is kept beside it, under a name that
# no tool reads.
write() {
  if is_same "$1" "$2"; then
    say "  already there  $1"
    return 0
  fi
  mkdir -p "$(dirname "$1")"
  if [ -e "$1" ] && [ ! -e "$1.before-carrel" ]; then
    cp -p "$1" "$1.before-carrel"
    say "  kept the old   $1.before-carrel"
  fi
  printf '%s\n' "$2" >"$1.new"
  mv -f "$1.new" "$1"
  say "  written        $1"
}

write_hosts_toml() {
  file=$root/etc/containerd/certs.d/$host/hosts.toml
  if [ -e "$file" ] && ! grep -q 'Written by ca.sh' "$file"; then
    say "  left as it is  $file (not written by this script)"
    say "                 set in its part for https://$host:"
    say "                 ca = \"/etc/containerd/certs.d/$host/ca.crt\""
    return 0
  fi
  write "$file" "$hosts_toml"
}

# Many versions of containerd look into certs.d only when their configuration says so.
check_containerd() {
  config=$root/etc/containerd/config.toml
  if [ ! -f "$config" ] || grep -q '^[^#]*certs\.d' "$config"; then return 0; fi
  say ''
  say "containerd is here, but $config does not name certs.d."
  say 'For Kubernetes, set in the registry part of its CRI plugin'
  say '  config_path = "/etc/containerd/certs.d"'
  say 'and then run: systemctl restart containerd'
}

next_steps() {
  tool=docker
  if command -v podman >/dev/null 2>&1 && ! command -v docker >/dev/null 2>&1; then tool=podman; fi
  say ''
  say 'Next (docker and podman need no restart):'
  say "  $tool login $host"
  say ''
  say 'This does not reach docker in rootless mode and Docker Desktop: there, copy ca.crt to'
  say "  ~/.config/docker/certs.d/$host/ or ~/.docker/certs.d/$host/ and restart it."
  say 'Tools that know only the system trust, such as oras, crane and helm, need before them'
  say "  SSL_CERT_FILE=/etc/docker/certs.d/$host/ca.crt"
}

main() {
  if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    say 'This script writes below /etc, so it needs root: run it again with sudo sh instead of sh.' >&2
    exit 1
  fi
  say "Trusting the Carrel registry at $host"
  say "  CA SHA-256 $fingerprint"
  say '  (compare it with the one that the registry shows at its start)'
  write "$root/etc/docker/certs.d/$host/ca.crt" "$ca"
  write "$root/etc/containers/certs.d/$host/ca.crt" "$ca"
  write "$root/etc/containerd/certs.d/$host/ca.crt" "$ca"
  write_hosts_toml
  check_containerd
  next_steps
}

main
`
