// All handlers of the management API in one table: it does not compile while an operation has none.
import type { OperationName } from '../../contract/operations.ts'
import type { Handlers } from './handler.ts'
import { accessHandlers } from './handlers/access.ts'
import { accountHandlers } from './handlers/account.ts'
import { auditHandlers } from './handlers/audit.ts'
import { grantHandlers } from './handlers/grants.ts'
import { namespaceHandlers } from './handlers/namespaces.ts'
import { repositoryHandlers } from './handlers/repositories.ts'
import { tagHandlers } from './handlers/tags.ts'
import { teamHandlers } from './handlers/teams.ts'
import { allUnwritten } from './handlers/unwritten.ts'
import { userHandlers } from './handlers/users.ts'

export const handlers: Handlers<OperationName> = {
  ...accountHandlers,
  ...userHandlers,
  ...teamHandlers,
  ...namespaceHandlers,
  ...repositoryHandlers,
  ...tagHandlers,
  ...grantHandlers,
  ...accessHandlers,
  ...auditHandlers,
  ...allUnwritten(['totp.start', 'totp.confirm', 'totp.stop']),
  ...allUnwritten([
    'tokens.list',
    'tokens.create',
    'tokens.show',
    'tokens.rotate',
    'tokens.revoke',
  ]),
  ...allUnwritten([
    'robots.list',
    'robots.create',
    'robots.show',
    'robots.change',
    'robots.rotate',
    'robots.remove',
  ]),
  ...allUnwritten([
    'federation-rules.list',
    'federation-rules.create',
    'federation-rules.show',
    'federation-rules.remove',
    'federation-rules.test',
  ]),
  ...allUnwritten(['sessions.list', 'sessions.end', 'sessions.endAll']),
  ...allUnwritten([
    'access-reviews.list',
    'access-reviews.create',
    'access-reviews.show',
    'access-reviews.items',
    'access-reviews.decide',
    'access-reviews.close',
    'access-reviews.evidence',
  ]),
}
