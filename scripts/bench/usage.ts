// Memory and processor time of a process and its children, from /proc.
import { readFileSync, readdirSync } from 'node:fs'
import { setInterval } from 'node:timers'

export interface Usage {
  readonly cpuSeconds: number
  readonly residentMiB: number
}

/** Linux counts in hundredths of a second wherever a program can see it. */
const ticksPerSecond = 100

export function usageOf(pid: number): Usage {
  let ticks = 0
  let kibibytes = 0
  for (const one of treeOf(pid)) {
    // The second field is the program's name in brackets, which may hold anything.
    const fields = readProc(`${one}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
    kibibytes += Number(/^VmRSS:\s+(\d+)/m.exec(readProc(`${one}/status`))?.[1] ?? 0)
  }
  return { cpuSeconds: ticks / ticksPerSecond, residentMiB: kibibytes / 1024 }
}

/** Looks again and again; `stop` returns the largest memory that was seen. */
export function watchMemory(pid: number, everyMs: number): { readonly stop: () => number } {
  let peak = 0
  const look = () => {
    peak = Math.max(peak, usageOf(pid).residentMiB)
  }
  const timer = setInterval(look, everyMs)
  return {
    stop() {
      clearInterval(timer)
      look()
      return peak
    },
  }
}

function treeOf(pid: number): readonly number[] {
  const tree = [pid]
  for (const one of tree) {
    for (const thread of listProc(`${one}/task`)) {
      const children = readProc(`${one}/task/${thread}/children`).trim()
      if (children !== '') tree.push(...children.split(' ').map(Number))
    }
  }
  return tree
}

/** Empty for a process that has just ended. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return ''
  }
}

function listProc(path: string): readonly string[] {
  try {
    return readdirSync(`/proc/${path}`)
  } catch {
    return []
  }
}
