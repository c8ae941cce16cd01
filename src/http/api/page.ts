// Pages of lists. A cursor is the key of the last item that was looked at, in base64url, so that it is clear that
// nobody should make one up.
import { invalidInput } from './problem-error.ts'

export interface PageInput {
  readonly limit: number
  readonly after?: string
}

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next?: string
}

/** How a list is kept in order: `key` is unique and never changes. */
export interface Listing<Row, Key extends string | number, Item> {
  /** At most `limit` rows after the key, in order. */
  readonly fetch: (after: Key, limit: number) => Promise<readonly Row[]>
  readonly keyOf: (row: Row) => Key
  /** Undefined: the caller may not see it. */
  readonly item: (row: Row) => Item | undefined
}

/** Rows looked at for one page: whoever sees little of a long list asks again, with `next`. */
const mostRows = 5000
const mostAtOnce = 500

export async function pageByName<Row, Item>(
  input: PageInput,
  listing: Listing<Row, string, Item>,
): Promise<Page<Item>> {
  return collect(input, nameOfCursor(input.after), listing)
}

export async function pageById<Row, Item>(
  input: PageInput,
  listing: Listing<Row, number, Item>,
): Promise<Page<Item>> {
  return collect(input, idOfCursor(input.after), listing)
}

async function collect<Row, Key extends string | number, Item>(
  { limit }: PageInput,
  start: Key,
  { fetch, keyOf, item }: Listing<Row, Key, Item>,
): Promise<Page<Item>> {
  const items: Item[] = []
  let after = start
  for (let looked = 0, round = 0; ; round += 1) {
    // One more than there is room for tells whether there is a next page; more when most rows are not to be shown.
    const wanted = Math.max(limit - items.length + 1, Math.min(2 ** round, mostAtOnce))
    const rows = await fetch(after, wanted)
    for (const row of rows) {
      const shown = item(row)
      if (shown !== undefined && items.length === limit) return { items, next: encode(after) }
      if (shown !== undefined) items.push(shown)
      after = keyOf(row)
    }
    looked += rows.length
    if (rows.length < wanted) return { items }
    if (looked >= mostRows) return { items, next: encode(after) }
  }
}

function encode(key: string | number): string {
  return Buffer.from(String(key), 'utf8').toString('base64url')
}

/** '' before all names. @throws {ProblemError} for what `encode` never made */
export function nameOfCursor(after: string | undefined): string {
  return after === undefined ? '' : decode(after)
}

/** 0 before all ids. @throws {ProblemError} for what `encode` never made */
export function idOfCursor(after: string | undefined): number {
  if (after === undefined) return 0
  const text = decode(after)
  if (!/^[1-9]\d{0,15}$/.test(text) || !Number.isSafeInteger(Number(text))) throw badCursor()
  return Number(text)
}

function decode(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  // oxlint-disable-next-line no-control-regex -- no key has one, and PostgreSQL cannot be asked with all of them
  if (encode(text) !== cursor || /[\u0000-\u001f\u007f]/.test(text)) throw badCursor()
  return text
}

function badCursor() {
  return invalidInput([
    { path: 'after', message: 'It is not a `next` that a page of this list gave.' },
  ])
}
