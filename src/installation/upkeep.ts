// What happens to access by itself: grants, tokens and sessions come to their end, keys are renewed, the audit log is
// sealed and its head anchored. Any number of processes may do it at once.
import { closeDueReviews } from '../access/campaign-close.ts'
import { ensureEvidenceKey } from '../access/evidence-key.ts'
import { installationSign } from '../access/evidence.ts'
import { expireGrants } from '../access/grants.ts'
import { expiringTokens, removeEndedLogins } from '../access/token-upkeep.ts'
import { anchorHead } from '../audit/anchor.ts'
import { sealAudit } from '../audit/seal.ts'
import { deleteEndedFederatedLogins } from '../metadata/federation.ts'
import { removeEndedAttempts, removeUnseenClients } from '../metadata/login-attempts.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { removeExpiredSessions } from '../metadata/sessions.ts'
import { maintainSigningKeys } from './signing-keys.ts'

export interface RegularTask {
  /** As in "the … failed and will be tried again". */
  readonly name: string
  readonly everyMs: number
  readonly run: () => Promise<void>
  /** The process ends: what runs now should come to an end soon. */
  readonly stop?: () => void
  /** Once more when nobody is served any longer, after everything has stopped. */
  readonly last?: () => Promise<void>
}

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const unseenMs = 90 * 24 * hourMs
const atOnce = 1000

export function accessUpkeep(metadata: MetadataStore, dataDir: string): readonly RegularTask[] {
  return [
    {
      name: 'sealing of the audit log',
      everyMs: secondMs,
      run: async () => void (await sealAudit(metadata)),
    },
    {
      name: 'anchoring of the audit log',
      everyMs: 10 * minuteMs,
      async run() {
        const key = await ensureEvidenceKey(metadata)
        await anchorHead({ metadata, folder: dataDir, sign: (bytes) => key.sign(bytes) })
      },
    },
    {
      name: 'expiry of grants',
      everyMs: 20 * secondMs,
      async run() {
        while ((await expireGrants({ metadata })).more);
      },
    },
    {
      name: 'ending of access reviews',
      everyMs: minuteMs,
      run: async () => endDueReviews(metadata),
    },
    {
      name: 'expiry of sign-ins',
      everyMs: minuteMs,
      run: async () => removeEndedSignIns(metadata),
    },
    {
      name: 'upkeep of tokens and keys',
      everyMs: hourMs,
      async run() {
        await maintainSigningKeys(metadata)
        while ((await expiringTokens({ metadata })).more);
        while ((await removeEndedLogins({ metadata })) === atOnce);
      },
    },
  ]
}

/** What nobody confirmed in time ends with the review. */
async function endDueReviews(metadata: MetadataStore): Promise<void> {
  const { failed } = await closeDueReviews({ metadata, sign: installationSign(metadata) })
  if (failed.length === 0) return
  throw new Error(`${failed.length} reviews are over and could not be closed`)
}

async function removeEndedSignIns(metadata: MetadataStore): Promise<void> {
  const now = Date.now()
  await metadata.write(
    async (tx) => {
      await removeEndedAttempts(tx, { now, limit: atOnce })
      await removeExpiredSessions(tx, atOnce)
      await deleteEndedFederatedLogins(tx, now)
      await removeUnseenClients(tx, now - unseenMs)
    },
    { durable: false },
  )
}
