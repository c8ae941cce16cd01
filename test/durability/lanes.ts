// The same work several times side by side. All of it is over when the promise settles, so that
// nothing uses a folder that the test has removed after the first failure.

export const lanes = 2

/** The results in order, or the first failure. */
export async function inLanes<T>(work: (lane: number) => Promise<T>): Promise<readonly T[]> {
  const started = Array.from({ length: lanes }, async (_, lane) => work(lane))
  await Promise.allSettled(started)
  return Promise.all(started)
}
