// How long requests take, one after another in turn, so that whatever else the machine does falls on all of them alike.

export interface Compared {
  /** In milliseconds, in the order of the works. */
  readonly medians: readonly number[]
  /** Between the largest and the smallest of them. */
  readonly differenceMs: number
  /** The shortest of each: what the work itself takes, whatever else the machine does. */
  readonly shortest: readonly number[]
  readonly told: string
}

export async function compareTimes(
  times: number,
  works: readonly (() => Promise<unknown>)[],
): Promise<Compared> {
  const taken = works.map((): number[] => [])
  for (let round = 0; round < times; round += 1) {
    for (const [index, work] of works.entries()) {
      const began = performance.now()
      await work()
      taken[index]?.push(performance.now() - began)
    }
  }
  const medians = taken.map(median)
  const differenceMs = Math.max(...medians) - Math.min(...medians)
  const shown = medians.map((ms) => ms.toFixed(3)).join(' / ')
  const told = `medians of ${times}: ${shown} ms, difference ${differenceMs.toFixed(3)} ms`
  return { medians, differenceMs, shortest: taken.map((all) => Math.min(...all)), told }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
