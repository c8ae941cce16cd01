// The collector against a model, on random graphs: nested indexes, shared children, referrers, subjects that are not
// there, several repositories with the same blobs, what lies in the bin already, what was touched lately. More of them:
// CARREL_TEST_GC_GRAPHS=10000; one again: CARREL_TEST_SEED.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import { createBlobStore } from '../storage/blob-store.ts'
import { createMemoryDriver } from '../storage/drivers/memory/memory-driver.ts'
import { collect } from './collect.ts'
import { build, dayMs, delays, graphs, type Graph } from './test-support/graph.ts'
import { expectedInTheEnd, expectedNow, sane, worldOf } from './test-support/model.ts'
import { empty, stateOf } from './test-support/state.ts'

const graphsToTry = Number(process.env['CARREL_TEST_GC_GRAPHS'] ?? 300)
const seed = Number(process.env['CARREL_TEST_SEED'] ?? Date.now() % 2 ** 31)
const now = Date.now()
const none = { untaggedMs: 0, unreferencedMs: 0, trashMs: 0, deletedMs: 0 }

void test('what is collected is exactly what nothing needs, on random graphs', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-collection-'))
  const file = join(folder, 'carrel.db')
  const metadata = await openSqlite({ file, migrate: true, syncLog: async () => undefined })
  t.after(async () => {
    await metadata[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  const deps = { metadata, blobs: createBlobStore(createMemoryDriver()) }
  const seen = { manifests: 0, blobs: 0, inTheEnd: 0 }

  async function tryOne(graph: Graph): Promise<void> {
    await empty(metadata)
    const world = worldOf(graph, await build(metadata, graph, now))
    // Nothing is purged yet.
    const patient = { ...delays, trashMs: Infinity, deletedMs: Infinity }
    const first = await collect(deps, { ...patient, now })
    assert.equal(first.errors, 0, first.errorMessages.join('\n'))
    assert.deepEqual(await stateOf(metadata), expectedNow(world))
    seen.manifests += first.manifests
    seen.blobs += first.blobs
    if (graph.nodes.length % 4 === 0) await passTime()
    const last = await collect(deps, { ...none, now: now + 1000 * dayMs })
    assert.equal(last.errors, 0, last.errorMessages.join('\n'))
    assert.deepEqual(await stateOf(metadata), expectedInTheEnd(world))
    seen.inTheEnd += last.purgedBlobs
  }

  /** As it goes in an installation: a day after another, whatever is due then. */
  async function passTime(): Promise<void> {
    for (let days = 1; days < 20; days += 3) {
      const { errors } = await collect(deps, { ...delays, now: now + days * dayMs })
      assert.equal(errors, 0)
    }
  }

  const property = fc.asyncProperty(graphs.map(sane), tryOne)
  t.diagnostic(`${graphsToTry} graphs, CARREL_TEST_SEED=${seed}`)
  await fc.assert(property, { seed, numRuns: graphsToTry })
  t.diagnostic(`collected at once: ${seen.manifests} manifests, ${seen.blobs} blobs`)
  assert.ok(seen.manifests > graphsToTry && seen.blobs > graphsToTry)
})
