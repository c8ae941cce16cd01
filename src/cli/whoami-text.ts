// What an account may do, in a few lines.
import type { OutputOf } from '../contract/operations.ts'
import { printable } from './text.ts'

const mostLines = 8

export function rightsOf({ admin, grants, token }: OutputOf<'account.show'>): readonly string[] {
  const scopes = token?.scopes
  const narrowed = scopes === undefined ? [] : [`this token allows only: ${scopes.join(' ')}`]
  if (admin) return ['may do everything, as an administrator', ...narrowed].map(printable)
  const lines = grants.map(
    ({ where, role, actions }) =>
      `may ${role === undefined ? actions.join(', ') : `do what a ${role} may`} in ${where}`,
  )
  const shown = lines.slice(0, mostLines)
  const more = lines.length > shown.length ? [`and ${lines.length - shown.length} more`] : []
  const nothing = lines.length === 0 ? ['has no rights of its own yet'] : []
  return [...nothing, ...shown, ...more, ...narrowed].map(printable)
}
