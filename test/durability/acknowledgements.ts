// What a registry owes: the log of everything that clients asked for and how it was answered, and
// what must, may and must not be there afterwards. A request without an answer may have happened.

export type Outcome = 'done' | 'refused' | 'unknown'

export interface ContentEffect {
  readonly kind: 'blob' | 'manifest'
  readonly repository: string
  readonly digest: string
  /** It is deleted. */
  readonly gone?: true
}

export interface TagEffect {
  readonly kind: 'tag'
  readonly repository: string
  readonly tag: string
  /** Without a digest: the tag is deleted. */
  readonly digest: string | undefined
  /** It may not be touched at all: a deleted manifest takes along the tags that it has at that moment. */
  readonly maybe?: true
}

export type Effect = ContentEffect | TagEffect

export interface ExpectedContent {
  readonly repository: string
  readonly digest: string
  /** False: it may be absent. What is there must be right in any case. */
  readonly promised: boolean
  /** It was deleted, and must not be there any more. */
  readonly deleted: boolean
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
  /** Everything that was asked for since the last `settle`, for a log elsewhere. */
  operations(): readonly Operation[]
}

export interface Operation {
  readonly effects: readonly Effect[]
  readonly begun: number
  ended: number
  outcome: Outcome
}

interface Write {
  /** Of a tag; of content its own, or undefined when it is deleted. */
  readonly digest: string | undefined
  readonly begun: number
  /** Infinity while unknown. */
  readonly ended: number
  readonly maybe: boolean
}

interface Register<Name> {
  readonly name: Name
  readonly writes: Write[]
  recent: boolean
}

const beforeAll = -1
const absent: Write = { digest: undefined, begun: beforeAll, ended: beforeAll, maybe: false }

export interface AcknowledgementLogOptions {
  /** Counts the moments: each call gives one that is no earlier than the one before. */
  readonly clock?: () => number
  /** Of another log with the same clock. */
  readonly operations?: readonly Operation[]
}

export function createAcknowledgementLog(
  options: AcknowledgementLogOptions = {},
): AcknowledgementLog {
  let count = 0
  const clock = options.clock ?? (() => (count += 1))
  let operations: Operation[] = [...(options.operations ?? [])]
  const promised = {
    blob: new Map<string, ContentEffect>(),
    manifest: new Map<string, ContentEffect>(),
  }
  const tags = new Map<string, SeenTag>()

  function contents(kind: 'blob' | 'manifest', moment: number): readonly ExpectedContent[] {
    const registers = new Map<string, Register<ContentEffect>>()
    for (const [key, name] of promised[kind]) {
      const settled = { digest: name.digest, begun: 0, ended: 0, maybe: false }
      registers.set(key, { name, writes: [settled], recent: false })
    }
    eachWrite(moment, (effect, write) => {
      if (effect.kind === kind) add(registers, effect, write)
    })
    return [...registers.values()].map(({ name: { repository, digest }, writes, recent }) => {
      const allowed = allowedOf(writes)
      const isPromised = !allowed.has(undefined)
      return { repository, digest, promised: isPromised, deleted: !allowed.has(digest), recent }
    })
  }

  function tagsExpected(moment: number): readonly ExpectedTag[] {
    const registers = new Map<string, Register<SeenTag>>()
    for (const tag of tags.values()) {
      const settled = { digest: tag.digest, begun: 0, ended: 0, maybe: false }
      const key = keyOf({ kind: 'tag', ...tag })
      registers.set(key, { name: tag, writes: [settled], recent: false })
    }
    eachWrite(moment, (effect, write) => {
      if (effect.kind === 'tag') add(registers, effect, write)
    })
    return [...registers.values()].map(({ name: { repository, tag }, writes }) => ({
      repository,
      tag,
      allowed: allowedOf(writes),
    }))
  }

  function eachWrite(moment: number, take: (effect: Effect, write: Write) => void): void {
    for (const operation of operations) {
      const outcome = outcomeAt(operation, moment)
      if (outcome === 'refused') continue
      const { begun } = operation
      const ended = outcome === 'done' ? operation.ended : Infinity
      for (const effect of operation.effects) {
        const isGone = effect.kind !== 'tag' && effect.gone === true
        const maybe = effect.kind === 'tag' && effect.maybe === true
        take(effect, { digest: isGone ? undefined : effect.digest, begun, ended, maybe })
      }
    }
  }

  return {
    begin(effects) {
      const operation: Operation = { effects, begun: clock(), ended: Infinity, outcome: 'unknown' }
      operations.push(operation)
      return (outcome) => {
        if (outcome === 'unknown') return
        operation.outcome = outcome
        operation.ended = clock()
      }
    },

    now: clock,

    expected: (moment = Infinity) => ({
      blobs: contents('blob', moment),
      manifests: contents('manifest', moment),
      tags: tagsExpected(moment),
    }),

    settle(seen) {
      for (const kind of ['blob', 'manifest'] as const) {
        const owed = contents(kind, Infinity).filter(({ promised: is }) => is)
        promised[kind].clear()
        for (const { repository, digest } of owed) {
          const effect = { kind, repository, digest }
          promised[kind].set(keyOf(effect), effect)
        }
      }
      for (const tag of seen) tags.set(keyOf({ kind: 'tag', ...tag }), tag)
      operations = []
    },

    operations: () => operations,
  }
}

function add<Name>(
  registers: Map<string, Register<Name>>,
  effect: Effect & Name,
  write: Write,
): void {
  const key = keyOf(effect)
  const register = registers.get(key) ?? { name: effect, writes: [absent], recent: true }
  register.writes.push(write)
  register.recent = true
  registers.set(key, register)
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
  let lastBegun = -Infinity
  for (const { begun, ended, maybe } of writes) {
    if (ended !== Infinity && !maybe) lastBegun = Math.max(lastBegun, begun)
  }
  return new Set(writes.filter(({ ended }) => ended >= lastBegun).map(({ digest }) => digest))
}
