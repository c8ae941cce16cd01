// What lies where a backup is to be, before anything is written or made there.
import { readdir, stat } from 'node:fs/promises'
import { BackupError } from './backup-error.ts'
import { headerKey } from './layout.ts'

/** What every folder may have: of the file system itself, and of a run that was killed before it wrote anything. */
const meansNothing = new Set(['.tmp', 'lost+found'])

/** Whether the folder has a backup. @throws {BackupError} when it is there, has none, and something else */
export async function hasBackup(folder: string): Promise<boolean> {
  const names = await namesIn(folder)
  if (names.includes(headerKey)) return true
  const other = names.find((name) => !meansNothing.has(name))
  if (other === undefined) return false
  throw new BackupError('exists', `${folder} is not empty, and holds no backup`, {
    why: `there is ${other} in it, and no ${headerKey}`,
    fix: 'give a folder of its own: carrel backup create DIR',
  })
}

/** @throws {BackupError} not-found */
export async function requireBackup(folder: string): Promise<void> {
  if ((await namesIn(folder)).includes(headerKey)) return
  throw new BackupError('not-found', `there is no backup in ${folder}`, {
    why: `it has no ${headerKey}`,
    fix: `make one: carrel backup create ${folder}`,
  })
}

/** Where an installation may be restored to: nothing is there but a file of settings. @throws {BackupError} exists */
export async function requireEmpty(folder: string, allowed: readonly string[]): Promise<void> {
  const names = await namesIn(folder)
  const other = names.find((name) => !meansNothing.has(name) && !allowed.includes(name))
  if (other === undefined) return
  throw new BackupError('exists', `${folder} is not empty`, {
    why: `there is ${other} in it; a restore never mixes with what is there`,
    fix: `restore to another folder with --data DIR, or move this one aside: mv ${folder} ${folder}.old`,
  })
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    if (code !== 'ENOTDIR') throw error
    throw new BackupError('invalid', `${folder} is a file, and no folder`, { cause: error })
  }
}

/** Whether both lie on the same file system: then one broken disk takes both. */
export async function isSameDisk(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([stat(one), stat(other)])
  return first.dev === second.dev
}
