// What the figures were measured on, and whether it was quiet: a figure without that means nothing.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { sep } from 'node:path'

export interface Machine {
  readonly date: string
  readonly cores: number
  readonly processor: string
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly commit: string
  readonly folder: string
  /** The file system of that folder. */
  readonly fileSystem: string
  /** Over one minute, before the first figure. */
  readonly load: number
  readonly warnings: readonly string[]
}

/** Above it, other work takes part in the measurement. */
const quietLoad = 0.5

/** @param folder where the registries keep their data */
export function describeMachine(root: string, folder: string): Machine {
  const load = loadavg()[0] ?? 0
  const fileSystem = fileSystemOf(folder)
  const warnings: string[] = []
  if (load > quietLoad) {
    warnings.push(
      `The load was ${load.toFixed(2)} before the run: something else was working, and the figures are worth less. Measure again when the load is below ${quietLoad}.`,
    )
  }
  if (fileSystem === 'tmpfs') {
    warnings.push(
      `${folder} lies in memory, where a durable write costs nothing. Set TMPDIR to a folder on a disk.`,
    )
  }
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: `${type()} ${release()}`,
    node: process.version,
    commit: commitOf(root),
    folder,
    fileSystem,
    load,
    warnings,
  }
}

function commitOf(root: string): string {
  try {
    const git = (...args: readonly string[]) =>
      execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim()
    const commit = git('rev-parse', '--short', 'HEAD')
    return git('status', '--porcelain', '--', 'src') === '' ? commit : `${commit} with changes`
  } catch {
    return 'no commit'
  }
}

/** The type of the mount that the folder lies on: the one with the longest path above it. */
function fileSystemOf(folder: string): string {
  let best = { point: '', name: 'unknown' }
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point, name] = line.split(' ')
    if (point === undefined || name === undefined) continue
    const holds = folder === point || folder.startsWith(point.endsWith(sep) ? point : point + sep)
    if (holds && point.length >= best.point.length) best = { point, name }
  }
  return best.name
}
