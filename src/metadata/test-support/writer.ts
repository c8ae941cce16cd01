// Another writer of a test's database, as a thread (workerData) or as a process (its argument): adds 1 to the number
// in a repository's description, many times over, several at once.
import { parentPort, workerData } from 'node:worker_threads'
import type { MetadataStore } from '../metadata-store.ts'
import { findRepository, updateRepository } from '../repositories.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import { openAt, type StoreAddress } from './store-address.ts'

export interface WriterOrders {
  readonly address: StoreAddress
  readonly repository: RepositoryName
  readonly times: number
}

/** Reads and writes in one transaction: an addition is lost as soon as two of them overlap. */
export async function addOne(store: MetadataStore, name: RepositoryName): Promise<void> {
  await store.write(async (tx) => {
    const repository = await findRepository(tx, name)
    if (repository === undefined) throw new Error(`there is no repository ${name}`)
    await updateRepository(tx, {
      ...repository,
      description: String(Number(repository.description) + 1),
    })
  })
}

export async function addMany(
  store: MetadataStore,
  { repository, times }: Pick<WriterOrders, 'repository' | 'times'>,
): Promise<void> {
  const atOnce = 5
  for (let done = 0; done < times; done += atOnce) {
    await Promise.all(
      Array.from({ length: Math.min(atOnce, times - done) }, async () => addOne(store, repository)),
    )
  }
}

async function obey(orders: WriterOrders): Promise<void> {
  await using store = await openAt(orders.address)
  await addMany(store, orders)
}

if (parentPort !== null) await obey(workerData as WriterOrders)
else if (import.meta.main) await obey(JSON.parse(process.argv[2] ?? '') as WriterOrders)
