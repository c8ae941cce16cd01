// The data folder: is it there, whose is it, is there room, and does its file system keep what it promises.
import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { access, link, mkdtemp, open, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ok, problem, reasonOf, shellWord, warning, type Check } from './check.ts'

const mebibyte = 1024 * 1024
const gibibyte = 1024 * mebibyte

export interface FolderFindings {
  readonly checks: readonly Check[]
  /** False: nothing else can be looked at in it. */
  readonly usable: boolean
}

export async function checkDataFolder(folder: string): Promise<FolderFindings> {
  const name = 'data folder'
  const found = await stat(folder).catch((error: unknown) => error)
  if (found instanceof Error) return notThere(folder, found)
  const info = found as Stats
  const typed = shellWord(folder)
  if (!info.isDirectory()) {
    const message = `${folder} is a file, not a folder.`
    return { checks: [problem(name, message, `mv ${typed} ${typed}.old`)], usable: false }
  }
  const refused = await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).catch(
    reasonOf,
  )
  if (refused !== undefined) {
    const user = process.geteuid?.() ?? 'this user'
    const message = `${folder} belongs to user id ${info.uid}, and user id ${user} may not write into it (${refused}).`
    return { checks: [problem(name, message, `chown -R ${user} ${typed}`)], usable: false }
  }
  const checks: Check[] = []
  if ((info.mode & 0o007) !== 0) {
    const message = `Everybody on this machine may look into ${folder}, where password hashes and keys lie.`
    checks.push(warning(name, message, `chmod o-rwx ${typed}`))
  }
  if (await isLostWithContainer(info)) {
    const message = `${folder} is inside the container, so everything is lost when the container is removed.`
    checks.push(warning(name, message, `docker run -v carrel:${typed} …`))
  }
  if (checks.length === 0) checks.push(ok(name, `${folder}, user id ${info.uid}`))
  return { checks, usable: true }
}

function notThere(folder: string, error: NodeJS.ErrnoException): FolderFindings {
  const name = 'data folder'
  const check =
    error.code === 'ENOENT'
      ? warning(name, `There is no ${folder} yet: the first start makes it.`, 'carrel up')
      : problem(
          name,
          `${folder} cannot be looked at (${reasonOf(error)}).`,
          `ls -ld ${shellWord(folder)}`,
        )
  return { checks: [check], usable: false }
}

async function isLostWithContainer(folder: Stats): Promise<boolean> {
  const markers = ['/.dockerenv', '/run/.containerenv']
  const found = await Promise.all(markers.map(async (path) => stat(path).catch(() => undefined)))
  if (found.every((each) => each === undefined)) return false
  return (await stat('/')).dev === folder.dev
}

/** Of the nearest folder above that is there. `reserveBytes`: what pushes leave, at most a tenth of the disk. */
export async function checkSpace(
  folder: string,
  reserveBytes: number = 0,
): Promise<readonly Check[]> {
  const name = 'disk space'
  const place = await nearestThere(folder)
  const { bavail, blocks, bsize, files, ffree } = await statfs(place)
  const free = bavail * bsize
  const total = blocks * bsize
  const text = `${inGibibytes(free)} of ${inGibibytes(total)} GiB are free at ${place}.`
  const look = `du -xh ${shellWord(place)} | sort -h | tail`
  const checks: Check[] = []
  const reserve = Math.min(reserveBytes, total / 10)
  if (free < reserve) {
    const left = `${Math.round(reserve / mebibyte)} MiB`
    const message = `Pushes are refused, as they leave ${left} for deletes and collection: ${text}`
    checks.push(problem(name, message, look))
  } else if (free < 64 * mebibyte) checks.push(problem(name, `The disk is full: ${text}`, look))
  else if (free < leastFree(total)) checks.push(warning(name, `Little room is left: ${text}`, look))
  else checks.push(ok(name, text))
  // Some file systems have as many as fit, and say 0.
  if (files > 0 && ffree / files < 0.05) {
    const message = `Only ${ffree} of ${files} inodes are free at ${place}: no more files can be made soon.`
    checks.push(warning('inodes', message, `df -i ${shellWord(place)}`))
  }
  return checks
}

/** 1 GiB, or 5 % of the disk up to 50 GiB: large disks need no larger reserve. */
function leastFree(total: number): number {
  return Math.max(gibibyte, Math.min(total * 0.05, 50 * gibibyte))
}

function inGibibytes(bytes: number): string {
  return (bytes / gibibyte).toFixed(1)
}

async function nearestThere(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => undefined)
  const parent = dirname(folder)
  return there !== undefined || parent === folder ? folder : nearestThere(parent)
}

/** statfs(2) on Linux. */
const kinds: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
  [0x01021994, 'tmpfs'],
])
const networked: ReadonlySet<string> = new Set(['NFS', 'CIFS', 'SMB', '9p'])

/** Tries what every push relies on, with files that it removes again. */
export async function checkFileSystem(
  folder: string,
  { holdsDatabase }: { readonly holdsDatabase: boolean },
): Promise<readonly Check[]> {
  const name = 'file system'
  const kind = process.platform === 'linux' ? kinds.get((await statfs(folder)).type) : undefined
  let linksFail: unknown
  try {
    linksFail = await tryFiles(folder)
  } catch (error) {
    const message = `Writing, syncing or renaming in ${folder} fails (${reasonOf(error)}), so no push can be kept.`
    return [problem(name, message, `touch ${shellWord(join(folder, 'probe'))}`)]
  }
  const checks: Check[] = []
  if (kind === 'tmpfs') {
    const message = `${folder} lies in memory (tmpfs): everything is gone after a restart of the machine.`
    checks.push(warning(name, message, 'CARREL_DATA=/var/lib/carrel'))
  }
  if (kind !== undefined && networked.has(kind) && holdsDatabase) {
    const message = `${folder} lies on ${kind}, where SQLite is not safe. Use a local disk, or PostgreSQL.`
    checks.push(problem(name, message, 'CARREL_METADATA_URL=postgres://…'))
  }
  if (linksFail !== undefined) {
    const message = `${folder} has no hard links (${reasonOf(linksFail)}): two servers that start at once might make two certificates.`
    checks.push(warning(name, message, 'CARREL_TLS_CERT=… CARREL_TLS_KEY=…'))
  }
  if (checks.length === 0) checks.push(ok(name, 'sync, rename and hard links work'))
  return checks
}

/** Returns why hard links fail, which is no disaster. @throws when anything else fails */
async function tryFiles(folder: string): Promise<unknown> {
  const place = await mkdtemp(join(folder, '.doctor-'))
  try {
    const first = join(place, 'first')
    const second = join(place, 'second')
    const content = randomBytes(64)
    await using file = await open(first, 'wx+', 0o600)
    await file.write(content)
    await file.sync()
    await rename(first, second)
    await syncFolder(place)
    const { buffer } = await file.read(Buffer.alloc(content.length), 0, content.length, 0)
    if (!content.equals(buffer)) throw new Error('it gives back other bytes than were written')
    return await link(second, first).catch((error: unknown) => error)
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}
