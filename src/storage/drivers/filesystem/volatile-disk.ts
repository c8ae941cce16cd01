// A disk in memory whose power can be cut: what was not synced may then be lost, or torn, or not. It
// stands in for the system's calls, so that tests can look at every state a power loss may leave.
// A rename is one transaction, as in every journalling filesystem: it never loses both names.

import { type Dirent, type Stats, constants } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type FileOperations, storageError } from './file-operations.ts'

export interface VolatileDisk {
  readonly files: FileOperations
  /** Answers, for each thing that was not synced, whether it survives; then nothing is open. */
  losePower(survives: () => boolean): void
}

interface FileNode {
  readonly kind: 'file'
  content: Buffer
  durable: Buffer
  isUnlinked: boolean
}

interface FolderNode {
  readonly kind: 'folder'
  entries: Map<string, Node>
  durable: Map<string, Node>
}

type Node = FileNode | FolderNode

interface Disk {
  readonly root: FolderNode
  readonly open: Map<number, Node>
}

export function createVolatileDisk(): VolatileDisk {
  const root = newFolder()
  const open = new Map<number, Node>()
  return {
    files: { ...descriptorCalls({ root, open }), ...pathCalls(root) },
    losePower(survives) {
      open.clear()
      settleFolders(root, survives)
      for (const node of nodesOf(root)) {
        if (node.kind === 'file') settleFile(node, survives)
        else node.durable = new Map(node.entries)
      }
    },
  }
}

type DescriptorCall = 'open' | 'close' | 'read' | 'writev' | 'fdatasync' | 'fsync'

function descriptorCalls({ root, open }: Disk): Pick<FileOperations, DescriptorCall> {
  let lastFile = 2

  function opened(file: number): FileNode {
    const node = open.get(file)
    return node?.kind === 'file' ? node : fail('EBADF', `descriptor ${file}`)
  }

  return {
    async open(path, flags) {
      const isNew = (flags & constants.O_CREAT) !== 0
      const node = isNew ? add(root, path, newFile()) : require(root, path)
      open.set(++lastFile, node)
      return lastFile
    },
    async close(file) {
      if (!open.delete(file)) fail('EBADF', `descriptor ${file}`)
    },
    async read(file, target, position) {
      return opened(file).content.copy(target, 0, position)
    },
    async writev(file, chunks, position) {
      const node = opened(file)
      const bytes = Buffer.concat(chunks)
      node.content = Buffer.concat([node.content.subarray(0, position), bytes])
      return bytes.length
    },
    async fdatasync(file) {
      const node = opened(file)
      node.durable = node.content
    },
    async fsync(file) {
      const node = open.get(file)
      if (node?.kind !== 'folder') fail('EBADF', `descriptor ${file}`)
      else syncFolder(node, root)
    },
  }
}

function pathCalls(root: FolderNode): Omit<FileOperations, DescriptorCall> {
  return {
    async rename(from, to) {
      parentOf(root, to).entries.set(basename(to), require(root, from))
      parentOf(root, from).entries.delete(basename(from))
    },
    async unlink(path) {
      const node = require(root, path)
      if (node.kind === 'file') node.isUnlinked = true
      parentOf(root, path).entries.delete(basename(path))
    },
    async mkdir(path) {
      add(root, path, newFolder())
    },
    async rmdir(path) {
      parentOf(root, path).entries.delete(basename(path))
    },
    async stat(path) {
      const node = require(root, path)
      const size = node.kind === 'file' ? node.content.length : 0
      return { size, mtime: new Date(), isFile: () => node.kind === 'file' } as unknown as Stats
    },
    async readdir(path) {
      const node = require(root, path)
      if (node.kind === 'file') return fail('ENOTDIR', path)
      return [...node.entries].map(([name, entry]) => {
        const isFile = entry.kind === 'file'
        return { name, isFile: () => isFile, isDirectory: () => !isFile } as unknown as Dirent
      })
    },
    async freeBytes() {
      return 1
    },
  }
}

function find(root: FolderNode, path: string): Node | undefined {
  let node: Node | undefined = root
  for (const name of path.split('/').filter((part) => part !== '')) {
    node = node?.kind === 'folder' ? node.entries.get(name) : undefined
  }
  return node
}

function require(root: FolderNode, path: string): Node {
  return find(root, path) ?? fail('ENOENT', path)
}

function parentOf(root: FolderNode, path: string): FolderNode {
  const parent = require(root, dirname(path))
  return parent.kind === 'folder' ? parent : fail('ENOTDIR', path)
}

function add(root: FolderNode, path: string, node: Node): Node {
  if (find(root, path) !== undefined) fail('EEXIST', path)
  parentOf(root, path).entries.set(basename(path), node)
  return node
}

function syncFolder(folder: FolderNode, root: FolderNode): void {
  const removed = [...folder.durable.values()].filter((node) => !hasNode(folder.entries, node))
  folder.durable = new Map(folder.entries)
  // The other half of a rename out of this folder is in the same transaction.
  for (const other of nodesOf(root)) {
    if (other.kind === 'file') continue
    for (const [name, node] of other.entries) {
      if (removed.includes(node)) other.durable.set(name, node)
    }
  }
}

/** What was added may be missing again, and what was removed back; what was moved has a name. */
function settleFolders(root: FolderNode, survives: () => boolean): void {
  const folders = nodesOf(root).filter((node) => node.kind === 'folder')
  const kept = new Set<Node>()
  for (const folder of folders) {
    for (const [name, node] of folder.entries) {
      const before = folder.durable.get(name)
      if (before === node || survives()) kept.add(node)
      else if (before === undefined) folder.entries.delete(name)
      else folder.entries.set(name, before)
    }
  }
  for (const folder of folders) {
    for (const [name, node] of folder.durable) {
      if (folder.entries.has(name)) continue
      const isMoved = node.kind === 'file' && !node.isUnlinked
      if (!survives() || (isMoved && !kept.has(node))) folder.entries.set(name, node)
    }
  }
}

/** All of what was written, or what was synced, or the right length with zeros, or a piece. */
function settleFile(node: FileNode, survives: () => boolean): void {
  if (node.content !== node.durable && !survives()) {
    const { length } = node.durable
    const lost = Buffer.concat([node.durable, Buffer.alloc(node.content.length - length)])
    const torn = node.content.subarray(0, Math.ceil((node.content.length + length) / 2))
    const isLong = survives()
    if (isLong) node.content = survives() ? lost : torn
    else node.content = node.durable
  }
  node.durable = node.content
}

function nodesOf(folder: FolderNode): Node[] {
  const nodes: Node[] = [folder]
  for (const node of folder.entries.values()) {
    if (node.kind === 'folder') nodes.push(...nodesOf(node))
    else nodes.push(node)
  }
  return nodes
}

function hasNode(entries: ReadonlyMap<string, Node>, node: Node): boolean {
  return [...entries.values()].includes(node)
}

function newFile(): FileNode {
  const empty = Buffer.alloc(0)
  return { kind: 'file', content: empty, durable: empty, isUnlinked: false }
}

function newFolder(): FolderNode {
  return { kind: 'folder', entries: new Map(), durable: new Map() }
}

function fail(code: string, path: string): never {
  throw storageError(Object.assign(new Error(`${code}: ${path}`), { code, path }))
}
