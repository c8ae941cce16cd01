// What the database knows of the journal in the storage: how far it goes, and where its last base is. One setting, so
// that it changes in the transaction that takes away what the journal holds now.
import type { Reader, Transaction } from './metadata-store.ts'
import { findSetting, removeSetting, saveSetting } from './settings.ts'

export interface JournalState {
  /** A new one with each base that was not begun from an unbroken journal. */
  readonly lineage: string
  /** The first segment that this lineage has written. */
  readonly from: number
  /** The last one that is known to be there. */
  readonly to: number
  /** The base that is complete; undefined while there is none. */
  readonly base: JournalBase | undefined
  /** Of all segments since the base began, it included. */
  readonly segments: number
  readonly bytes: number
  /** The largest ids that were ever given out here. */
  readonly highest: HighestIds
}

export interface JournalBase {
  readonly id: string
  readonly from: number
  readonly parts: number
  readonly bytes: number
}

export interface HighestIds {
  readonly repository: number
  readonly principal: number
}

const key = 'journal'
const unfinishedKey = 'rebuild-unfinished'

export async function findJournalState(reader: Reader): Promise<JournalState | undefined> {
  const text = await findSetting(reader, key)
  return text === undefined ? undefined : (JSON.parse(text) as JournalState)
}

export async function saveJournalState(tx: Transaction, state: JournalState): Promise<void> {
  await saveSetting(tx, key, JSON.stringify(state))
}

/**
 * Has the journal begin anew with all that is there. For whoever has brought content past the queue: an adopted volume,
 * a database from a backup.
 */
export async function requestJournalBase(tx: Transaction): Promise<void> {
  await removeSetting(tx, key)
}

/** While a rebuild fills the database, which is not to be taken for a whole one. */
export async function setRebuildUnfinished(tx: Transaction, unfinished: boolean): Promise<void> {
  if (unfinished) await saveSetting(tx, unfinishedKey, 'yes')
  else await removeSetting(tx, unfinishedKey)
}

export async function isRebuildUnfinished(reader: Reader): Promise<boolean> {
  return (await findSetting(reader, unfinishedKey)) !== undefined
}
