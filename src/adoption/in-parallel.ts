// Much waiting for the disk at once, without more of it than is good.

/** Results in the order of the items; `ahead` of them are made before they are asked for. */
export async function* mapAhead<Item, Result>(
  items: Iterable<Item>,
  ahead: number,
  run: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const waiting: Promise<Result>[] = []
  for (const item of items) {
    const result = run(item)
    // Whoever awaits it hears of its failure; until then it is not unhandled.
    result.catch(() => undefined)
    waiting.push(result)
    if (waiting.length > ahead) yield await (waiting.shift() as Promise<Result>)
  }
  for (const result of waiting) yield await result
}

/** At most `limit` are under way. */
export async function eachLimited<Item>(
  items: readonly Item[],
  limit: number,
  run: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0
  let failed = false
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const item = items[next] as Item
      next += 1
      await run(item).catch((error: unknown) => {
        failed = true
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
}

export function slices<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const cut: (readonly Item[])[] = []
  for (let at = 0; at < items.length; at += size) cut.push(items.slice(at, at + size))
  return cut
}
