// File operations that are watched, made to fail or left out, one call at a time. For tests: of the
// order of operations, of each failure at each place, and that a missing sync is noticed.

import { type FileOperations, storageError } from './file-operations.ts'

export interface FileCall {
  readonly operation: keyof FileOperations
  /** Of the file or folder, also where the operation takes a descriptor. */
  readonly path: string
  /** Where a rename goes. */
  readonly to?: string
}

/** The system's error to fail with, such as `EIO`; or the call is not made and succeeds. */
export type Interference = { readonly fail: string } | 'skip' | undefined

export interface WatchedFiles {
  readonly files: FileOperations
  /** Descriptors that are open, and what they were opened as. */
  readonly open: ReadonlyMap<number, string>
}

/** `onCall` is asked before each call. */
export function watchFiles(
  files: FileOperations,
  onCall: (call: FileCall) => Interference,
): WatchedFiles {
  const open = new Map<number, string>()

  async function watched<Result>(
    call: FileCall,
    run: () => Promise<Result>,
    skipped: Result,
  ): Promise<Result> {
    const interference = onCall(call)
    if (interference === undefined) return run()
    if (interference === 'skip') return skipped
    throw systemError(interference.fail, call)
  }
  const nameOf = (file: number): string => open.get(file) ?? `descriptor ${file}`
  const onPath =
    (operation: 'unlink' | 'mkdir' | 'rmdir') =>
    (path: string): Promise<void> =>
      watched({ operation, path }, () => files[operation](path), undefined)
  const onFile =
    (operation: 'fdatasync' | 'fsync') =>
    (file: number): Promise<void> =>
      watched({ operation, path: nameOf(file) }, () => files[operation](file), undefined)

  const watching: FileOperations = {
    ...files,
    async open(path, flags) {
      const file = await watched({ operation: 'open', path }, () => files.open(path, flags), -1)
      open.set(file, path)
      return file
    },
    async close(file) {
      const path = nameOf(file)
      // As the system does it: the descriptor is gone, whatever close says.
      open.delete(file)
      const closed = files.close(file)
      await watched({ operation: 'close', path }, () => closed, undefined)
    },
    read: (file, target, position) =>
      watched(
        { operation: 'read', path: nameOf(file) },
        () => files.read(file, target, position),
        0,
      ),
    writev: (file, chunks, position) =>
      watched(
        { operation: 'writev', path: nameOf(file) },
        () => files.writev(file, chunks, position),
        0,
      ),
    fdatasync: onFile('fdatasync'),
    fsync: onFile('fsync'),
    rename: (path, to) =>
      watched({ operation: 'rename', path, to }, () => files.rename(path, to), undefined),
    stat: async (path) => {
      const interference = onCall({ operation: 'stat', path })
      if (interference === undefined || interference === 'skip') return files.stat(path)
      throw systemError(interference.fail, { operation: 'stat', path })
    },
    unlink: onPath('unlink'),
    mkdir: onPath('mkdir'),
    rmdir: onPath('rmdir'),
  }
  return { files: watching, open }
}

function systemError(code: string, { operation, path }: FileCall): Error {
  const cause = new Error(`${code}: made to fail, ${operation} '${path}'`)
  return storageError(Object.assign(cause, { code, syscall: operation, path }))
}
