// A process that anchors the head of an installation's audit log: node anchor-once.ts DATA. A server does it
// every ten minutes.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ensureEvidenceKey } from '../../src/access/evidence-key.ts'
import { anchorHead } from '../../src/audit/anchor.ts'
import { sealAudit } from '../../src/audit/seal.ts'
import { appendAudit } from '../../src/metadata/audit.ts'
import { openSqlite } from '../../src/metadata/dialects/sqlite.ts'

const [, , folder = ''] = process.argv
await using metadata = await openSqlite({ file: join(folder, 'carrel.db') })
const actor = { name: randomBytes(8).toString('hex') }
await metadata.write(async (tx) => appendAudit(tx, { event: 'tag.restored', actor, subject: 'a' }))
await sealAudit(metadata)
const key = await ensureEvidenceKey(metadata)
const head = await anchorHead({ metadata, folder, sign: (bytes) => key.sign(bytes) })
if (head === undefined) throw new Error('Nothing was anchored.')
