// Deleted repositories whose time is over go for good, some rows at a time. One that fails does not keep the others,
// and the next run goes on where this one stopped.
import { appendAudit } from '../metadata/audit.ts'
import { queueForJournal } from '../metadata/journal-queue.ts'
import {
  beginPurge,
  listDueRepositories,
  purgeSomeOfRepository,
  type RepositoryDue,
} from '../metadata/purge-repository.ts'
import { deleteRepository } from '../metadata/repositories.ts'
import { reviewAfterPurge } from './purge-bin.ts'
import { addCounts, type Run } from './run.ts'

const repositoriesAtOnce = 50
const rowsAtOnce = 500

export async function purgeRepositories(run: Run): Promise<boolean> {
  const { deps, delays, now } = run
  if (!Number.isFinite(delays.deletedMs)) return false
  const limitAt = now - delays.deletedMs
  const failed = new Set<number>()
  let isChanged = false
  while (await run.goesOn()) {
    const limit = repositoriesAtOnce + failed.size
    const due = await listDueRepositories(deps.metadata, { limitAt, limit })
    const next = due.find(({ id }) => !failed.has(id))
    if (next === undefined) break
    try {
      if (await purgeRepository(run, next, limitAt)) isChanged = true
      else break
    } catch (error) {
      run.failures.add(`${next.name} (deleted)`, error)
      failed.add(next.id)
    }
  }
  return isChanged
}

/** Returns false when the run ended before it was done. */
async function purgeRepository(
  run: Run,
  { id, name }: RepositoryDue,
  limitAt: number,
): Promise<boolean> {
  const { metadata } = run.deps
  const begun = await metadata.write(async (tx) => beginPurge(tx, id, limitAt))
  if (!begun) return true
  const step = { limit: rowsAtOnce, reviewAfter: reviewAfterPurge(run).blobs }
  const weak = { durable: false }
  while (await metadata.write(async (tx) => purgeSomeOfRepository(tx, id, step), weak)) {
    if (!(await run.goesOn())) return false
  }
  await metadata.write(async (tx) => {
    await deleteRepository(tx, id)
    await queueForJournal(tx, [{ kind: 'repository-purged', repositoryId: id }])
    const actor = { name: 'carrel' }
    await appendAudit(tx, { event: 'repository.purged', actor, subject: name })
  })
  addCounts(run.counts, { repositories: 1 })
  return true
}
