// Inside the container everything of Carrel runs as user 10001: the server, and commands by `docker exec` too, whose files
// the server could not read otherwise. As root only this happens: the volume is made that user's (one of registry:2
// belongs to root), and files with secrets that root alone can read are copied to where that user can.
import fs from 'node:fs'
import path from 'node:path'

const user = 10_001
const secrets = '/run/carrel'

const data =
  process.env.CARREL_DATA ||
  process.env.REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY ||
  '/var/lib/registry'

/** Variables that name files which people mount as they are on the host. */
const fileVariables = [
  'CARREL_ADMIN_PASSWORD_FILE',
  'CARREL_BACKUP_KEY_FILE',
  'CARREL_HTPASSWD',
  'CARREL_SINGLE_SIGN_ON',
  'CARREL_TLS_CERT',
  'CARREL_TLS_KEY',
  'REGISTRY_AUTH_HTPASSWD_PATH',
  'REGISTRY_HTTP_TLS_CERTIFICATE',
  'REGISTRY_HTTP_TLS_KEY',
]

/** Goes on as the command line of Carrel with these arguments. */
export async function start(args) {
  if (process.getuid() === 0) {
    ownVolume(data)
    if (process.env.CARREL_BACKUP_TO) ownVolume(process.env.CARREL_BACKUP_TO)
    for (const name of fileVariables) provideSecret(name)
    process.setgroups([user])
    process.setgid(user)
    process.setuid(user)
    process.env.HOME = '/tmp'
  }
  // Nobody can tell a local peer from a foreign one here, so there is nothing between "log in" and "everyone".
  if (/^(true|1|yes|on)$/i.test(process.env.CARREL_OPEN ?? '')) process.env.CARREL_OPEN = 'everyone'
  // As registry:2's configuration says, or its defaults; these would go before it.
  if (args[0] !== 'registry') {
    process.env.CARREL_DATA ??= data
    process.env.CARREL_LISTEN ??= process.env.REGISTRY_HTTP_ADDR ?? ':5000'
  }
  process.env.CARREL_PROGRAM = 'carrel'
  process.argv = [process.argv[0], process.argv[1], ...args]
  await import('../dist/main.js')
}

/** All of it, the folder itself last: what was interrupted is done again at the next start. */
function ownVolume(folder) {
  fs.mkdirSync(folder, { recursive: true })
  if (fs.statSync(folder).uid === user) return
  process.stderr.write(`carrel: making ${folder} the property of user ${user}\n`)
  try {
    ownBelow(folder)
    fs.chownSync(folder, user, user)
  } catch (error) {
    process.stderr.write(
      `carrel: ${folder} cannot be made the property of user ${user}: ${error.message}\n` +
        `carrel: run the container with --user and the owner of that folder\n`,
    )
  }
}

function ownBelow(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name)
    if (entry.isDirectory()) ownBelow(at)
    fs.lchownSync(at, user, user)
  }
}

/** A key of openssl has mode 0600 and belongs to whoever made it. */
function provideSecret(name) {
  const from = process.env[name]
  if (!from) return
  const found = fs.statSync(from, { throwIfNoEntry: false })
  if (!found?.isFile() || isReadable(found)) return
  fs.mkdirSync(secrets, { recursive: true, mode: 0o700 })
  fs.chownSync(secrets, user, user)
  const copy = path.join(secrets, `${name.toLowerCase()}-${path.basename(from)}`)
  fs.copyFileSync(from, copy)
  fs.chmodSync(copy, 0o400)
  fs.chownSync(copy, user, user)
  process.env[name] = copy
  process.stderr.write(
    `carrel: ${from} can be read by its owner only; a copy is used, and changes need a restart\n`,
  )
}

function isReadable({ uid, gid, mode }) {
  if (uid === user) return (mode & 0o400) !== 0
  return (mode & (gid === user ? 0o040 : 0o004)) !== 0
}
