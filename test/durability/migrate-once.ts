// A process that brings a database up to date and ends: node migrate-once.ts FILE. Killed by its test.
import { openSqlite } from '../../src/metadata/dialects/sqlite.ts'

const [, , file = ''] = process.argv
const metadata = await openSqlite({ file, migrate: true })
await metadata[Symbol.asyncDispose]()
