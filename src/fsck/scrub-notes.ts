// What the scrub remembers beside `verified_at`, under the settings key `scrub-last`: how far the walk through the rows
// is, and what metrics, doctor and the home page tell of it.
import type { MetadataStore } from '../metadata/metadata-store.ts'
import {
  listOldestVerified,
  readScrubNote,
  scrubNoteKey,
  type ScrubNote,
} from '../metadata/scrubbing.ts'
import { saveSetting } from '../metadata/settings.ts'

export interface ScrubNotes {
  /** As it was saved last, and as it is to be saved next. */
  current(): Promise<ScrubNote>
  change(what: Partial<ScrubNote>): void
  /** Written now and then, and at once when something was changed that others look at. */
  save(state: { readonly now: number; readonly unreadable: number }): Promise<void>
}

const saveEveryMs = 60_000

export function createScrubNotes({
  metadata,
  everyMs,
}: {
  readonly metadata: MetadataStore
  readonly everyMs: number
}): ScrubNotes {
  let note: ScrubNote | undefined
  let savedAt = 0
  let isUrgent = false

  async function current(): Promise<ScrubNote> {
    note ??= { ...emptyNote, ...(await readScrubNote(metadata)), everyMs }
    return note
  }

  return {
    current,
    change(what) {
      note = { ...emptyNote, ...note, ...what, everyMs }
      isUrgent ||= what.rowsVerifiedAt !== undefined
    },
    async save({ now, unreadable }) {
      const before = await current()
      if (!isUrgent && before.unreadable === unreadable && now - savedAt < saveEveryMs) return
      const [never] = await listOldestVerified(metadata, { before: 0, limit: 1 })
      const unverifiedSince = never === undefined ? null : (before.unverifiedSince ?? now)
      const next = { ...before, at: now, unreadable, unverifiedSince }
      await metadata.write(async (tx) => saveSetting(tx, scrubNoteKey, JSON.stringify(next)), {
        durable: false,
      })
      note = next
      savedAt = now
      isUrgent = false
    },
  }
}

const emptyNote: ScrubNote = {
  everyMs: null,
  at: 0,
  unverifiedSince: null,
  rowsVerifiedAt: null,
  rows: null,
  damagedManifests: [],
  unreadable: 0,
}
