// Cases of the contract: what is listed comes in byte order, a page at a time by key, and is exactly what there is.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { listBlobs } from '../blobs.ts'
import { listManifests } from '../manifests.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { listPrincipals } from '../principals.ts'
import { listRepositories, listRepositoryNames, type RepositoryRow } from '../repositories.ts'
import { listTagNames, listTags } from '../tags.ts'
import { parseTag } from '../../oci/reference.ts'
import { aBlob, aManifest, aRepository, aTag, aUser, newName, type Case } from './case.ts'

/** As strings are compared by their bytes; `<` of JavaScript does the same for ASCII. */
function inByteOrder(names: Iterable<string>): string[] {
  return [...names].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** What a page must hold. */
function pageOf(names: Iterable<string>, after: string, limit: number): string[] {
  return inByteOrder(names)
    .filter((one) => Buffer.compare(Buffer.from(one), Buffer.from(after)) > 0)
    .slice(0, limit)
}

// Few characters, so that names are often prefixes of each other and differ in these alone.
const tagName = fc.stringMatching(/^[aAzZ09_][aAzZ09._-]{0,4}$/)
const component = fc.stringMatching(/^[az09]{1,2}([._-][az09]{1,2}){0,2}$/)
const repositoryName = fc
  .array(component, { minLength: 1, maxLength: 3 })
  .map((components) => components.join('/'))

const page = fc.record({
  after: fc.oneof(fc.constant(''), tagName, repositoryName, fc.string({ maxLength: 4 })).filter(
    // Only names are ever compared with it, and PostgreSQL has no NUL.
    (text) => !text.includes('\0') && text.isWellFormed(),
  ),
  limit: fc.integer({ min: 1, max: 12 }),
})

async function makeTags(store: MetadataStore, tags: readonly string[]): Promise<number> {
  return store.write(async (tx) => {
    const id = await aRepository(tx, newName())
    const target = await aManifest(tx, id, 'image')
    for (const tag of tags) await aTag(tx, id, parseTag(tag), target)
    return id
  })
}

interface Listed {
  readonly name: string
  readonly visibility: RepositoryRow['visibility']
}

const filter = fc.record({
  all: fc.boolean(),
  internal: fc.boolean(),
  ownNamespace: fc.option(component, { nil: undefined }),
})

export const listings: readonly Case[] = [
  [
    'tags are listed by their bytes: digits, upper case, underscore, lower case',
    async (store) => {
      const tags = [
        'b',
        'a',
        'B',
        'A',
        '_',
        '0',
        'a-',
        'a.',
        'a_',
        'a0',
        'aA',
        'aa',
        'a',
        '_.',
        '1',
      ]
      const id = await makeTags(store, tags)
      const listed = await listTags(store, id, { after: '', limit: 100 })
      assert.deepEqual(
        listed.map((tag) => tag.name),
        ['0', '1', 'A', 'B', '_', '_.', 'a', 'a-', 'a.', 'a0', 'aA', 'a_', 'aa', 'b'],
      )
    },
  ],
  [
    'repositories are listed by their bytes: hyphen, dot, slash, digits, underscore, letters',
    async (store) => {
      const names = ['a/b', 'a-b', 'a.b', 'a_b', 'a', 'ab', 'a0', 'a/b/c', 'a/b-c', 'b', '0']
      await store.write(async (tx) => {
        for (const one of names) await aRepository(tx, one)
      })
      const everything = { all: true, internal: true, ownNamespace: undefined }
      const listed = await listRepositories(store, everything, { after: '', limit: 100 })
      assert.deepEqual(
        listed.map((one) => one.name),
        ['0', 'a', 'a-b', 'a.b', 'a/b', 'a/b-c', 'a/b/c', 'a0', 'a_b', 'ab', 'b'],
      )
    },
  ],
  [
    'any page of any tags is what the model says',
    async (store) => {
      const given = fc.record({
        tags: fc.uniqueArray(tagName, { maxLength: 40 }),
        pages: fc.array(page, { minLength: 4, maxLength: 4 }),
      })
      await fc.assert(
        fc.asyncProperty(given, async ({ tags, pages }) => {
          const id = await makeTags(store, tags)
          for (const { after, limit } of pages) {
            const listed = await listTags(store, id, { after, limit })
            const names = listed.map((tag) => tag.name)
            assert.deepEqual(names, pageOf(tags, after, limit))
            assert.deepEqual(await listTagNames(store, id, { after, limit }), names)
          }
        }),
        { numRuns: 25 },
      )
    },
  ],
  [
    'page after page gives every tag exactly once, whatever the size of the pages',
    async (store) => {
      const given = fc.record({
        tags: fc.uniqueArray(tagName, { minLength: 1, maxLength: 40 }),
        limit: fc.integer({ min: 1, max: 7 }),
      })
      await fc.assert(
        fc.asyncProperty(given, async ({ tags, limit }) => {
          const id = await makeTags(store, tags)
          const seen: string[] = []
          for (let after = ''; seen.length <= tags.length;) {
            const names = (await listTags(store, id, { after, limit })).map((tag) => tag.name)
            const last = names.at(-1)
            if (last === undefined) break
            seen.push(...names)
            after = last
          }
          assert.deepEqual(seen, inByteOrder(tags))
        }),
        { numRuns: 15 },
      )
    },
  ],
  [
    'any page of the catalog is what the filter and the model say',
    async (store) => {
      const visibility = fc.constantFrom('private', 'internal', 'public')
      const repositories = fc.uniqueArray(fc.record({ name: repositoryName, visibility }), {
        selector: (one) => one.name,
        maxLength: 30,
      })
      await fc.assert(
        fc.asyncProperty(
          repositories,
          fc.array(fc.tuple(filter, page), { minLength: 6, maxLength: 6 }),
          async (made, questions) => {
            const prefix = newName()
            // Under a prefix of their own, as the runs share a database; the namespace is that prefix's.
            const rows = made.map((one): Listed => ({ ...one, name: `${one.name}/${prefix}` }))
            await store.write(async (tx) => {
              for (const one of rows) await aRepository(tx, one.name, one.visibility)
            })
            for (const [{ all, internal, ownNamespace }, { after }] of questions) {
              const shown = (one: Listed): boolean =>
                all ||
                one.visibility === 'public' ||
                (internal && one.visibility === 'internal') ||
                (ownNamespace !== undefined && one.name.startsWith(`${ownNamespace}/`))
              const listed = await listRepositories(
                store,
                { all, internal, ownNamespace },
                { after, limit: 10_000 },
              )
              const ours = listed.map((one) => one.name).filter((one) => one.endsWith(prefix))
              const expected = rows.filter(shown).map((one) => one.name)
              assert.deepEqual(ours, pageOf(expected, after, 10_000))
              const shownAs = { all, internal, ownNamespace }
              const names = await listRepositoryNames(store, shownAs, { after, limit: 10_000 })
              assert.deepEqual(
                names,
                listed.map((one) => one.name),
              )
            }
          },
        ),
        { numRuns: 20 },
      )
    },
  ],
  [
    'a page of the catalog stops at its limit and goes on where it stopped, filter or not',
    async (store) => {
      await store.write(async (tx) => {
        for (let number = 10; number < 40; number += 1) {
          await aRepository(tx, `team/${number}`, number % 3 === 0 ? 'public' : 'private')
        }
      })
      const publicOnly = { all: false, internal: false, ownNamespace: undefined }
      const seen: string[] = []
      for (let after = ''; seen.length < 100;) {
        const names = await listRepositories(store, publicOnly, { after, limit: 4 })
        seen.push(...names.map((one) => one.name))
        const last = seen.at(-1)
        if (names.length < 4 || last === undefined) break
        after = last
      }
      const expected = Array.from({ length: 30 }, (_, index) => index + 10)
        .filter((number) => number % 3 === 0)
        .map((number) => `team/${number}`)
      assert.deepEqual(seen, expected)
    },
  ],
  [
    'manifests, blobs and principals are listed in order too, page by page',
    async (store) => {
      const words = Array.from({ length: 20 }, (_, number) => `content ${number}`)
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        for (const word of words) {
          await aManifest(tx, made, word)
          await aBlob(tx, word, made)
          await aUser(tx, word.replace(' ', '-'))
        }
        return made
      })
      const digests = async (list: (after: string) => Promise<readonly { digest: string }[]>) =>
        collect(async (after) => (await list(after)).map((one) => one.digest))
      const limit = 7
      const manifests = await digests(async (after) => listManifests(store, id, { after, limit }))
      const blobs = await digests(async (after) => listBlobs(store, { after, limit }))
      assert.equal(manifests.length, words.length)
      assert.deepEqual(manifests, inByteOrder(manifests))
      assert.deepEqual(blobs, manifests)
      const users = await collect(async (after) =>
        (await listPrincipals(store, { after, limit })).map((one) => one.name),
      )
      assert.deepEqual(users, inByteOrder(words.map((word) => word.replace(' ', '-'))))
      assert.equal((await listManifests(store, id + 1, { after: '', limit })).length, 0)
    },
  ],
]

async function collect(list: (after: string) => Promise<readonly string[]>): Promise<string[]> {
  const all: string[] = []
  for (let after = ''; all.length < 1000;) {
    const some = await list(after)
    const last = some.at(-1)
    if (last === undefined) break
    all.push(...some)
    after = last
  }
  return all
}
