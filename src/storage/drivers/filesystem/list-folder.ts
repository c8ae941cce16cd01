// The files below a folder in the order of their keys. One folder's names are in memory at a time,
// and their sizes are asked for in groups: a folder of uploads may hold many thousands.

import type { Dirent, Stats } from 'node:fs'
import { join } from 'node:path'
import { isKey } from '../../driver.ts'
import { type FileOperations, failedWith } from './file-operations.ts'

export interface ListedFile {
  /** Relative to the root, with slashes. */
  readonly path: string
  readonly stats: Stats
}

const groupSize = 32

/** Names that no key has are not listed. A folder that is absent is empty. */
export async function* listFolder(
  files: FileOperations,
  root: string,
  folder: string,
): AsyncGenerator<ListedFile, void, undefined> {
  let group: string[] = []
  for (const name of await sortedNames(files, join(root, folder))) {
    const isFolder = name.endsWith('/')
    if (!isFolder) group.push(`${folder}/${name}`)
    if (!isFolder && group.length < groupSize) continue
    yield* await statAll(files, root, group)
    group = []
    if (isFolder) yield* listFolder(files, root, `${folder}/${name.slice(0, -1)}`)
  }
  yield* await statAll(files, root, group)
}

/** A folder's name ends in a slash, so that it sorts among the files as the keys below it do. */
async function sortedNames(files: FileOperations, path: string): Promise<readonly string[]> {
  const names: string[] = []
  for (const entry of await entriesOf(files, path)) {
    if (!isKey(entry.name)) continue
    if (entry.isDirectory()) names.push(`${entry.name}/`)
    else if (entry.isFile()) names.push(entry.name)
  }
  return names.sort()
}

async function entriesOf(files: FileOperations, path: string): Promise<readonly Dirent[]> {
  try {
    return await files.readdir(path)
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

async function statAll(
  files: FileOperations,
  root: string,
  paths: readonly string[],
): Promise<readonly ListedFile[]> {
  const found = await Promise.all(
    paths.map(async (path) => ({ path, stats: await statFile(files, join(root, path)) })),
  )
  return found.filter((file): file is ListedFile => file.stats !== undefined)
}

/** `undefined` when there is no file of that name, or no longer. */
export async function statFile(files: FileOperations, path: string): Promise<Stats | undefined> {
  try {
    const stats = await files.stat(path)
    return stats.isFile() ? stats : undefined
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}
