// Which syncs are needed: each place in the program that syncs a file or a folder is left out of a
// recording, and then a power loss must be noticed.
import { spawnSync } from 'node:child_process'
import { parseOperations, type SyncOperation } from './operation-log.ts'
import type { Recording } from './power-recording.ts'
import { explorePowerStates } from './power-states.ts'
import { kinds } from './system-calls.ts'

export interface SyncSite {
  /** Of the file or folder. */
  readonly kind: string
  /** Functions, innermost first; of SQLite one function, with a number where it syncs at several places. */
  readonly place: string
  readonly count: number
}

export interface Mutation extends SyncSite {
  /** What was lost without it; undefined when nobody noticed. */
  readonly loss: string | undefined
  readonly states: number
}

/** Passed through by every sync of their kind, or by chance: they tell no places apart. */
const passages = /^(?:folders:(?:start|sync|prepare)|sqlite:-|sqlite-log:sync|authority:-)$/
const mostFrames = 3

export interface SyncSites {
  readonly sites: readonly SyncSite[]
  isOf(sync: SyncOperation, site: Pick<SyncSite, 'kind' | 'place'>): boolean
}

export function findSyncSites(recording: Recording): SyncSites {
  const syncs = parseOperations(Buffer.from(recording.records)).filter((one) => one.call === 'sync')
  const nameNative = nativeNames(syncs)
  const placeOf = (sync: SyncOperation) => nameNative(sync) ?? scriptPlace(sync.site)
  const counts = new Map<string, SyncSite>()
  for (const sync of syncs) {
    const kind = kinds[sync.kind] ?? ''
    const place = placeOf(sync)
    const key = `${kind}\0${place}`
    counts.set(key, { kind, place, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  const all = [...counts.values()]
  // Of a sync that had to wait for another nobody knows who asked for it: it goes with those that do.
  const isPart = (one: SyncSite) =>
    all.some((other) => other !== one && other.kind === one.kind && covers(one.place, other.place))
  return {
    sites: all.filter((one) => !isPart(one)),
    isOf: (sync, { kind, place }) =>
      kinds[sync.kind] === kind && (place === anyPlace || covers(placeOf(sync), place)),
  }
}

export const anyPlace = 'any of them'

export async function tryWithout(
  recording: Recording,
  { isOf }: SyncSites,
  site: SyncSite,
  {
    seed,
    states,
    scratch,
  }: { readonly seed: string; readonly states: number; readonly scratch: string },
): Promise<Mutation> {
  const report = await explorePowerStates(recording, {
    seed,
    states,
    scratch,
    leftOut: (sync) => isOf(sync, site),
  })
  return { ...site, loss: report.problems[0], states: report.states }
}

function covers(shorter: string, longer: string): boolean {
  return longer === shorter || longer.startsWith(`${shorter} < `)
}

function scriptPlace(site: string): string {
  const frames = site.split(' < ').filter((frame) => !passages.test(frame))
  return frames.slice(0, mostFrames).join(' < ')
}

/** SQLite is part of node, whose own table of symbols says which of its functions called. */
function nativeNames(syncs: readonly SyncOperation[]): (sync: SyncOperation) => string | undefined {
  const symbols = symbolsOf(process.execPath)
  const callers = new Map<string, Set<number>>()
  for (const sync of syncs) {
    const caller = callerOf(sync)
    if (caller === undefined) continue
    const name = `${sync.kind} ${symbols(caller)}`
    callers.set(name, (callers.get(name) ?? new Set()).add(caller))
  }
  return (sync) => {
    const caller = callerOf(sync)
    if (caller === undefined) return undefined
    const symbol = symbols(caller)
    const places = [...(callers.get(`${sync.kind} ${symbol}`) ?? [])].sort((a, b) => a - b)
    const number = places.length > 1 ? ` (${places.indexOf(caller) + 1})` : ''
    return `SQLite: ${symbol}${number}`
  }
}

function callerOf({ site }: SyncOperation): number | undefined {
  const found = /^native ([0-9a-f]+)/.exec(site)
  return found === null ? undefined : Number.parseInt(found[1] ?? '', 16)
}

function symbolsOf(program: string): (address: number) => string {
  const { stdout } = spawnSync('nm', ['-n', program], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  const starts: number[] = []
  const names: string[] = []
  for (const line of (stdout ?? '').split('\n')) {
    const [start = '', , name] = line.split(' ')
    if (name === undefined || start === '') continue
    starts.push(Number.parseInt(start, 16))
    names.push(name.replace(/\..*$/, ''))
  }
  return (address) => {
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= address) low = middle + 1
      else high = middle
    }
    return names[low - 1] ?? 'somewhere'
  }
}
