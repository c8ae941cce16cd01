// Lets so many in at once and so many wait: guessed passwords must not become a crowd of connections.

export interface Gate {
  /** What to call when leaving; `undefined` when too many wait already, or after the time. */
  enter(timeoutMs: number): Promise<(() => void) | undefined>
}

export interface GateLimits {
  readonly running: number
  readonly waiting: number
}

export function createGate(limits: GateLimits): Gate {
  let running = 0
  const waiting = new Set<() => void>()

  function leaveOnce(): () => void {
    let isInside = true
    return () => {
      if (!isInside) return
      isInside = false
      const [next] = waiting
      // The place goes to the next one, so nobody can come in between.
      if (next === undefined) running--
      else next()
    }
  }

  return {
    async enter(timeoutMs) {
      if (running < limits.running) {
        running++
        return leaveOnce()
      }
      if (waiting.size >= limits.waiting) return undefined
      return await new Promise((resolve) => {
        const timer = setTimeout(() => {
          waiting.delete(admit)
          resolve(undefined)
        }, timeoutMs)
        function admit(): void {
          clearTimeout(timer)
          waiting.delete(admit)
          resolve(leaveOnce())
        }
        waiting.add(admit)
      })
    },
  }
}
