import { metadataSuite } from '../metadata-suite.ts'
import { anSqliteFile } from '../test-support/sqlite.ts'
import { openAt } from '../test-support/store-address.ts'

metadataSuite('metadata on SQLite', async (t) => {
  const address = await anSqliteFile(t)
  await using _ = await openAt(address, { migrate: true })
  return address
})
