// Asks again and again whether credentials still open what they opened, over several connections (each is led to one of
// the registry's workers), and tells when the last of them noticed that they do not.
import { setTimeout as sleep } from 'node:timers/promises'
import { createWire, type Wire } from './access-wire.ts'

export interface Credential {
  /** Such as `robot removed, secret as Basic`. */
  readonly label: string
  readonly authorization: string
  /** What is asked: 200 while it is allowed. */
  readonly path: string
}

export interface Noticed {
  readonly label: string
  /** Since the changes were begun: when it was last allowed by anybody; undefined when it still is. */
  readonly seconds: number | undefined
  /** What is answered instead, all kinds of them. */
  readonly statuses: readonly number[]
}

export interface Watch extends Disposable {
  /** Every one of them is allowed on every connection. @throws {Error} that names those which are not */
  requireAllAllowed(): Promise<void>
  /** Resolves when all were refused everywhere for a while, or when the time is over. */
  untilRefused(changes: () => Promise<void>): Promise<readonly Noticed[]>
}

export interface WatchOptions {
  /** A wire of its own for each: one of them for each connection. */
  readonly ports: readonly number[]
  readonly connectionsPerPort: number
  readonly everyMs: number
  /** From the first refusal on it is asked for so long, whether it comes back. */
  readonly confirmMs: number
  readonly longestMs: number
}

interface Line {
  readonly wire: Wire
  readonly credential: Credential
  readonly statuses: Set<number>
  lastAllowedAt: number
  refusedAt: number | undefined
}

export function watchCredentials(credentials: readonly Credential[], options: WatchOptions): Watch {
  const lines = credentials.flatMap((credential, index) =>
    options.ports.flatMap((port) =>
      Array.from({ length: options.connectionsPerPort }, (): Line => ({
        // An address of its own: what it guesses in vain counts for nobody else.
        wire: createWire(port, { from: `127.0.2.${index + 1}` }),
        credential,
        statuses: new Set(),
        lastAllowedAt: 0,
        refusedAt: undefined,
      })),
    ),
  )

  async function ask({ wire, credential }: Line): Promise<number> {
    const { authorization, path } = credential
    return (await wire.ask('GET', path, { authorization })).status
  }

  async function follow(line: Line, endsAt: number): Promise<void> {
    const { confirmMs, everyMs } = options
    while (performance.now() < Math.min(endsAt, (line.refusedAt ?? endsAt) + confirmMs)) {
      const askedAt = performance.now()
      const status = await ask(line)
      if (status === 200) line.lastAllowedAt = performance.now()
      else line.statuses.add(status)
      line.refusedAt = status === 200 ? undefined : (line.refusedAt ?? askedAt)
      await sleep(everyMs)
    }
  }

  return {
    async requireAllAllowed() {
      const answers = await Promise.all(
        lines.map(async (line) => `${await ask(line)} ${line.credential.label}`),
      )
      const wrong = answers.filter((answer) => !answer.startsWith('200 '))
      if (wrong.length > 0) throw new Error(`refused from the start:\n${wrong.join('\n')}`)
    },
    async untilRefused(changes) {
      const beganAt = performance.now()
      const endsAt = beganAt + options.longestMs
      for (const line of lines) line.lastAllowedAt = beganAt
      const following = lines.map(async (line) => follow(line, endsAt))
      await Promise.all([changes(), ...following])
      return credentials.map((credential) => noticed(linesOf(lines, credential), beganAt))
    },
    [Symbol.dispose]() {
      for (const { wire } of lines) wire[Symbol.dispose]()
    },
  }
}

function linesOf(lines: readonly Line[], credential: Credential): readonly Line[] {
  return lines.filter((line) => line.credential === credential)
}

function noticed(lines: readonly Line[], beganAt: number): Noticed {
  const statuses = new Set(lines.flatMap((line) => [...line.statuses]))
  const lastAllowedAt = Math.max(...lines.map((line) => line.lastAllowedAt))
  const isOver = lines.every(({ refusedAt }) => refusedAt !== undefined)
  return {
    label: lines[0]?.credential.label ?? '',
    seconds: isOver ? (lastAllowedAt - beganAt) / 1000 : undefined,
    statuses: [...statuses].toSorted((a, b) => a - b),
  }
}
