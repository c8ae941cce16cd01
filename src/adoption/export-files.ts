// The files of an export: hard links where the file system has them, copies elsewhere. What is there already, from an
// export that was cut short, is not written again.
import {
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'

export type ExportLayout = 'registry2' | 'oci'

/** There is something in the folder that is none of ours. */
export class ForeignFolderError extends Error {
  override readonly name = 'ForeignFolderError'
}

/** Says what the folder is, so that an export that was cut short can go on. */
const stateFile = 'carrel-export.json'

export interface FileCounts {
  linked: number
  copied: number
  kept: number
  bytes: number
}

export interface ExportFiles {
  readonly counts: FileCounts
  /** Bytes that are in memory. */
  put(path: string, bytes: Uint8Array | string, modifiedAt?: number): Promise<void>
  /** For what is small and written in any case. */
  write(path: string, text: string, modifiedAt: number): Promise<void>
  /** A file of `size` bytes that lies elsewhere and never changes. */
  share(path: string, source: string, size: number): Promise<void>
  /** Says that all is there. */
  finish(): Promise<void>
}

/** @throws {ForeignFolderError} @throws the system's error */
export async function openExport(directory: string, layout: ExportLayout): Promise<ExportFiles> {
  await mkdir(directory, { recursive: true })
  const names = await readdir(directory)
  if (names.length > 0) await requireOurs(directory, layout)
  const say = async (complete: boolean) => {
    const state = JSON.stringify({ layout, complete })
    await replace(join(directory, stateFile), async (path) => writeFile(path, `${state}\n`))
  }
  await say(false)
  return createFiles(directory, async () => say(true))
}

async function requireOurs(directory: string, layout: ExportLayout): Promise<void> {
  const text = await readFile(join(directory, stateFile), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) throw new ForeignFolderError(`${directory} is not empty`)
  const { layout: found } = JSON.parse(text) as { readonly layout?: string }
  if (found === layout) return
  throw new ForeignFolderError(`${directory} holds an export of the layout ${String(found)}`)
}

function createFiles(root: string, finish: () => Promise<void>): ExportFiles {
  const counts: FileCounts = { linked: 0, copied: 0, kept: 0, bytes: 0 }
  const made = new Set<string>()

  async function pathOf(relative: string): Promise<string> {
    const path = join(root, relative)
    const folder = dirname(path)
    if (made.has(folder)) return path
    await mkdir(folder, { recursive: true })
    made.add(folder)
    return path
  }

  async function isThere(path: string, size: number): Promise<boolean> {
    const stats = await lstat(path).catch(() => undefined)
    if (stats?.isFile() !== true || stats.size !== size) return false
    counts.kept += 1
    counts.bytes += size
    return true
  }

  return {
    counts,
    async put(relative, bytes, modifiedAt) {
      const path = await pathOf(relative)
      const content = Buffer.from(bytes)
      if (await isThere(path, content.length)) return
      await replace(path, async (temporary) => {
        await writeFile(temporary, content)
        if (modifiedAt !== undefined) await setTime(temporary, modifiedAt)
      })
      counts.copied += 1
      counts.bytes += content.length
    },
    async write(relative, text, modifiedAt) {
      const path = await pathOf(relative)
      await writeFile(path, text)
      await setTime(path, modifiedAt)
    },
    async share(relative, source, size) {
      const path = await pathOf(relative)
      if (await isThere(path, size)) return
      if (await tryLink(source, path)) counts.linked += 1
      else {
        await replace(path, async (temporary) =>
          copyFile(source, temporary, constants.COPYFILE_FICLONE),
        )
        counts.copied += 1
      }
      counts.bytes += size
    },
    finish,
  }
}

async function setTime(path: string, milliseconds: number): Promise<void> {
  await utimes(path, milliseconds / 1000, milliseconds / 1000)
}

/** The name appears with the whole content, or not at all. */
async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp`
  await make(temporary)
  await rename(temporary, path)
}

/** Another file system, too many names, a file system without links, somebody else's file. */
const noLink: ReadonlySet<string> = new Set(['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP'])

async function tryLink(source: string, path: string): Promise<boolean> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await link(source, path)
      return true
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (noLink.has(code)) return false
      // Something of another size: cut short, and not by us, as we rename.
      if (code !== 'EEXIST' || attempt > 0) throw error
      await rm(path)
    }
  }
}
