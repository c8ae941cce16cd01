// What concerns one account: a user's own, a robot that one made, or, for administrators, anybody's.
import { parseSubject } from '../../access/subjects.ts'
import type { Permission } from '../../auth/authorize.ts'
import { invalidInput } from './problem-error.ts'

export function ofPrincipal(name: string): Permission {
  return { action: 'admin', resource: { type: 'principal', name } }
}

/** The name in `user:ann` or `robot:ci`. @throws {ProblemError} invalid-input */
export function principalNamed(who: string): string {
  const subject = parseSubject(who)
  if (subject !== undefined && 'name' in subject && subject.kind !== 'team') return subject.name
  throw invalidInput([{ path: 'for', message: 'Write whose: user:NAME or robot:NAME.' }])
}
