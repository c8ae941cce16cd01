// The contract of MetadataStore and of all queries as tests, run by both dialects.
import { suite, test, type TestContext } from 'node:test'
import { accessReviews } from './suite-cases/access-reviews.ts'
import { adoption } from './suite-cases/adoption.ts'
import { audit } from './suite-cases/audit.ts'
import type { Case } from './suite-cases/case.ts'
import { contents } from './suite-cases/contents.ts'
import { deletedRepositories } from './suite-cases/deleted-repositories.ts'
import { federation } from './suite-cases/federation.ts'
import { grantLists } from './suite-cases/grant-lists.ts'
import { grants } from './suite-cases/grants.ts'
import { journal } from './suite-cases/journal.ts'
import { holdings } from './suite-cases/holdings.ts'
import { listings } from './suite-cases/listings.ts'
import { loginAttempts } from './suite-cases/login-attempts.ts'
import { machines } from './suite-cases/machines.ts'
import { namespaces } from './suite-cases/namespaces.ts'
import { people } from './suite-cases/people.ts'
import { protection } from './suite-cases/protection.ts'
import { readOnly } from './suite-cases/read-only.ts'
import { recycleBin } from './suite-cases/recycle-bin.ts'
import { repositories } from './suite-cases/repositories.ts'
import { reviews } from './suite-cases/reviews.ts'
import { secondFactors } from './suite-cases/second-factors.ts'
import { sessions } from './suite-cases/sessions.ts'
import { tokens } from './suite-cases/tokens.ts'
import { teams } from './suite-cases/teams.ts'
import { transactions } from './suite-cases/transactions.ts'
import { uploads } from './suite-cases/uploads.ts'
import { verification } from './suite-cases/verification.ts'
import { wholeTables } from './suite-cases/whole-tables.ts'
import { writers } from './suite-cases/writers.ts'
import { openAt, type StoreAddress } from './test-support/store-address.ts'

const all: readonly Case[] = [
  ...transactions,
  ...writers,
  ...repositories,
  ...contents,
  ...protection,
  ...listings,
  ...reviews,
  ...uploads,
  ...verification,
  ...people,
  ...tokens,
  ...sessions,
  ...loginAttempts,
  ...secondFactors,
  ...federation,
  ...machines,
  ...audit,
  ...grants,
  ...grantLists,
  ...teams,
  ...namespaces,
  ...accessReviews,
  ...adoption,
  ...readOnly,
  ...recycleBin,
  ...deletedRepositories,
  ...holdings,
  ...journal,
  ...wholeTables,
]

/** `makeEmpty` gives an empty database with the schema in it; what it made goes away by `t.after`. */
export function metadataSuite(
  name: string,
  makeEmpty: (t: TestContext) => Promise<StoreAddress>,
  skip: string | false = false,
): void {
  void suite(name, { skip }, () => {
    for (const [title, run] of all) {
      void test(title, async (t) => {
        const address = await makeEmpty(t)
        await using store = await openAt(address)
        await run(store, address)
      })
    }
  })
}
