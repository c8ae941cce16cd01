// The journal as regular work of a serving process.
import { createJournal, type JournalDeps } from './journal.ts'

const everyMs = 1000

export function journalUpkeep(deps: JournalDeps) {
  const journal = createJournal(deps)
  return [
    {
      name: 'journal in the storage',
      everyMs,
      run: async () => journal.run(),
      stop: () => journal.stop(),
      last: async () => journal.end(),
    },
  ]
}
