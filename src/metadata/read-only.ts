// The read-only switch of an installation: while it is on, nothing that is kept changes. It is one setting, which every
// node sees, and ends by itself by the clock of whoever asks.
import type { Reader, Transaction } from './metadata-store.ts'
import { findSetting, removeSetting, saveSetting } from './settings.ts'

export interface ReadOnlyState {
  readonly since: number
  /** Undefined: until somebody switches it off. */
  readonly until: number | undefined
  /** For people; empty when nobody said why. */
  readonly reason: string
  /** Name of who switched it on. */
  readonly by: string
}

const key = 'read-only'

/** Undefined when changes are taken. */
export async function findReadOnly(
  reader: Reader,
  now: number = Date.now(),
): Promise<ReadOnlyState | undefined> {
  const text = await findSetting(reader, key)
  const state = text === undefined ? undefined : stateOf(text)
  return state?.until !== undefined && state.until <= now ? undefined : state
}

/** For regular work that changes or removes what is kept, such as collection: it waits meanwhile. */
export async function isReadOnly(reader: Reader): Promise<boolean> {
  return (await findReadOnly(reader)) !== undefined
}

/** Returns what was before, when it was on already. */
export async function switchReadOnlyOn(
  tx: Transaction,
  state: ReadOnlyState,
): Promise<ReadOnlyState | undefined> {
  const before = await findReadOnly(tx)
  await saveSetting(tx, key, JSON.stringify(state))
  return before
}

/** Returns what was on until now. */
export async function switchReadOnlyOff(tx: Transaction): Promise<ReadOnlyState | undefined> {
  const before = await findReadOnly(tx)
  await removeSetting(tx, key)
  return before
}

/** What cannot be read was meant to be on: nothing is changed until somebody looks. */
function stateOf(text: string): ReadOnlyState {
  try {
    const { since, until, reason, by } = JSON.parse(text) as Partial<ReadOnlyState>
    return {
      since: typeof since === 'number' ? since : 0,
      until: typeof until === 'number' ? until : undefined,
      reason: typeof reason === 'string' ? reason : '',
      by: typeof by === 'string' ? by : '',
    }
  } catch {
    return { since: 0, until: undefined, reason: 'the switch is damaged', by: '' }
  }
}
