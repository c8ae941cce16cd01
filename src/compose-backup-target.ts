// Where a backup lies, as objects: a folder for now. What only reads makes nothing there, so that a backup on a
// read-only medium can be restored.
import type { BackupKeySource } from './cli/backup.ts'
import {
  createArchive,
  openArchive,
  readHeader,
  type Archive,
  type BackupTarget,
} from './backup/archive.ts'
import { secretOf } from './backup/backup-key.ts'
import { BackupError } from './backup/backup-error.ts'
import { hasBackup, requireBackup } from './backup/target-check.ts'
import { openAdoptedFiles } from './storage/drivers/filesystem/adopted-files.ts'
import { openFilesystemDriver } from './storage/drivers/filesystem/filesystem-driver.ts'

export type OpenedArchive = { readonly archive: Archive } & AsyncDisposable

/** For what writes. A backup that is not there yet is begun. */
export async function openArchiveToWrite(
  to: string,
  keys: BackupKeySource,
  installation: string,
): Promise<OpenedArchive> {
  const isThere = await hasBackup(to)
  const driver = await openFilesystemDriver({ root: to })
  const close = async (): Promise<void> => driver[Symbol.asyncDispose]()
  try {
    if (!isThere) {
      const secret = await trimmed(keys.begin)
      return {
        archive: await createArchive(driver, { installation, secret }),
        [Symbol.asyncDispose]: close,
      }
    }
    const archive = await open(driver, to, keys)
    requireSame(archive, installation, to)
    if (keys.isWanted && !archive.isEncrypted) throw notEncrypted(to)
    return { archive, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

/** For what reads; `mayMove`: it may set damaged objects aside, where that is possible. */
export async function openArchiveToRead(
  to: string,
  keys: BackupKeySource,
  { mayMove }: { readonly mayMove: boolean },
): Promise<OpenedArchive> {
  await requireBackup(to)
  const { target, close } = mayMove ? await writableIfPossible(to) : readOnly(to)
  try {
    return { archive: await open(target, to, keys), [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

interface OpenedTarget {
  readonly target: BackupTarget
  readonly close: () => Promise<void>
}

async function writableIfPossible(to: string): Promise<OpenedTarget> {
  try {
    const driver = await openFilesystemDriver({ root: to })
    return { target: driver, close: async () => driver[Symbol.asyncDispose]() }
  } catch {
    // A read-only medium, or a folder of somebody else: it can be checked all the same.
    return readOnly(to)
  }
}

function readOnly(to: string): OpenedTarget {
  const refuse = async (): Promise<never> => {
    throw new Error(`${to} was opened to be read only.`)
  }
  const target = { ...openAdoptedFiles({ root: to }), write: refuse, move: refuse, sweep: refuse }
  return { target, close: async () => undefined }
}

async function open(target: BackupTarget, to: string, keys: BackupKeySource): Promise<Archive> {
  const header = await readHeader(target)
  if (header === undefined) throw new BackupError('not-found', `there is no backup in ${to}`)
  return openArchive(target, header, async () => trimmed(keys.open))
}

async function trimmed(
  ask: () => Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  const given = await ask()
  return given && secretOf(given)
}

function requireSame(archive: Archive, installation: string, to: string): void {
  if (archive.installation === installation) return
  throw new BackupError('exists', `the backup in ${to} is of another installation`, {
    why: 'two installations never share a backup: each would take away what the other needs',
    fix: 'give a folder of its own: carrel backup create DIR',
  })
}

function notEncrypted(to: string): BackupError {
  return new BackupError('exists', `the backup in ${to} was begun without encryption`, {
    why: 'a key was given, and half of a backup cannot be encrypted',
    fix: 'begin another one: carrel backup create DIR --key-file FILE',
  })
}

/** Whose backup it is, without any key. */
export async function installationOf(to: string): Promise<string> {
  await requireBackup(to)
  const { target } = readOnly(to)
  const header = await readHeader(target)
  if (header === undefined) throw new BackupError('not-found', `there is no backup in ${to}`)
  return header.installation
}
