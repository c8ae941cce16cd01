// What the operations of the management API change, for the read-only switch: of what is kept, or of nothing. Whoever may
// get in is not content: users, grants and tokens are managed all the time. An operation without an entry does not compile.
import type { OperationName, Operations } from '../../contract/operations.ts'
import type { Effect } from '../read-only.ts'

type Changing = {
  [N in OperationName]: Operations[N]['method'] extends 'GET' ? never : N
}[OperationName]

export const operationEffects: Readonly<Record<Changing, Effect>> = {
  'account.password': 'none',
  'totp.start': 'none',
  'totp.confirm': 'none',
  'totp.stop': 'none',
  'users.create': 'none',
  'users.change': 'none',
  'users.remove': 'none',
  'users.password': 'none',
  'users.stopTotp': 'none',
  'teams.create': 'none',
  'teams.change': 'none',
  'teams.remove': 'none',
  'teams.addMember': 'none',
  'teams.removeMember': 'none',
  'namespaces.create': 'none',
  'namespaces.change': 'none',
  'namespaces.remove': 'none',
  'repositories.create': 'change',
  'repositories.change': 'change',
  'repositories.remove': 'change',
  'repositories.restore': 'change',
  'tags.remove': 'change',
  'tags.restore': 'change',
  'images.restore': 'change',
  'collection.run': 'change',
  'collection.undo': 'change',
  'grants.create': 'none',
  'grants.change': 'none',
  'grants.remove': 'none',
  'tokens.create': 'none',
  'tokens.rotate': 'none',
  'tokens.revoke': 'none',
  'robots.create': 'none',
  'robots.change': 'none',
  'robots.rotate': 'none',
  'robots.remove': 'none',
  'federation-rules.create': 'none',
  'federation-rules.change': 'none',
  'federation-rules.remove': 'none',
  'federation-rules.test': 'none',
  'sessions.end': 'none',
  'sessions.endAll': 'none',
  'access-reviews.create': 'none',
  'access-reviews.decide': 'none',
  'access-reviews.close': 'none',
  'read-only.on': 'none',
  'read-only.off': 'none',
}

/** What is not known to change nothing counts as a change. */
export function effectOfOperation(name: OperationName, method: string): Effect {
  if (method === 'GET') return 'none'
  const all: Readonly<Partial<Record<OperationName, Effect>>> = operationEffects
  return all[name] ?? 'change'
}
