// A process that brings a database up to date and ends: node migrate-once.ts FILE-OR-URL. Killed by its test.
import { openPostgres } from '../../src/metadata/dialects/postgres.ts'
import { openSqlite } from '../../src/metadata/dialects/sqlite.ts'

const [, , place = ''] = process.argv
const metadata = place.startsWith('postgres')
  ? await openPostgres({ url: place, migrate: true })
  : await openSqlite({ file: place, migrate: true })
await metadata[Symbol.asyncDispose]()
