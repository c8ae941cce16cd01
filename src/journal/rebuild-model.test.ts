// Random lives of an installation: whatever was pushed, moved, deleted and restored, with whatever failed meanwhile, the
// database that is made from the storage is the one that was lost.
//
//   CARREL_TEST_JOURNAL_RUNS=500 node --test src/journal/rebuild-model.test.ts
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { findDeletedRepository } from '../metadata/deleted-repositories.ts'
import { saveJournalState } from '../metadata/journal-state.ts'
import { listManifests } from '../metadata/manifests.ts'
import { pageOfDeletedManifests } from '../metadata/journal-reading.ts'
import { insertPrincipal } from '../metadata/principals.ts'
import { findRepository } from '../metadata/repositories.ts'
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { ociImageConfig } from '../oci/media-types.ts'
import { parseReference, parseRepositoryName, parseTag } from '../oci/reference.ts'
import { removeManifest, removeRepository, removeTag } from '../registry/delete.ts'
import { pushManifest } from '../registry/push-manifest.ts'
import { ensureRepository } from '../registry/repository.ts'
import { restoreManifest } from '../registry/restore-manifest.ts'
import { restoreRepository } from '../registry/restore-repository.ts'
import { restoreTag } from '../registry/restore-tag.ts'
import {
  anImage,
  anIndex,
  bytesOf,
  describe,
  describeManifest,
  layerType,
} from '../registry/test-support/images.ts'
import { content, pushBlob } from '../registry/test-support/registry.ts'
import { withFaults, type Fault } from '../storage/fault-driver.ts'
import { createJournal, type Journal } from './journal.ts'
import { aWorld, rebuildFrom, tellAll, type World } from './test-support/world.ts'

const runs = Number(process.env['CARREL_TEST_JOURNAL_RUNS'] ?? 12)
const names = ['team/a', 'team/b', 'solo'] as const
const tags = ['v1', 'v2', 'latest'] as const
const limits = { segmentBytes: 2000, looseBytes: 20_000, looseSegments: 8, baseAgainMs: 0 }

const aName = fc.constantFrom(...names)
const aTag = fc.constantFrom(...tags)
const aWord = fc.integer({ min: 0, max: 5 })
const aStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('push'), name: aName, tag: aTag, word: aWord }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('index'), name: aName, tag: aTag, word: aWord }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('untag'), name: aName, tag: aTag, word: aWord }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('remove'), name: aName, tag: aTag, word: aWord }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('restore'), name: aName, tag: aTag, word: aWord }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('rollback'), name: aName, tag: aTag, word: aWord }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('remove-repository'),
      name: aName,
      tag: aTag,
      word: aWord,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('restore-repository'),
      name: aName,
      tag: aTag,
      word: aWord,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('write', 'crash', 'fail', 'restart', 'forget-state'),
      name: aName,
      tag: aTag,
      word: aWord,
    }),
  },
)
type Step = typeof aStep extends fc.Arbitrary<infer T> ? T : never

class Life {
  readonly world: World
  readonly fault: { next: Fault | undefined }
  #journal: Journal

  constructor(world: World, fault: { next: Fault | undefined }) {
    this.world = world
    this.fault = fault
    this.#journal = this.#start()
  }

  #start(): Journal {
    return createJournal({ ...this.world, limits })
  }

  /** Returns false when the journal could not be written. */
  async write(): Promise<boolean> {
    try {
      await this.#journal.run()
      return true
    } catch (error) {
      assert.match(String(error), /injected/)
      return false
    }
  }

  async take(step: Step): Promise<void> {
    const { metadata } = this.world
    const repository = await findRepository(metadata, parseRepositoryName(step.name))
    switch (step.do) {
      case 'push':
        return this.#push(step)
      case 'index':
        return this.#index(step)
      case 'untag':
        if (repository) await removeTag(metadata, repository.id, parseTag(step.tag))
        return
      case 'remove':
        if (repository) await this.#removeOne(repository.id, step.word)
        return
      case 'restore':
        if (repository) await this.#restoreOne(repository.id, step.word)
        return
      case 'rollback':
        if (repository) {
          const asked = {
            repositoryId: repository.id,
            tag: parseTag(step.tag),
            audit: audit('tag.restored'),
          }
          await restoreTag(metadata, asked)
        }
        return
      case 'remove-repository':
        if (repository) await removeRepository(metadata, repository.id)
        return
      case 'restore-repository':
        if (await findDeletedRepository(metadata, parseRepositoryName(step.name))) {
          await restoreRepository(
            metadata,
            parseRepositoryName(step.name),
            audit('repository.restored'),
          )
        }
        return
      case 'write':
        await this.write()
        return
      case 'crash':
        // The segment is durable, and the process dies before it knows.
        this.fault.next = { kind: 'lose-answer', error: new Error('injected') }
        await this.write()
        this.fault.next = undefined
        this.#journal = this.#start()
        return
      case 'fail':
        this.fault.next = { kind: 'fail', error: new Error('injected') }
        await this.write()
        this.fault.next = undefined
        return
      case 'restart':
        this.#journal = this.#start()
        return
      case 'forget-state': {
        // As after a restore from a backup: the database knows less of the journal than there is.
        const before = { lineage: 'old', from: 1, to: 1, base: undefined, segments: 0, bytes: 0 }
        const highest = { repository: 0, principal: 0 }
        await metadata.write(async (tx) => saveJournalState(tx, { ...before, highest }))
        this.#journal = this.#start()
      }
    }
  }

  async #images({ name, word }: Step) {
    const { metadata } = this.world
    const { id } = await ensureRepository(metadata, parseRepositoryName(name), 1)
    const config = Buffer.from(`{"of":${word}}`)
    const small = Buffer.from(`layer ${word % 3}`)
    const big = content(20_000, word % 2)
    for (const bytes of [config, small, big]) await pushBlob(this.world, bytes, id)
    const foreign = {
      ...describe('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', content(17_000, 9)),
    }
    // Sometimes pushed, sometimes not.
    if (word % 3 === 0) await pushBlob(this.world, content(17_000, 9), id)
    const image = anImage(
      describe(ociImageConfig, config),
      [describe(layerType, small), describe(layerType, big), ...(word % 2 === 0 ? [foreign] : [])],
      { annotations: { word: String(word) } },
    )
    return { id, image }
  }

  async #push(step: Step): Promise<void> {
    const { id, image } = await this.#images(step)
    await this.#pushBytes(id, bytesOf(image), step)
  }

  async #index(step: Step): Promise<void> {
    const { id, image } = await this.#images(step)
    const { image: other } = await this.#images({ ...step, word: step.word + 1 })
    for (const child of [image, other]) await this.#pushBytes(id, bytesOf(child), undefined)
    const index = anIndex([describeManifest(image), describeManifest(other)], {
      subject: describeManifest(image),
    })
    await this.#pushBytes(id, bytesOf(index), step)
  }

  async #pushBytes(id: number, bytes: Buffer, step: Step | undefined): Promise<void> {
    await pushManifest(this.world.metadata, {
      repositoryId: id,
      reference: parseReference(step?.tag ?? describe('', bytes).digest),
      tags: [],
      contentType: undefined,
      bytes,
      name: 'any',
      pusher: { id: 1, name: 'ann', address: '127.0.0.1', provenance: step && '{"job":"7"}' },
    })
  }

  async #removeOne(id: number, word: number): Promise<void> {
    const { metadata } = this.world
    const rows = await listManifests(metadata, id, { after: '', limit: 50 })
    const row = rows[word % Math.max(rows.length, 1)]
    if (row === undefined) return
    await removeManifest(metadata, id, row.digest).catch((error: unknown) => {
      // An index holds it.
      if (!(error instanceof OciError)) throw error
    })
  }

  async #restoreOne(id: number, word: number): Promise<void> {
    const { metadata } = this.world
    const bin = await pageOfDeletedManifests(metadata, { after: 0, limit: 50 })
    const row = bin[word % Math.max(bin.length, 1)]
    if (row === undefined) return
    await restoreManifest(
      metadata,
      { repositoryId: id, digest: row.digest as Digest },
      audit('manifest.restored'),
    )
  }
}

function audit(event: string) {
  return { event, actor: { id: 1, name: 'ann' }, subject: 'any' } as never
}

async function live(t: TestContext, steps: readonly Step[]): Promise<Life> {
  const fault: { next: Fault | undefined } = { next: undefined }
  const world = await aWorld(t, {
    wrap: (driver) =>
      withFaults(driver, ({ operation, keys }) =>
        (operation === 'write' || operation === 'delete') && keys[0]?.startsWith('journal/')
          ? fault.next
          : undefined,
      ),
  })
  await world.metadata.write(async (tx) => insertPrincipal(tx, { name: 'ann', provider: 'local' }))
  await ensureRepository(world.metadata, parseRepositoryName('solo'), 1)
  const life = new Life(world, fault)
  for (const step of steps) await life.take(step)
  return life
}

test(`${runs} random lives come back from the storage as they were`, async (t) => {
  let compared = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(aStep, { minLength: 5, maxLength: 30, size: 'max' }),
      async (steps) => {
        const life = await live(t, steps)
        assert.equal(await life.write(), true)
        const { file, findings } = await rebuildFrom(t, life.world.blobs)
        const before = tellAll(life.world.file)
        assert.deepEqual(tellAll(file), before)
        assert.deepEqual(findings, [])
        compared += before['manifests']?.length ?? 0
      },
    ),
    {
      numRuns: runs,
      ...(process.env['CARREL_TEST_SEED'] && { seed: Number(process.env['CARREL_TEST_SEED']) }),
    },
  )
  t.diagnostic(`${runs} lives, ${compared} manifests compared`)
  assert.ok(compared > 3 * runs, 'too little was there to prove anything')
})
