// Users of an htpasswd file, as registry:2 has them: bcrypt only. The file stays the operator's: it is read again
// when it has changed, and one that cannot be read or understood does not replace the users of before.
import { open, stat } from 'node:fs/promises'
import type { BigIntStats } from 'node:fs'
import { bcryptCost } from './password-hash.ts'

export interface Htpasswd {
  /** The user's bcrypt hash. Looks at the file at most once a second. */
  lookup(name: string): Promise<string | undefined>
  /** As lookup, of what is in memory. */
  current(name: string): string | undefined
  /** True when the file was looked at less than a second ago, so that `current` is as good as `lookup`. */
  isFresh(): boolean
  /** The highest bcrypt cost in the file. */
  cost(): number
}

export interface HtpasswdOptions {
  readonly warn: (message: string) => void
  readonly now?: () => number
}

interface Users {
  readonly hashes: ReadonlyMap<string, string>
  readonly cost: number
}

const checkIntervalMs = 1000
const maxFileBytes = 8 * 1024 * 1024
// What registry:2's documentation makes its users choose: htpasswd's own default.
const defaultCost = 5

/** @throws {Error} when the file cannot be read or understood at the start */
export async function openHtpasswd(path: string, options: HtpasswdOptions): Promise<Htpasswd> {
  const { warn, now = () => performance.now() } = options
  let version = ''
  let users: Users = { hashes: new Map(), cost: defaultCost }
  let checkedAt = -Infinity
  let underway: Promise<void> | undefined
  let problem: string | undefined

  async function load(): Promise<void> {
    const present = versionOf(await stat(path, { bigint: true }))
    if (present === version) return
    const text = await readBounded(path)
    // Whatever comes of it: the same content is not tried, nor warned of, again.
    version = present
    const parsed = parseHtpasswd(text)
    if (parsed.refused.length > 0) warn(refusedWarning(path, parsed.refused))
    users = { hashes: parsed.hashes, cost: parsed.cost }
  }

  async function check(): Promise<void> {
    try {
      await load()
      problem = undefined
    } catch (error) {
      const { message } = error as Error
      if (message !== problem) {
        warn(
          `The htpasswd file ${path} cannot be used now, so its users of before stay: ${message}`,
        )
      }
      problem = message
    }
    checkedAt = now()
    underway = undefined
  }

  const isFresh = (): boolean => now() - checkedAt < checkIntervalMs

  try {
    await load()
    checkedAt = now()
  } catch (cause) {
    const { message } = cause as Error
    throw new Error(
      `The htpasswd file ${path} cannot be used: ${message}. ` +
        'Make it with: htpasswd -Bbn USER PASSWORD > FILE',
      { cause },
    )
  }

  return {
    isFresh,
    current: (name) => users.hashes.get(name),
    cost: () => users.cost,
    async lookup(name) {
      if (!isFresh()) await (underway ??= check())
      return users.hashes.get(name)
    },
  }
}

export interface ParsedHtpasswd extends Users {
  /** Names of users whose hash is not one that we accept. */
  readonly refused: readonly string[]
}

/**
 * As registry:2 reads it: `#` begins a comment, blanks around a line do not count, the last line of a user counts.
 *
 * @throws {Error} when a line is not `user:hash`; the message has its number and not its text, which may be a secret
 */
export function parseHtpasswd(text: string): ParsedHtpasswd {
  const hashes = new Map<string, string>()
  const refused = new Set<string>()
  let highest = 0
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const hash = line.slice(colon + 1)
    if (colon < 1 || !isUserName(name)) throw new Error(`line ${index + 1} is not user:hash`)
    const cost = bcryptCost(hash)
    hashes.delete(name)
    refused.delete(name)
    if (cost === undefined) {
      refused.add(name)
      continue
    }
    hashes.set(name, hash)
    highest = Math.max(highest, cost)
  }
  return { hashes, cost: highest === 0 ? defaultCost : highest, refused: [...refused] }
}

function isUserName(name: string): boolean {
  // oxlint-disable-next-line no-control-regex -- that is what must not come near a terminal or a log
  return name.length <= 255 && !/[\u0000-\u001f\u007f-\u009f]/.test(name)
}

/** The change time as well: copying with kept dates does not show in the modification time. */
function versionOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`
}

async function readBounded(path: string): Promise<string> {
  await using file = await open(path)
  const { size } = await file.stat()
  if (size > maxFileBytes) throw new Error(`it has ${size} bytes; the limit is ${maxFileBytes}`)
  return await file.readFile('utf8')
}

function refusedWarning(path: string, names: readonly string[]): string {
  const shown = names.slice(0, 20).join(', ')
  const more = names.length > 20 ? ` and ${names.length - 20} more` : ''
  return (
    `These users of ${path} cannot sign in, as their passwords are not bcrypt of cost 4 to 15: ` +
    `${shown}${more}. Set their passwords again with htpasswd -B.`
  )
}
