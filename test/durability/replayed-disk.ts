// A disk on which the operations of a log are done again, that remembers what would survive if the power
// failed now: the content of a file up to its last sync, the names in a folder up to its last sync, and
// what has come since, which may survive or not, piece by piece.
//
// The model is the weakest that file systems give: a sync of a file makes its content and length durable,
// and not its name; a sync of a folder makes the names in it durable that were there when it began; a
// rename is one step, so that never both names are lost.
import { dirname, basename } from 'node:path'
import type { Operation, SyncOperation } from './operation-log.ts'
import { createSyncedBytes, type PendingBytes, type SyncedBytes } from './synced-bytes.ts'

export interface FileNode {
  readonly kind: 'file'
  readonly number: number
  readonly synced: SyncedBytes
  pending: PendingBytes[]
}

export interface FolderNode {
  readonly kind: 'folder'
  readonly number: number
  readonly names: Map<string, Node>
  readonly synced: Map<string, Node>
}

export type Node = FileNode | FolderNode

/** A name that was given or taken and need not be durable yet. */
export interface PendingName {
  readonly sequence: number
  readonly folder: FolderNode
  readonly name: string
  /** Undefined: the name is taken away. */
  readonly node: Node | undefined
  /** Of a rename, the other half: the new name for the old one. */
  readonly renamedTo?: PendingName
}

export interface ReplayedDisk {
  readonly root: FolderNode
  readonly pendingNames: ReadonlySet<PendingName>
  apply(operation: Operation): void
}

export interface ReplayOptions {
  /** Where the log's paths begin. */
  readonly root: string
  readonly rootNumber: number
  /** A sync that is said to have gone well and was not done. */
  readonly isLeftOut?: (sync: SyncOperation) => boolean
}

export function createReplayedDisk(options: ReplayOptions): ReplayedDisk {
  const { isLeftOut = () => false } = options
  const root = newFolder(options.rootNumber)
  const byNumber = new Map<number, Node>([[options.rootNumber, root]])
  const pendingNames = new Set<PendingName>()

  function folderOf(path: string): FolderNode {
    let node: Node | undefined = root
    for (const name of path.slice(options.root.length).split('/')) {
      if (name === '') continue
      node = node?.kind === 'folder' ? node.names.get(name) : undefined
    }
    if (node?.kind === 'folder') return node
    throw new Error(`The log has no folder ${path}.`)
  }

  function change(path: string, sequence: number, node: Node | undefined): PendingName {
    const folder = folderOf(dirname(path))
    const name = basename(path)
    if (node === undefined) folder.names.delete(name)
    else folder.names.set(name, node)
    return { sequence, folder, name, node }
  }

  function nodeAt(path: string): Node {
    const node = folderOf(dirname(path)).names.get(basename(path))
    if (node === undefined) throw new Error(`The log has no ${path}.`)
    return node
  }

  function rename(from: string, to: string, sequence: number): void {
    const given = change(to, sequence, nodeAt(from))
    const taken = { ...change(from, sequence, undefined), renamedTo: given }
    pendingNames.add(given).add(taken)
  }

  function fileOf(number: number): FileNode | undefined {
    const node = byNumber.get(number)
    return node?.kind === 'file' ? node : undefined
  }

  function changeContent(number: number, pending: PendingBytes): void {
    const file = fileOf(number)
    if (file === undefined) throw new Error(`The log has no file ${number}.`)
    file.pending.push(pending)
  }

  function sync(operation: SyncOperation): void {
    if (isLeftOut(operation)) return
    const node = byNumber.get(operation.file)
    if (node === undefined) throw new Error(`The log has no file ${operation.file} to sync.`)
    if (node.kind === 'folder') syncFolder(node, operation.begun)
    else syncFile(node, operation.begun)
  }

  function syncFile(file: FileNode, until: number): void {
    for (const pending of file.pending) if (pending.sequence <= until) file.synced.apply(pending)
    file.pending = file.pending.filter(({ sequence }) => sequence > until)
  }

  function syncFolder(folder: FolderNode, until: number): void {
    for (const pending of pendingNames) {
      if (pending.sequence > until) break
      if (pending.folder !== folder) continue
      settle(pending)
      // Where the old name is gone for good, the new one is there.
      if (pending.renamedTo !== undefined) settleEarly(pending.renamedTo)
    }
  }

  function settle(pending: PendingName): void {
    if (pendingNames.delete(pending)) setName(pending.folder.synced, pending)
  }

  /** Before its folder is synced: what happened to the same name earlier is over. */
  function settleEarly(pending: PendingName): void {
    for (const other of pendingNames) {
      if (other === pending) break
      if (other.folder === pending.folder && other.name === pending.name) pendingNames.delete(other)
    }
    settle(pending)
  }

  return {
    root,
    pendingNames,
    apply(operation) {
      const { sequence } = operation
      switch (operation.call) {
        case 'create':
        case 'mkdir': {
          const node =
            operation.call === 'mkdir' ? newFolder(operation.file) : newFile(operation.file)
          byNumber.set(operation.file, node)
          pendingNames.add(change(operation.path, sequence, node))
          return
        }
        case 'unlink':
        case 'rmdir':
          pendingNames.add(change(operation.path, sequence, undefined))
          return
        case 'link':
          pendingNames.add(change(operation.to, sequence, nodeAt(operation.from)))
          return
        case 'rename':
          rename(operation.from, operation.to, sequence)
          return
        case 'write': {
          const { offset, bytes } = operation
          changeContent(operation.file, { sequence, kind: 'write', offset, bytes })
          return
        }
        case 'truncate':
        case 'allocate': {
          const { call, file, size } = operation
          const kind = call === 'truncate' ? 'resize' : 'lengthen'
          changeContent(file, { sequence, kind, size })
          return
        }
        case 'sync':
          sync(operation)
      }
    },
  }
}

export function setName(names: Map<string, Node>, { name, node }: PendingName): void {
  if (node === undefined) names.delete(name)
  else names.set(name, node)
}

function newFolder(number: number): FolderNode {
  return { kind: 'folder', number, names: new Map(), synced: new Map() }
}

function newFile(number: number): FileNode {
  return { kind: 'file', number, synced: createSyncedBytes(), pending: [] }
}
