// What can be told from the database: its own state, somebody who can sign in, and whether the clock can be right.
import type { DatabaseState } from '../../metadata/database-state.ts'
import { latestMoment } from '../../metadata/inspection.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { countAdministrators } from '../../metadata/principals.ts'
import { ok, problem, warning, type Check } from './check.ts'

/** No clock has been right that is before this. */
const earliest = Date.UTC(2026, 0, 1)
const toleranceMs = 60_000

/** Several when several things are wrong. */
export function checkDatabase(state: DatabaseState): readonly Check[] {
  const name = 'database'
  const { engine, damage, unknown, pending, unsafe, clockAheadMs = 0 } = state
  const checks: Check[] = []
  if (damage.length > 0) {
    const message = `The database is damaged: ${damage.join('; ')}. Restore it from a backup; what is affected says fsck.`
    checks.push(problem(name, message, 'carrel fsck'))
  }
  if (unknown.length > 0) {
    const message = `The database was written by a newer Carrel (${unknown.join(', ')}), which must be used with it.`
    checks.push(problem(name, message, 'carrel version'))
  }
  for (const setting of unsafe) {
    const message = `${engine} runs with ${setting}, so a power loss can take acknowledged images with it.`
    const fix = `ALTER SYSTEM SET ${setting.replace(/off$/, 'on')}; SELECT pg_reload_conf();`
    checks.push(problem(name, message, fix))
  }
  if (Math.abs(clockAheadMs) > toleranceMs) {
    const seconds = Math.round(Math.abs(clockAheadMs) / 1000)
    const message = `The clock of the database is ${seconds} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} that of this machine: one of them is wrong.`
    checks.push(warning('clock', message, 'timedatectl set-ntp true'))
  }
  if (pending.length > 0) {
    const message = `The database lacks ${pending.join(', ')}: the next start brings it up to date.`
    checks.push(warning(name, message, 'carrel up'))
  }
  return checks.length > 0 ? checks : [ok(name, `${engine}, whole, schema up to date`)]
}

export async function checkAdministrator(metadata: MetadataStore): Promise<Check> {
  const name = 'administrator'
  const count = await countAdministrators(metadata, 0)
  if (count > 0) return ok(name, count === 1 ? 'one can sign in' : `${count} can sign in`)
  const message =
    'No administrator has a password yet, so nobody can manage users and repositories.'
  return problem(name, message, 'carrel admin link')
}

export async function checkClock(
  metadata: MetadataStore | undefined,
  now: Date = new Date(),
): Promise<Check> {
  const name = 'clock'
  const fix = 'timedatectl set-ntp true'
  const text = `${now.toISOString().slice(0, 19)}Z`
  if (now.getTime() < earliest) {
    const message = `The clock of this machine says ${text}, which cannot be: certificates and tokens will be refused.`
    return problem(name, message, fix)
  }
  const latest = metadata && (await latestMoment(metadata))
  if (latest !== undefined && latest.getTime() > now.getTime() + toleranceMs) {
    const message = `The clock says ${text}, but something was pushed at ${latest.toISOString().slice(0, 19)}Z: it goes wrong now, or went wrong then.`
    return warning(name, message, fix)
  }
  return ok(name, text)
}
