// A token has two secrets while it is being replaced: clients change over one after another, and the old secret ends
// when its use has stopped, or at its deadline.
import type { SecretSlot } from '../metadata/token-secrets.ts'

/** So long unused, an old secret is nobody's any more. */
export const disuseMs = 24 * 60 * 60_000

/**
 * Disuse counts from the last use or the replacement, whichever is later, and only once the new secret was used: until
 * then the old one may be the only one that any client has.
 */
export function secretState(
  secret: Omit<SecretSlot, 'slot' | 'createdAt'>,
  now: number,
): 'good' | 'ended' {
  const { lastUsedAt = 0, replacedAt, endsAt, successorUsedAt } = secret
  if (endsAt !== undefined && endsAt <= now) return 'ended'
  if (replacedAt === undefined || successorUsedAt === undefined) return 'good'
  return now - Math.max(lastUsedAt, replacedAt) >= disuseMs ? 'ended' : 'good'
}
