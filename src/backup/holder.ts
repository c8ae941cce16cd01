// Who holds a lock: a process, named so that others on the same machine can tell whether it still lives. A backup that
// was killed must not keep the next one waiting until its lock has run out.
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** `machine-pid-start-random`: letters, digits and hyphens. */
export function thisHolder(): string {
  return [machine(), process.pid, startOf(process.pid) ?? 0, randomBytes(4).toString('hex')].join(
    '-',
  )
}

/** True only when that is certain: the process was on this very machine, and is no more. */
export function isDead(holder: string): boolean {
  const [where, pid, start] = holder.split('-')
  if (where !== machine() || !/^\d+$/.test(pid ?? '')) return false
  if (!isRunning(Number(pid))) return true
  const now = startOf(Number(pid))
  return now !== undefined && start !== '0' && String(now) !== start
}

/** Of this boot, and of what shares its process ids: containers may share a name and have their own. */
function machine(): string {
  const parts = [hostname(), read('/proc/sys/kernel/random/boot_id'), link('/proc/self/ns/pid')]
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** In ticks since the boot; undefined where the system does not tell. Process ids are used again. */
function startOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const start = Number(fields[19])
  return Number.isSafeInteger(start) && start > 0 ? start : undefined
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    // Not Linux, or no such process.
    return ''
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
