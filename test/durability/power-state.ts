// One state that a power loss may leave of a replayed disk: a choice, by chance, of what survives of
// everything that was not synced. Read like a file system, and only read.
import { createChance, type Chance } from './chance.ts'
import {
  setName,
  type FileNode,
  type FolderNode,
  type Node,
  type PendingName,
  type ReplayedDisk,
} from './replayed-disk.ts'
import { survivingContent, type Content, type Survival } from './synced-bytes.ts'

export interface PowerState {
  /** What was chosen, for messages. */
  readonly told: string
  /** By a path from the disk's root; undefined when there is no such file. */
  read(path: string): Content | undefined
  /** Every file below the folder, ascending by path; nothing when there is no such folder. */
  list(path: string): Iterable<{ readonly path: string; readonly content: Content }>
}

export interface StateChoice {
  /** `first`: those that came first. `others`: all but those in the folders of `poor`. */
  readonly names: 'none' | 'all' | 'first' | 'some' | 'others'
  /** `some`: chosen for each file by itself. `others`: of all files but those of `poor`. */
  readonly content: 'none' | 'all' | 'some' | 'others'
  /** Numbers of files and folders. */
  readonly poor?: ReadonlySet<number>
  /** Of names, where it is `some`. */
  readonly probability: number
}

const probabilities = [0.1, 0.5, 0.9]

/** Often all or nothing, which is what finds most; else a mixture. */
export function chooseState(chance: Chance): StateChoice {
  const dice = chance.next()
  const probability = probabilities[chance.whole(0, 2)] ?? 0.5
  if (dice < 0.2) return { names: 'none', content: 'none', probability }
  if (dice < 0.25) return { names: 'all', content: 'all', probability }
  if (dice < 0.35) return { names: 'all', content: 'none', probability }
  if (dice < 0.4) return { names: 'none', content: 'all', probability }
  if (dice < 0.65) return { names: 'first', content: 'some', probability }
  if (dice < 0.75) return { names: 'some', content: 'none', probability }
  return { names: 'some', content: 'some', probability }
}

function survivalOfFile(
  { content, poor }: StateChoice,
  { number }: FileNode,
  chance: Chance,
): Survival {
  if (content === 'others') return poor?.has(number) === true ? 'none' : 'all'
  if (content !== 'some') return content
  const dice = chance.next()
  if (dice < 0.3) return 'none'
  if (dice < 0.6) return 'all'
  return { probability: probabilities[chance.whole(0, 2)] ?? 0.5 }
}

export function powerState(disk: ReplayedDisk, choice: StateChoice, seed: string): PowerState {
  const chance = createChance(seed)
  const folders = survivingNames(disk, choice, chance)
  const contents = new Map<FileNode, Content>()

  function namesOf(folder: FolderNode): ReadonlyMap<string, Node> {
    return folders.get(folder) ?? folder.synced
  }

  function find(path: string): Node | undefined {
    let node: Node | undefined = disk.root
    for (const name of path.split('/')) {
      if (name === '') continue
      node = node?.kind === 'folder' ? namesOf(node).get(name) : undefined
    }
    return node
  }

  /** Chosen for each file by itself, so that it does not matter in which order they are read. */
  function contentOf(file: FileNode): Content {
    const found = contents.get(file)
    if (found !== undefined) return found
    const own = createChance(`${seed}/${file.number}`)
    const survival = survivalOfFile(choice, file, own)
    const content = survivingContent(file.synced, file.pending, survival, own)
    contents.set(file, content)
    return content
  }

  function* filesBelow(
    folder: FolderNode,
    path: string,
  ): Generator<{ readonly path: string; readonly content: Content }> {
    for (const [name, node] of [...namesOf(folder)].sort(byName)) {
      const below = `${path}/${name}`
      if (node.kind === 'folder') yield* filesBelow(node, below)
      else yield { path: below, content: contentOf(node) }
    }
  }

  return {
    told: `of names ${choice.names}, of content ${choice.content} survived`,
    read(path) {
      const node = find(path)
      return node?.kind === 'file' ? contentOf(node) : undefined
    },
    *list(path) {
      const node = find(path)
      if (node?.kind === 'folder') yield* filesBelow(node, path)
    },
  }
}

/** The folders of which something was not synced. */
function survivingNames(
  { pendingNames }: ReplayedDisk,
  choice: StateChoice,
  chance: Chance,
): ReadonlyMap<FolderNode, ReadonlyMap<string, Node>> {
  const folders = new Map<FolderNode, Map<string, Node>>()
  const kept = new Set<PendingName>()
  const cut = chance.whole(0, pendingNames.size)
  let index = 0
  for (const pending of pendingNames) {
    const { folder, renamedTo } = pending
    const survives = {
      none: false,
      all: true,
      first: index < cut,
      some: chance.next() < choice.probability,
      others: choice.poor?.has(folder.number) !== true,
    }[choice.names]
    index += 1
    // An old name goes only where the new one is there.
    const isLeft = renamedTo !== undefined && pendingNames.has(renamedTo) && !kept.has(renamedTo)
    if (!survives || isLeft) continue
    kept.add(pending)
    const names = folders.get(folder) ?? new Map(folder.synced)
    folders.set(folder, names)
    setName(names, pending)
  }
  return folders
}

function byName([one]: [string, Node], [other]: [string, Node]): number {
  return one < other ? -1 : 1
}
