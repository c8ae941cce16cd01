// Entries that nobody waits for (logins, refusals): kept in memory for a moment and written together, so that a flood
// of them costs few transactions. What is in memory is lost when the process is killed, as is fitting for what was
// promised to nobody. When the database cannot be written they wait, up to a limit; how many were lost is an entry too.
import { auditValues, insertAudit } from '../metadata/audit.ts'
import type { AuditEntry, AuditValues } from '../metadata/audit.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'

export interface AuditCollector {
  /** Never waits and never throws. */
  readonly add: (entry: AuditEntry) => void
  /** Tries to write all that was added before; what cannot be written stays for later. Never throws. */
  readonly flush: () => Promise<void>
  /** The last flush; what cannot be written then is lost, and said. */
  readonly close: () => Promise<void>
}

export interface CollectorOptions {
  readonly flushEveryMs?: number
  /** So many entries wait at most; later ones are lost. */
  readonly maxEntries?: number
  readonly warn: (message: string, error?: unknown) => void
}

/** Of one transaction, and so many waiting are written at once. */
const batchSize = 500

export function createAuditCollector(
  metadata: Pick<MetadataStore, 'write'>,
  { flushEveryMs = 500, maxEntries = 10_000, warn }: CollectorOptions,
): AuditCollector {
  const waiting: AuditValues[] = []
  let lost = 0
  let isFailing = false
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined

  function add(entry: AuditEntry): void {
    if (isClosed || waiting.length >= maxEntries) {
      lose()
      return
    }
    // Cut to length, and with the time of the event, whenever it is written.
    waiting.push(auditValues(entry))
    timer ??= setTimeout(onTimer, flushEveryMs).unref()
    if (waiting.length >= batchSize && writing === undefined && !isFailing) void flush()
  }

  function lose(): void {
    lost += 1
    if (lost > 1) return
    warn(
      isClosed
        ? 'Entries of the audit log are lost: they came after it was closed.'
        : `Entries of the audit log are being lost: ${maxEntries} are waiting to be written already.`,
    )
  }

  function onTimer(): void {
    timer = undefined
    void flush()
  }

  async function flush(): Promise<void> {
    // One that runs may have passed what was added since.
    await writing
    writing ??= writeAll().finally(() => {
      writing = undefined
    })
    await writing
  }

  async function writeAll(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    while (waiting.length > 0 || lost > 0) {
      const batch = waiting.slice(0, batchSize)
      const told = lost
      const entries = told === 0 ? batch : [...batch, lostEntry(told)]
      try {
        await metadata.write(async (tx) => insertAudit(tx, entries), { durable: false })
      } catch (error) {
        // Once until it works again.
        if (!isFailing) warn('The audit log cannot be written now; entries wait in memory.', error)
        isFailing = true
        timer ??= setTimeout(onTimer, flushEveryMs).unref()
        return
      }
      isFailing = false
      waiting.splice(0, batch.length)
      lost -= told
    }
  }

  async function close(): Promise<void> {
    await flush()
    isClosed = true
    clearTimeout(timer)
    const gone = waiting.length + lost
    if (gone > 0) warn(`Entries of the audit log that could not be written are lost: ${gone}.`)
    lost = 0
  }

  return { add, flush, close }
}

function lostEntry(count: number): AuditValues {
  const actor = { name: 'carrel' }
  return auditValues({ event: 'audit.lost', actor, subject: 'audit', detail: { count } })
}
