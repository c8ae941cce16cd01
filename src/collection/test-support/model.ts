// What must stay and what must go, told the other way round than the collector asks: it looks upwards from what is due,
// this goes downwards from everything that has a reason to stay.
import { numbersInBin, type Graph, type Node } from './graph.ts'
import type { State } from './state.ts'

interface World extends Graph {
  readonly ids: readonly number[]
  readonly inBin: ReadonlySet<number>
}

/** Of the live nodes, those that may go, and of these the ones that a collector finds now. */
function collectedNow(world: World): ReadonlySet<number> {
  const { nodes, inBin, deleted } = world
  const isRoot = ({ isTagged, review }: Node, number: number) =>
    inBin.has(number) || isTagged || review === 'later'
  const roots = [...nodes.keys()].filter((number) => isRoot(nodes[number] as Node, number))
  // What lies in the bin protects what it holds and what refers to it, and no more: those are roots then.
  const needed = new Set<number>()
  for (const root of roots) {
    if (!inBin.has(root)) continue
    for (const child of nodes[root]?.children ?? []) if (!inBin.has(child)) needed.add(child)
    for (const [each, { subject }] of nodes.entries())
      if (subject === root && !inBin.has(each)) needed.add(each)
  }
  for (const root of roots) if (!inBin.has(root)) needed.add(root)
  const stays = liveClosure(world, needed)
  const goes = new Set<number>()
  const found = [...nodes.keys()].filter((number) => {
    const { review, repository } = nodes[number] as Node
    return review === 'due' && repository !== deleted && !inBin.has(number) && !stays.has(number)
  })
  // With what is due goes what it hangs on, of which nothing else would remind.
  for (const number of found) addUpwards(world, number, goes)
  return goes
}

/** The given live nodes and all that they protect: children and referrers, theirs too. */
function liveClosure({ nodes, inBin }: World, roots: Iterable<number>): ReadonlySet<number> {
  const needed = new Set<number>(roots)
  for (const number of needed) {
    for (const child of nodes[number]?.children ?? []) if (!inBin.has(child)) needed.add(child)
    for (const [each, { subject }] of nodes.entries())
      if (subject === number && !inBin.has(each)) needed.add(each)
  }
  return needed
}

function addUpwards({ nodes, inBin }: World, number: number, to: Set<number>): void {
  const seen = new Set([number])
  for (const each of seen) {
    const subject = nodes[each]?.subject
    if (subject !== undefined && subject >= 0 && !inBin.has(subject)) seen.add(subject)
    for (const [holder, { children }] of nodes.entries())
      if (children.includes(each) && !inBin.has(holder)) seen.add(holder)
  }
  for (const each of seen) to.add(each)
}

export function worldOf(graph: Graph, ids: readonly number[]): World {
  return { ...graph, ids, inBin: numbersInBin(graph.nodes) }
}

/** The graph without what no installation can have: what nothing reminds of, although nothing needs it. */
export function sane(graph: Graph): Graph {
  const inBin = numbersInBin(graph.nodes)
  const allDue = {
    ...graph,
    nodes: graph.nodes.map((node): Node => ({
      ...node,
      review: node.review === 'null' ? 'due' : node.review,
    })),
    deleted: undefined,
  }
  const unneeded = collectedNow({ ...allDue, ids: [], inBin })
  const nodes = graph.nodes.map((node, number): Node =>
    node.review === 'null' && unneeded.has(number) ? { ...node, review: 'due' } : node,
  )
  const used = new Set(nodes.flatMap(({ blobs }) => blobs))
  const blobs = graph.blobs.map((blob, number) =>
    blob.review === 'null' && (!used.has(number) || blob.links.length > 0)
      ? { ...blob, review: 'due' as const }
      : blob,
  )
  return { ...graph, nodes, blobs }
}

/** What there must be after one run whose trash and bin keep everything. */
export function expectedNow(world: World): State {
  const { nodes, blobs, ids, inBin } = world
  const collected = collectedNow(world)
  const placed = (number: number) => {
    const { repository, digest } = nodes[number] as Node
    return `${ids[repository]}@${digest}`
  }
  const links: string[] = []
  const kept: string[] = []
  const trash: string[] = []
  for (const [number, blob] of blobs.entries()) {
    const users = nodes.filter((node) => node.blobs.includes(number))
    const needing = new Set(users.map(({ repository }) => repository))
    const linked = new Set([...blob.links, ...needing])
    const left = [...linked].filter(
      (repository) => blob.review !== 'due' || needing.has(repository) || blob.isYoung,
    )
    for (const repository of left) links.push(`${ids[repository]}@${blob.digest}`)
    if (blob.review === 'due' && left.length === 0) trash.push(blob.digest)
    else kept.push(blob.digest)
  }
  const numbers = [...nodes.keys()]
  return {
    live: numbers
      .filter((n) => !inBin.has(n) && !collected.has(n))
      .map(placed)
      .toSorted(),
    bin: numbers
      .filter((n) => inBin.has(n) || collected.has(n))
      .map(placed)
      .toSorted(),
    blobs: kept.toSorted(),
    links: links.toSorted(),
    trash: trash.toSorted(),
  }
}

/** What is left when all delays are over and nobody has done anything: what tags hold, in repositories that are there. */
export function expectedInTheEnd(world: World): State {
  const { nodes, blobs, ids, inBin, deleted } = world
  const tagged = [...nodes.keys()].filter((number) => {
    const { isTagged, repository } = nodes[number] as Node
    return isTagged && !inBin.has(number) && repository !== deleted
  })
  const stays = liveClosure(world, tagged)
  const live = [...stays].map((number) => nodes[number] as Node)
  const links = new Set<string>()
  const used = new Set<string>()
  for (const { repository, blobs: held } of live) {
    for (const number of held) {
      const digest = blobs[number]?.digest ?? ''
      links.add(`${ids[repository]}@${digest}`)
      used.add(digest)
    }
  }
  return {
    live: live.map(({ repository, digest }) => `${ids[repository]}@${digest}`).toSorted(),
    bin: [],
    blobs: [...used].toSorted(),
    links: [...links].toSorted(),
    trash: [],
  }
}
