import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pageById, pageByName, type Page, type PageInput } from './page.ts'

test('pages of any size hold everything that may be seen once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      async (visible, limit) => {
        const rows = visible.map((isVisible, index) => ({ id: index + 1, isVisible }))
        const found: number[] = []
        let after: string | undefined
        do {
          const input: PageInput = { limit, ...(after !== undefined && { after }) }
          const page = await pageById(input, {
            fetch: async (key, most) => rows.filter(({ id }) => id > key).slice(0, most),
            keyOf: ({ id }) => id,
            item: ({ id, isVisible }) => (isVisible ? id : undefined),
          })
          assert.ok(page.items.length <= limit)
          found.push(...page.items)
          after = page.next
        } while (after !== undefined)
        const wanted = rows.filter(({ isVisible }) => isVisible).map(({ id }) => id)
        assert.deepEqual(found, wanted)
      },
    ),
  )
})

test('a page that would take too long to fill ends early and says where to go on', async () => {
  let fetched = 0
  const listing = {
    async fetch(after: string, limit: number) {
      fetched += 1
      const first = after === '' ? 0 : Number(after)
      const count = Math.min(limit, 20_000 - first)
      return Array.from({ length: count }, (_, index) => String(first + index + 1).padStart(5, '0'))
    },
    keyOf: (name: string) => name,
    item: (name: string) => (name === '20000' ? name : undefined),
  }
  const first = await pageByName({ limit: 1 }, listing)
  assert.deepEqual(first.items, [])
  assert.ok(first.next !== undefined)
  assert.ok(fetched < 30, `${fetched} queries`)
  const found: string[] = []
  let next: string | undefined = first.next
  for (let pages = 0; next !== undefined && pages < 10; pages += 1) {
    const page: Page<string> = await pageByName({ limit: 1, after: next }, listing)
    found.push(...page.items)
    next = page.next
  }
  assert.deepEqual(found, ['20000'])
})
