// What a registry owes: the log of everything that clients asked for and how it was answered, and
// what must, may and must not be there afterwards. A request without an answer may have happened.

export type Outcome = 'done' | 'refused' | 'unknown'

export interface ContentEffect {
  readonly kind: 'blob' | 'manifest'
  readonly repository: string
  readonly digest: string
}

export type Effect =
  | ContentEffect
  /** Without a digest: the tag is deleted. */
  | {
      readonly kind: 'tag'
      readonly repository: string
      readonly tag: string
      readonly digest: string | undefined
    }

export interface ExpectedContent {
  readonly repository: string
  readonly digest: string
  /** False: it may be absent. What is there must be right in any case. */
  readonly promised: boolean
  /** Asked for since the last `settle`. */
  readonly recent: boolean
}

export interface ExpectedTag {
  readonly repository: string
  readonly tag: string
  /** Digests that it may have; undefined among them: it may be absent. */
  readonly allowed: ReadonlySet<string | undefined>
}

export interface Expected {
  readonly blobs: readonly ExpectedContent[]
  readonly manifests: readonly ExpectedContent[]
  readonly tags: readonly ExpectedTag[]
}

export interface SeenTag {
  readonly repository: string
  readonly tag: string
  readonly digest: string | undefined
}

export interface AcknowledgementLog {
  /** A request is sent now. The result is to be called with the answer; until then it is unknown. */
  begin(effects: readonly Effect[]): (outcome: Outcome) => void
  /** A moment for `expected`. */
  now(): number
  /** What is owed when everything stopped at that moment; without it, now. */
  expected(moment?: number): Expected
  /**
   * After a crash nothing is under way: what was seen is what there is, and counts from now on.
   * What was promised stays promised.
   */
  settle(tags: readonly SeenTag[]): void
}

interface Operation {
  readonly effects: readonly Effect[]
  readonly begun: number
  ended: number
  outcome: Outcome
}

interface Write {
  readonly digest: string | undefined
  readonly begun: number
  /** Infinity while unknown. */
  readonly ended: number
}

const beforeAll = -1

export function createAcknowledgementLog(): AcknowledgementLog {
  let clock = 0
  let operations: Operation[] = []
  const promised = {
    blob: new Map<string, ContentEffect>(),
    manifest: new Map<string, ContentEffect>(),
  }
  const tags = new Map<string, SeenTag>()

  function contents(kind: 'blob' | 'manifest', moment: number): readonly ExpectedContent[] {
    const found = new Map<string, ExpectedContent>()
    for (const [key, { repository, digest }] of promised[kind]) {
      found.set(key, { repository, digest, promised: true, recent: false })
    }
    for (const operation of operations) {
      const outcome = outcomeAt(operation, moment)
      if (outcome === 'refused') continue
      for (const effect of operation.effects) {
        if (effect.kind !== kind) continue
        const { repository, digest } = effect
        const key = keyOf(effect)
        const isPromised = outcome === 'done' || found.get(key)?.promised === true
        found.set(key, { repository, digest, promised: isPromised, recent: true })
      }
    }
    return [...found.values()]
  }

  function tagWrites(moment: number): ReadonlyMap<string, { tag: SeenTag; writes: Write[] }> {
    const found = new Map<string, { tag: SeenTag; writes: Write[] }>()
    const add = (tag: SeenTag, write: Write) => {
      const key = keyOf({ kind: 'tag', ...tag })
      const initial = { digest: undefined, begun: beforeAll, ended: beforeAll }
      const entry = found.get(key) ?? { tag, writes: [initial] }
      found.set(key, { tag, writes: [...entry.writes, write] })
    }
    for (const tag of tags.values()) {
      const settled = { digest: tag.digest, begun: 0, ended: 0 }
      found.set(keyOf({ kind: 'tag', ...tag }), { tag, writes: [settled] })
    }
    for (const operation of operations) {
      const outcome = outcomeAt(operation, moment)
      if (outcome === 'refused') continue
      const ended = outcome === 'done' ? operation.ended : Infinity
      for (const effect of operation.effects) {
        if (effect.kind !== 'tag') continue
        add(effect, { digest: effect.digest, begun: operation.begun, ended })
      }
    }
    return found
  }

  return {
    begin(effects) {
      const operation: Operation = {
        effects,
        begun: (clock += 1),
        ended: Infinity,
        outcome: 'unknown',
      }
      operations.push(operation)
      return (outcome) => {
        if (outcome === 'unknown') return
        operation.outcome = outcome
        operation.ended = clock += 1
      }
    },

    now: () => (clock += 1),

    expected(moment = Infinity) {
      const tagsExpected: ExpectedTag[] = []
      for (const { tag, writes } of tagWrites(moment).values()) {
        const { repository, tag: name } = tag
        tagsExpected.push({ repository, tag: name, allowed: allowedOf(writes) })
      }
      return {
        blobs: contents('blob', moment),
        manifests: contents('manifest', moment),
        tags: tagsExpected,
      }
    },

    settle(seen) {
      for (const operation of operations) {
        if (operation.outcome !== 'done') continue
        for (const effect of operation.effects) {
          if (effect.kind !== 'tag') promised[effect.kind].set(keyOf(effect), effect)
        }
      }
      for (const tag of seen) tags.set(keyOf({ kind: 'tag', ...tag }), tag)
      operations = []
    },
  }
}

function keyOf(effect: Effect): string {
  const name = effect.kind === 'tag' ? effect.tag : effect.digest
  return `${effect.repository} ${name}`
}

/** Refused also means: not asked for yet. */
function outcomeAt(operation: Operation, moment: number): Outcome {
  if (operation.begun > moment) return 'refused'
  return operation.ended > moment ? 'unknown' : operation.outcome
}

/** A value may be seen unless another write began after its own had ended, and has ended too. */
function allowedOf(writes: readonly Write[]): ReadonlySet<string | undefined> {
  const lastBegun = Math.max(
    ...writes.filter(({ ended }) => ended !== Infinity).map(({ begun }) => begun),
  )
  return new Set(writes.filter(({ ended }) => ended >= lastBegun).map(({ digest }) => digest))
}
