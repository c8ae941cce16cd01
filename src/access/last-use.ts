// When grants, tokens and principals were last used, and which actions of a grant. The hot path pays for a few Map
// look-ups; what came together is written in one transaction now and then. Nobody was promised it, so it is not
// waited for and may be lost in a power loss; an error of the database loses nothing.
import { actions, type GrantedAction } from '../auth/action.ts'
import type { Action } from '../auth/permission.ts'
import { noteGrantUses } from '../metadata/grant-uses.ts'
import { noteSeen } from '../metadata/last-seen.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { noteTokenUses } from '../metadata/token-secrets.ts'

/** One request that was allowed. What is left out did not matter for it. */
export interface Use {
  readonly grantId?: number | undefined
  /** What the grant was used for; without it only the time is noted. */
  readonly action?: Action | undefined
  readonly principalId?: number | undefined
  readonly tokenId?: number | undefined
  /** Of the token's secret, as the database has it. */
  readonly secretHash?: string | undefined
  readonly address?: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface UseRecorder extends AsyncDisposable {
  /** Never waits and never throws. */
  used(use: Use): void
  /** Writes what came together; what could not be written is kept and tried again. Never throws. */
  flush(): Promise<void>
  /** Flushes for the last time; what is used afterwards is not noted. */
  close(): Promise<void>
}

export interface UseRecorderOptions {
  readonly flushEveryMs?: number
  /** Of each kind; beyond it nothing new is noted until a flush succeeds. */
  readonly maxEntries?: number
  readonly warn: (message: string) => void
}

interface GrantEntry {
  at: number
  /** One bit for each action, in the order of `actions`. */
  bits: number
}

interface TokenEntry {
  readonly tokenId: number
  at: number
  address: string
}

interface Notes {
  readonly grants: Map<number, GrantEntry>
  /** By the hash of the secret; by the token's id where there was none. */
  readonly tokens: Map<string | number, TokenEntry>
  readonly principals: Map<number, { at: number }>
}

/** A transaction of so many rows holds others up for some ten milliseconds. */
const rowsAtOnce = 2000

export function createUseRecorder(
  metadata: Pick<MetadataStore, 'write'>,
  options: UseRecorderOptions,
): UseRecorder {
  const { flushEveryMs = 20_000, maxEntries = 100_000, warn } = options
  let notes = emptyNotes()
  let timer: NodeJS.Timeout | undefined
  let underway: Promise<void> | undefined
  let isClosed = false
  let isFailing = false
  let isFull = false

  function used(use: Use): void {
    if (isClosed) return
    const { grantId, principalId, tokenId } = use
    if (grantId === undefined && principalId === undefined && tokenId === undefined) return
    if (!note(notes, use, maxEntries)) tellOfLoss()
    timer ??= setTimeout(onTimer, flushEveryMs).unref()
  }

  function tellOfLoss(): void {
    if (isFull) return
    isFull = true
    warn(
      `Last use of more than ${maxEntries} grants, tokens or principals waits to be written; ` +
        'of others it is not noted until that succeeds, so they may seem to be unused.',
    )
  }

  function onTimer(): void {
    timer = undefined
    void flush()
  }

  async function flush(): Promise<void> {
    // What came since the running flush began is the next one's.
    await underway
    underway ??= writeNotes().finally(() => {
      underway = undefined
    })
    await underway
  }

  async function writeNotes(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    if (isEmpty(notes)) return
    const written = notes
    notes = emptyNotes()
    try {
      for (const part of partsOf(written)) {
        await metadata.write(async (tx) => writePart(tx, part), { durable: false })
      }
      isFailing = false
      isFull = false
    } catch (error) {
      // Those that were written are written again: that changes nothing.
      notes = merged(written, notes)
      if (!isFailing) {
        warn(`Last use could not be written and is kept for later: ${(error as Error).message}`)
      }
      isFailing = true
      if (!isClosed) timer ??= setTimeout(onTimer, flushEveryMs).unref()
    }
  }

  async function close(): Promise<void> {
    isClosed = true
    await flush()
    clearTimeout(timer)
    if (!isEmpty(notes)) warn('Last use of the past minutes could not be written and is lost.')
  }

  return { used, flush, close, [Symbol.asyncDispose]: close }
}

const bitOf: Readonly<Record<Action, number>> = bitsOfActions()

function bitsOfActions(): Record<Action, number> {
  const bits: Partial<Record<Action, number>> = {}
  for (const [index, action] of actions.entries()) bits[action] = 1 << index
  // Whoever may push to a name may make the repository by it.
  return { ...(bits as Record<GrantedAction, number>), create: bits.push as number }
}

function actionsOf(bits: number): readonly GrantedAction[] {
  return actions.filter((action) => (bits & bitOf[action]) !== 0)
}

function emptyNotes(): Notes {
  return { grants: new Map(), tokens: new Map(), principals: new Map() }
}

function isEmpty({ grants, tokens, principals }: Notes): boolean {
  return grants.size === 0 && tokens.size === 0 && principals.size === 0
}

/** Returns false when something did not fit. */
function note(notes: Notes, use: Use, maxEntries: number): boolean {
  const { grantId, action, principalId, tokenId, secretHash, address, at } = use
  let fits = true
  if (grantId !== undefined) {
    const bits = action === undefined ? 0 : bitOf[action]
    fits = noteGrant(notes.grants, grantId, { at, bits }, maxEntries)
  }
  if (principalId !== undefined) {
    const entry = notes.principals.get(principalId)
    if (entry !== undefined) entry.at = Math.max(entry.at, at)
    else if (notes.principals.size < maxEntries) notes.principals.set(principalId, { at })
    else fits = false
  }
  if (tokenId === undefined) return fits
  const key = secretHash ?? tokenId
  return noteToken(notes.tokens, key, { tokenId, at, address: address ?? '' }, maxEntries) && fits
}

function noteGrant(
  grants: Notes['grants'],
  id: number,
  { at, bits }: GrantEntry,
  maxEntries: number,
): boolean {
  const entry = grants.get(id)
  if (entry === undefined) {
    if (grants.size >= maxEntries) return false
    grants.set(id, { at, bits })
    return true
  }
  entry.bits |= bits
  entry.at = Math.max(entry.at, at)
  return true
}

function noteToken(
  tokens: Notes['tokens'],
  key: string | number,
  use: TokenEntry,
  maxEntries: number,
): boolean {
  const entry = tokens.get(key)
  if (entry === undefined) {
    if (tokens.size >= maxEntries) return false
    tokens.set(key, use)
    return true
  }
  if (entry.at > use.at) return true
  entry.at = use.at
  if (use.address !== '') entry.address = use.address
  return true
}

/** What both hold, the later time and all actions. `older` is not bounded again: it fitted before. */
function merged(older: Notes, newer: Notes): Notes {
  for (const [id, entry] of newer.grants) noteGrant(older.grants, id, entry, Infinity)
  for (const [key, entry] of newer.tokens) noteToken(older.tokens, key, entry, Infinity)
  for (const [id, { at }] of newer.principals) {
    const entry = older.principals.get(id)
    if (entry === undefined) older.principals.set(id, { at })
    else entry.at = Math.max(entry.at, at)
  }
  return older
}

type Part = (tx: Transaction) => Promise<void>

/** In nearly every case there is one. */
function* partsOf({ grants, tokens, principals }: Notes): Generator<readonly Part[]> {
  const grantUses = [...grants].map(([grantId, { at, bits }]) => {
    return { grantId, at, actions: actionsOf(bits) }
  })
  const tokenUses = [...tokens].map(([key, { tokenId, at, address }]) => {
    return { hash: typeof key === 'string' ? key : '', tokenId, at, address }
  })
  const seen = [...principals].map(([principalId, { at }]) => ({ principalId, at }))
  if (grantUses.length + tokenUses.length + seen.length <= rowsAtOnce) {
    yield [
      async (tx) => noteGrantUses(tx, grantUses),
      async (tx) => noteTokenUses(tx, tokenUses),
      async (tx) => noteSeen(tx, seen),
    ]
    return
  }
  for (const some of slices(grantUses)) yield [async (tx) => noteGrantUses(tx, some)]
  for (const some of slices(tokenUses)) yield [async (tx) => noteTokenUses(tx, some)]
  for (const some of slices(seen)) yield [async (tx) => noteSeen(tx, some)]
}

function* slices<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += rowsAtOnce) {
    yield all.slice(start, start + rowsAtOnce)
  }
}

async function writePart(tx: Transaction, part: readonly Part[]): Promise<void> {
  for (const write of part) await write(tx)
}
