// A process that takes a volume over and can be killed at it: `node adoption-child.ts DIR ROWS [THREADS]`, with as many rows
// in a transaction. Says `begun`, and `done` with the counts as JSON.
import { join } from 'node:path'
import { adoptWhenDue } from '../../src/adoption/start.ts'
import { openSqlite } from '../../src/metadata/dialects/sqlite.ts'

const [directory = '', rows = '4000', threads] = process.argv.slice(2)
await using metadata = await openSqlite({ file: join(directory, 'carrel.db'), migrate: true })
const taken = await adoptWhenDue(metadata, directory, {
  rowsAtOnce: Number(rows),
  ...(threads !== undefined && { threads: Number(threads) }),
  onBegin: () => process.stdout.write('begun\n'),
})
if (typeof taken === 'string') process.stdout.write(`${taken}\n`)
else {
  const { repositories, tags, manifests, blobs, seconds } = taken
  process.stdout.write(
    `done ${JSON.stringify({ repositories, tags, manifests, blobs, seconds })}\n`,
  )
}
