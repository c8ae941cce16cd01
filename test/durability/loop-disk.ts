// Filesystems in files, for root: an image behind a loop device. What the image holds is what the
// device was given; the page cache above it is what a power loss takes.
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, open, readFile, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runOk, runProgram } from '../support/processes.ts'

export interface Disk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string
}

export interface LoopDisk extends Disk {
  /** What the device holds at this moment, as a disk of its own. */
  readonly copy: () => Promise<Disk>
}

const mebibyte = 1024 * 1024
const prefix = 'carrel-disk-'
const memory = '/dev/shm'

// commit: the journal is written when a sync asks for it, not every 5 s. noauto_da_alloc: a rename
// does not write the file's content, as it does not on other filesystems.
const options = 'loop,commit=3000,noauto_da_alloc,noatime'

/** Undefined when disks can be made here. */
export function whyNoDisks(
  programs: readonly string[] = ['losetup', 'mkfs.ext4'],
): string | undefined {
  if (process.platform !== 'linux') return 'mounting needs Linux'
  if (process.getuid?.() !== 0) return 'mounting needs root'
  for (const program of ['mount', 'umount', ...programs]) {
    const { error } = spawnSync(program, ['--version'], { env: systemPath() })
    if (error !== undefined) return `${program} is not installed`
  }
  if (!programs.includes('losetup')) return undefined
  const { status, stderr } = spawnSync('losetup', ['--find'], {
    env: systemPath(),
    encoding: 'utf8',
  })
  return status === 0 ? undefined : `there is no loop device: ${stderr.trim()}`
}

/** A folder for images: in memory where that has room, so that a sync costs little. */
export async function diskFolder(mebibytes: number): Promise<AsyncDisposable & { path: string }> {
  await removeStale()
  const free = await statfs(memory).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  )
  const parent = free > mebibytes * mebibyte ? memory : tmpdir()
  const path = await mkdtemp(join(parent, `${prefix}${process.pid}-`))
  return {
    path,
    [Symbol.asyncDispose]: async () => rm(path, { recursive: true, force: true }),
  }
}

export async function makeLoopDisk(folder: string, mebibytes: number): Promise<LoopDisk> {
  const image = join(folder, `${uniqueName()}.img`)
  const file = await open(image, 'wx')
  await file.truncate(mebibytes * mebibyte)
  await file.close()
  // Nothing is left for a kernel thread to initialise later.
  const eager = ['-E', 'lazy_itable_init=0,lazy_journal_init=0']
  await run('mkfs.ext4', ['-q', '-F', ...eager, image])
  const disk = await mounted(image)
  return {
    ...disk,
    async copy() {
      const target = join(folder, `${uniqueName()}.img`)
      await run('cp', ['--sparse=always', image, target])
      return mounted(target)
    },
  }
}

/** A small disk in memory, without a journal or delayed allocation: full is full. */
export async function makeMemoryDisk(folder: string, mebibytes: number): Promise<Disk> {
  const path = join(folder, uniqueName())
  await mkdir(path)
  await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path])
  return { path, [Symbol.asyncDispose]: async () => unmount(path) }
}

async function mounted(image: string): Promise<Disk> {
  const path = `${image}.mounted`
  await mkdir(path)
  await run('mount', ['-t', 'ext4', '-o', options, image, path])
  return {
    path,
    async [Symbol.asyncDispose]() {
      await unmount(path)
      await rm(image)
    },
  }
}

async function unmount(path: string): Promise<void> {
  const gentle = await runProgram('umount', [path], { env: systemPath() })
  if (gentle.code !== 0) await run('umount', ['--lazy', path])
  await rm(path, { recursive: true })
}

/** What runs left that were killed: their process is no more. */
async function removeStale(): Promise<void> {
  const isStale = (path: string) => {
    const owner = new RegExp(`/${prefix}(\\d+)-`).exec(path)?.[1]
    if (owner === undefined || owner === String(process.pid)) return false
    return !isAlive(Number(owner))
  }
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n')
  for (const path of mounts
    .map((line) => line.split(' ')[1] ?? '')
    .filter(isStale)
    .reverse()) {
    await run('umount', ['--lazy', path])
  }
  for (const parent of [memory, tmpdir()]) {
    const names = await readdir(parent).catch(() => [])
    for (const path of names
      .map((name) => join(parent, name))
      .filter((name) => isStale(`${name}/`))) {
      await rm(path, { recursive: true, force: true })
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function run(command: string, args: readonly string[]): Promise<void> {
  await runOk(command, args, { env: systemPath() })
}

function systemPath(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH']}:/usr/local/sbin:/usr/sbin:/sbin` }
}

function uniqueName(): string {
  return Math.random().toString(36).slice(2, 10)
}
