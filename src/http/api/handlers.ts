// All handlers of the management API in one table: it does not compile while an operation has none.
import type { OperationName } from '../../contract/operations.ts'
import type { Handlers } from './handler.ts'
import { accessReviewHandlers } from './handlers/access-reviews.ts'
import { accessHandlers } from './handlers/access.ts'
import { totpHandlers } from './handlers/account-totp.ts'
import { accountHandlers } from './handlers/account.ts'
import { auditHandlers } from './handlers/audit.ts'
import { collectionHandlers } from './handlers/collection.ts'
import { federationRuleHandlers } from './handlers/federation-rules.ts'
import { grantHandlers } from './handlers/grants.ts'
import { namespaceHandlers } from './handlers/namespaces.ts'
import { readOnlyHandlers } from './handlers/read-only.ts'
import { repositoryHandlers } from './handlers/repositories.ts'
import { robotHandlers } from './handlers/robots.ts'
import { sessionHandlers } from './handlers/sessions.ts'
import { imageHandlers, tagHandlers } from './handlers/tags.ts'
import { teamHandlers } from './handlers/teams.ts'
import { tokenHandlers } from './handlers/tokens.ts'
import { userHandlers } from './handlers/users.ts'

export const handlers: Handlers<OperationName> = {
  ...accountHandlers,
  ...userHandlers,
  ...teamHandlers,
  ...namespaceHandlers,
  ...repositoryHandlers,
  ...tagHandlers,
  ...imageHandlers,
  ...grantHandlers,
  ...accessHandlers,
  ...auditHandlers,
  ...collectionHandlers,
  ...totpHandlers,
  ...tokenHandlers,
  ...robotHandlers,
  ...federationRuleHandlers,
  ...sessionHandlers,
  ...accessReviewHandlers,
  ...readOnlyHandlers,
}
